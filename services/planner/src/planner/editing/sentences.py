"""Cuts what a person typed into single commands, without politeness."""

import re

_VERBS = (
    "add|append|insert|create|introduce|include|put|place|remove|delete|drop|rename|merge|combine|split|divide|"
    "give|grant|take|revoke|connect|link|disconnect|unlink|make|set|change|switch|use|let|allow|require|have|move|"
    "undo|redo|revert|scale|run|double|halve|swap|turn|convert|upgrade|downgrade|call|get rid|stop|increase|raise|"
    "reduce|lower|limit|assign|equip|loop|fold|join|verify"
)
_BETWEEN = re.compile(
    rf"\s*(?:[;\n]+|\.\s+|,?\s*\b(?:and\s+then|and\s+also|then|and|plus)\b|,)\s+"
    rf"(?=(?:please\s+|also\s+|then\s+)*(?:{_VERBS})\b)",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^(?:i\s+(?:think|guess|believe)(?:\s+that)?|hey|hi|hello|ok(?:ay)?|so|well|now|then|and|also|please|kindly|just|maybe|"
    r"(?:can|could|would|will)\s+(?:you|we)(?:\s+please)?|i(?:\s+would|'d|’d)\s+like\s+(?:you\s+)?to(?=\s)|"
    r"i\s+(?:want|need)\s+(?:you\s+)?to(?=\s)|we\s+(?:should|must|need\s+to|have\s+to|want\s+to)(?=\s)|"
    r"let(?:'s|’s|\s+us)|you\s+(?:should|can|could)|go\s+ahead\s+and)\b[\s,]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"[\s,]*(?:please|thanks|thank you|for me|now|as well|too)?[\s.!?]*$", re.IGNORECASE
)


def sentences(command: str) -> tuple[str, ...]:
    """The single commands in their order; "and" separates only where another command begins."""
    text = re.sub(r"[ \t]+", " ", command.replace("’", "'")).strip()
    plain = [one for part in _BETWEEN.split(text) if (one := _plain(part))]
    return tuple(one for text in plain for one in _with_verb(text))


def _with_verb(text: str) -> tuple[str, ...]:
    """Two things added by one verb, the second one after the first; not where "and" joins a duty or two ends."""
    found = _ADDS.fullmatch(text)
    if found is None or _JOINED.search(found["one"]):
        return (text,)
    verb, one, two = found["verb"], found["one"], found["two"]
    if _PLACED.search(one) or (place := _PLACED.search(two)) is None:
        return (f"{verb} {one}", *_with_verb(f"{verb} {two}"))
    after = " after it" if place[1].lower() == "after" else f" {place[0]}"
    rest = f"{two[: place.start()].strip()}{after}{two[place.end() :]}"
    return (f"{verb} {one} {place[0]}", *_with_verb(f"{verb} {rest}"))


_ADDS = re.compile(
    r"(?P<verb>add|insert|create|introduce|include|put|place)\s+(?P<one>.+?)(?:,?\s+and|,)\s+(?P<two>(?:an?|another)\s.+)",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\b(?:between|that|who|which|called|named|to|with)\b", re.IGNORECASE)
_PLACED = re.compile(
    r"\b(after|before|behind)\s+.+?(?=$|\s+(?:that|who|which|to|with|and)\s)", re.IGNORECASE
)


_NEED = re.compile(
    r"^(?:(?:we|i)\s+(?:also\s+)?(?:need|want|would\s+like)\s+(?!to\b)|there\s+(?:should|must|needs?\s+to|has\s+to)\s+be\s+)",
    re.IGNORECASE,
)


def _plain(part: str) -> str:
    text, before = part.strip(), None
    while text != before:
        before = text
        text = _POLITE.sub("", text).strip()
    return _CLOSING.sub("", _NEED.sub("add ", text)).strip(" ;")
