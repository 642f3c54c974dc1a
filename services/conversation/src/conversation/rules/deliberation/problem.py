"""Reads a problem stated in plain words: what is wanted, which options it names, what bounds it, whom it touches."""

import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field

from common.contracts.values import Value
from common.wording import PhraseIndex, stems, words


class Bound(Value):
    """A limit in the text: `kind` is `money`, `time` or `rule`; `text` as written."""

    kind: str
    text: str


class Problem(Value):
    """What the text gives. Phrases are as written, so that messages can quote them."""

    text: str
    action: str
    """What is to be done, as an infinitive phrase ("cut the waiting time")."""
    topic: str
    """What it is done to ("the waiting time")."""
    is_choice: bool = False
    """Whether the text itself names the options."""
    named_options: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    people: tuple[str, ...] = ()
    """Those affected, the most often named first."""
    places: tuple[str, ...] = ()
    """Units in which one could begin ("ward", "store")."""
    cues: dict[str, str] = Field(default_factory=dict)
    """Concern → the words in the text that raise it."""
    figures: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    def bound(self, kind: str) -> str | None:
        return next((bound.text for bound in self.bounds if bound.kind == kind), None)


CUES: dict[str, tuple[str, ...]] = {
    "safety": ("safety", "injury", "harm", "accident", "danger", "patient", "child", "fire", "emergency", "hazard",
               "infection", "life", "medical"),
    "law": ("law", "legal", "gdpr", "hipaa", "regulation", "regulator", "compliance", "audit", "licence", "license",
            "permit", "contract", "liability", "inspection", "personal data", "privacy", "consent"),
    "money": ("budget", "cost", "price", "expensive", "afford", "money", "fund", "grant", "profit", "revenue", "loss",
              "margin", "salary", "cheap", "fee"),
    "time": ("deadline", "urgent", "quickly", "fast", "soon", "immediately", "asap", "before", "late", "delay",
             "in time", "hurry"),
    "people": ("staff", "volunteer", "overtime", "workload", "burnout", "hire", "recruit", "turnover", "shift",
               "tired", "vacancy", "understaffed", "overworked", "training", "morale"),
    "users": ("customer", "patient", "student", "user", "guest", "visitor", "member", "resident", "client", "reader",
              "passenger", "parent", "citizen", "audience", "participant", "complaint"),
    "queue": ("wait", "queue", "backlog", "congestion", "bottleneck", "overload", "crowded", "capacity", "peak",
              "throughput", "overcrowded", "full", "line"),
    "software": ("software", "app", "system", "database", "code", "api", "platform", "server", "cloud", "website",
                 "migration", "legacy", "data pipeline", "checkout", "deploy", "release", "microservice", "monolith"),
    "quality": ("quality", "error", "defect", "mistake", "wrong", "accuracy", "accurate", "reliable", "rework",
                "outage", "incident", "downtime", "waste", "spoil", "fault", "missing"),
    "growth": ("grow", "sell", "direct sale", "wholesaler", "growth",
               "scale", "expand", "more customers", "market", "demand", "double", "increase", "sales",
               "attract", "reach", "sign up", "enrol"),
    "knowledge": ("learn", "teach", "course", "curriculum", "school", "training", "skill", "research", "knowledge",
                  "understand", "study", "unknown", "uncertain", "unclear", "not sure", "no idea", "don't know"),
    "place": ("building", "room", "site", "garden", "land", "park", "office", "warehouse", "street", "hall", "roof",
              "kitchen", "venue", "space", "move to"),
    "environment": ("energy", "carbon", "emission", "waste", "water", "solar", "recycle", "climate", "pollution",
                    "biodiversity", "soil", "plastic", "green"),
    "event": ("festival", "conference", "event", "wedding", "fair", "concert", "exhibition", "meeting", "campaign",
              "launch", "celebration", "tour"),
    "supply": ("supplier", "delivery", "logistic", "stock", "inventory", "shipment", "order", "route", "fleet",
               "truck", "harvest", "produce", "transport"),
    "trust": ("trust", "reputation", "complain", "conflict", "resistance", "oppose", "community", "neighbour",
              "union", "fair", "transparency", "communication", "angry"),
}  # fmt: skip

_PEOPLE = """
patients nurses doctors students teachers pupils parents children customers users guests visitors members
residents clients passengers drivers engineers developers volunteers employees staff managers farmers suppliers
citizens neighbours tenants players artists researchers scientists donors investors reviewers operators pilots cooks
chefs waiters librarians technicians inspectors agents partners families workers attendees participants subscribers
sellers buyers merchants pharmacists carers hosts owners commuters cyclists pedestrians shoppers readers authors
editors journalists audience team borrowers diners seniors veterans trainees pensioners
"""
_PLACES = """
ward clinic department store shop branch school class course site warehouse region district plant line service
module country city village street field kitchen restaurant hotel floor building route depot station library museum
venue stage faculty campus product market room farm factory office counter canteen park neighbourhood vineyard garden
laboratory workshop port terminal
"""
PEOPLE = {noun: (noun,) for noun in _PEOPLE.split()}
PLACES = {noun: (noun,) for noun in _PLACES.split()}

_ACTIONS = frozenset(
    stems(
        "reduce cut lower shorten decrease increase raise grow improve build launch create introduce develop design "
        "migrate replace move switch modernise organise plan run host hold hire train staff "
        "comply secure protect sell "
        "buy win attract keep retain save speed make bring get find set start open close prevent "
        "avoid stop fix solve "
        "handle manage prepare decide distribute deliver teach support serve feed fund renovate restore expand merge "
        "automate encourage convince reach use turn share store choose adopt deal respond recover rescue meet double "
        "halve"
    )
)

_MONEY = re.compile(
    r"(?:[$€£]\s?\d[\d,.]*\s?(?:k|m|million|thousand|billion)?|\d[\d,.]*\s?(?:k|m|million|thousand)?\s?"
    r"(?:dollars|euros|pounds|usd|eur|gbp))\b(?:\s(?:a|per)\s(?:year|month|week|day|hour))?",
    re.I,
)
_NUMBER_WORD = (
    r"\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a|an|a few|several|half a"
)
_MONTH = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "spring|summer|autumn|winter|christmas|easter|monday|tuesday|wednesday|thursday|friday"
)
_TIME = re.compile(
    rf"\b(?:(?:within|in|by|before|until|over|under|for)\s(?:the\s)?(?:next\s|end of\s|coming\s)*"
    rf"(?:(?:{_NUMBER_WORD})\s(?:working\s)?(?:hours?|days?|weeks?|months?|quarters?|years?)|(?:{_MONTH})"
    rf"(?:\s\d{{1,4}})?|(?:year|month|quarter|term|season|school year|summer)))\b",
    re.I,
)
_RULE = re.compile(
    r"\b(?:must(?!\s(?:decide|choose))(?: not)?|may not|cannot|can't|without|at least|at most"
    r"|no more than|not allowed to)\s[^.;,\n]{3,80}",
    re.I,
)
_FIGURE = re.compile(r"\b\d[\d,.]*\s?(?:%|percent\b|[a-z]+(?:\s(?:per|a|an|of)\s[a-z]+)?)", re.I)
_LEAD = re.compile(
    r"^(?:please\s|hello[,.]?\s|hi[,.]?\s)?(?:(?:how|what)\s(?:can|do|should|could|might|would)\s(?:we|i"
    r"|our\s\w+|the\s\w+)\s(?:best\s)?"
    r"|(?:we|i|our\s[\w ]{2,30}|the\s[\w ]{2,30})\s(?:want|wants|need|needs|have to|has to|would like"
    r"|plan|plans|aim|aims|try|must|should|hope|hopes|intend|intends)\s(?:to\s)?"
    r"|(?:(?:our|the)\s)?(?:goal|aim|task|challenge|problem|objective|question)\s(?:is"
    r"|for us is)\s(?:how\s)?(?:to\s)?"
    r"|(?:help (?:us|me)|find (?:a|the best) way|decide how|figure out how|work out how|discuss how"
    r"|agree how)\s(?:to\s)?|to\s)",
    re.I,
)
_CUT = re.compile(
    r"\s(?:without|within|while|because|so that|since|given that|although|but|before|by (?:the\s)?(?:end|"
    rf"{_MONTH}|\d)|until|under (?:[$€£]|\d)|with a budget|in order to|and (?:we|our|the|it)\s|which\s"
    rf"|who\s|where\s)|,(?!\d)|[;:?!\n(]|\.(?!\d)|\s[–—-]\s",
    re.I,
)
_BETWEEN = re.compile(
    r"\b(?:between|among)\s(.+?)(?:[.;?\n]|\s(?:for|given|while|because|within|by)\s|$)", re.I
)
_WHETHER = re.compile(
    r"\b(?:whether(?:\s(?:we|the \w+|our \w+|i)\s(?:should|must|ought to|can))?(?:\sto)?|should\s(?:we|i"
    r"|our\s\w+|the\s\w+)|do we|either|shall we)\s(.+?)(?:[.;?\n]|$)",
    re.I,
)
_LIST = re.compile(
    r"\b(?:options?|alternatives?|candidates?|choices|possibilities)(?:\s(?:are|is|include"
    r"|we see are))?\s?:?\s*(.+?)(?:\.\s|\.$|\n\n|$)",
    re.I | re.S,
)
_VERSUS = re.compile(r"([^.;?\n:]{3,80}?)\s(?:vs\.?|versus)\s([^.;?\n]{3,80})", re.I)


def read_problem(text: str) -> Problem:
    """What the goal says; every phrase is as written in it."""
    whole = " ".join(text.split())
    sentences = tuple(s.strip() for s in re.split(r"(?<=[.!?;])\s+|\n+", whole) if s.strip())
    options = _named_options(text, sentences)
    action = _action(sentences, options)
    return Problem(
        text=whole,
        action=action,
        topic=_topic(action),
        is_choice=len(options) > 1,
        named_options=options,
        bounds=tuple(_bounds(sentences)),
        people=_nouns(whole, PEOPLE),
        places=_nouns(whole, PLACES),
        cues=_cues(whole),
        figures=tuple(dict.fromkeys(found[0].strip() for found in _FIGURE.finditer(whole)))[:8],
        sentences=sentences,
    )


def _action(sentences: tuple[str, ...], options: tuple[str, ...]) -> str:
    """The infinitive of the clearest wish; of a bare choice, to choose."""
    if len(options) > 1:
        return "choose"
    clauses = [_wish(sentence) for sentence in sentences]
    wished = [
        clause
        for clause in clauses
        if clause and stems(clause)[:1] and stems(clause)[0] in _ACTIONS
    ]
    if wished:
        return _short(wished[0])
    return (
        "settle this: " + _short(sentences[0].rstrip(".?!")) if sentences else "settle the question"
    )


def _wish(sentence: str) -> str:
    """The part of a sentence that says what is wanted, from its verb on; empty where there is none."""
    rest = _LEAD.sub("", sentence, count=1).strip()
    is_asked = rest != sentence
    clause = _CUT.split(rest, maxsplit=1)[0].strip().rstrip(".?!")
    parts = clause.split()
    if is_asked:  # "how can our small vineyard sell more wine": the subject goes
        place = next((i for i, part in enumerate(parts[:6]) if set(stems(part)) & _ACTIONS), 0)
        parts = parts[place:]
    if len(parts) < 2:
        return ""
    head = parts[0] if parts[0][:2].isupper() else parts[0].lower()
    return " ".join([head, *parts[1:]])


def _topic(action: str) -> str:
    head, _, rest = action.partition(" ")
    if not rest or head in {"choose", "settle"}:
        return "this question"
    core = _DEGREE.split(_QUANTIFIER.sub("", rest), maxsplit=1)[0].strip()
    return core or rest


_QUANTIFIER = re.compile(
    r"^(?:more|less|fewer|much|many|the (?:number|amount|share) of|a lot of|up|down)\s", re.I
)
_DEGREE = re.compile(
    r"\s(?:below|above|under|over|instead|than|directly|by|per|to less|to at|for \d"
    r"|with|after|until|during|using|as)\b",
    re.I,
)


def _short(clause: str) -> str:
    parts = clause.split()
    return " ".join(parts[:16])


def _named_options(text: str, sentences: tuple[str, ...]) -> tuple[str, ...]:
    listed = _LIST.search(text)
    if listed and (found := _split_list(listed[1])) and len(found) > 1:
        return found
    for pattern in (_BETWEEN, _WHETHER):
        for sentence in sentences:
            match = pattern.search(sentence)
            if match and len(found := _split_list(match[1])) > 1:
                return found
    for sentence in sentences:
        if match := _VERSUS.search(sentence):
            return _clean_all((match[1], match[2]))
    return ()


def _split_list(text: str) -> tuple[str, ...]:
    if re.search(r"(?:^|\s)(?:\(?\d\)|\(?[a-d]\)|\d\.|[-*•])\s", text):
        parts = re.split(r"(?:^|\s)(?:\(?\d\)|\(?[a-d]\)|\d\.|[-*•])\s+", text)
    else:
        parts = re.split(r"\s*[;\n]\s*|,?\s+or\s+(?:to\s+)?", text)
        if len(parts) < 2:
            parts = re.split(r",?\s+and\s+", text)
        parts = [piece for part in parts for piece in _by_commas(part)]
    return _clean_all(parts)


def _by_commas(part: str) -> list[str]:
    pieces = [piece.strip() for piece in part.split(",")]
    return pieces if all(1 <= len(piece.split()) <= 9 for piece in pieces if piece) else [part]


def _clean_all(parts: Iterable[str]) -> tuple[str, ...]:
    cleaned = (_clean(part) for part in parts)
    return tuple(dict.fromkeys(part for part in cleaned if part))[:5]


def _clean(part: str) -> str:
    line = " ".join(part.split()).strip(" .,:;?!\"“”'")
    line = re.sub(r"^(?:and|or|either|to|we|should|the options? of)\s+", "", line, flags=re.I)
    line = _TRAILING.sub("", line)
    is_phrase = re.search(r"[^\W\d_]{2,}", line) is not None  # "between 14 and 18" names no options
    return " ".join(line.split()[:14]) if is_phrase else ""


_TRAILING = re.compile(
    rf"\s(?:within|by (?:the\s)?(?:end|{_MONTH})|before (?:the|{_MONTH})|given|because|so that|while)\b.*$",
    re.I,
)


def _bounds(sentences: tuple[str, ...]) -> Iterator[Bound]:
    seen: set[str] = set()
    for sentence in sentences:
        for kind, pattern in (("money", _MONEY), ("time", _TIME), ("rule", _RULE)):
            for match in pattern.finditer(sentence):
                text = match[0].strip().rstrip(".,")
                if text.lower() not in seen:
                    seen.add(text.lower())
                    yield Bound(kind=kind, text=text)


def _nouns(text: str, lexicon: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Nouns of the lexicon by how often they stand in the text, then by place."""
    counts: dict[str, int] = {}
    for match in PhraseIndex(lexicon).find(stems(text), words(text)):
        counts[match.key] = counts.get(match.key, 0) + 1
    first = {noun: place for place, noun in enumerate(counts)}
    return tuple(sorted(counts, key=lambda noun: (-counts[noun], first[noun])))


def _cues(text: str) -> dict[str, str]:
    asked, plain = stems(text), words(text)
    found: dict[str, list[str]] = {}
    for match in PhraseIndex(CUES).find(asked, plain):
        phrase = " ".join(plain[match.first : match.last + 1])
        if phrase not in found.setdefault(match.key, []):
            found[match.key].append(phrase)
    return {cue: ", ".join(phrases[:3]) for cue, phrases in sorted(found.items())}


def join_and(items: Iterable[str], word: str = "and") -> str:
    parts = [item for item in items if item]
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
