"""Who the text itself puts to work: named roles, numbered agents, "one that …", arrows, paths of different cases."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from interpreter.rules.lexicon import tables
from interpreter.rules.people import Clause
from interpreter.rules.text import Scan

_LABEL = re.compile(
    r"(?:^|(?<=[\s(]))(?:agent|bot|role|step|stage|phase)\s*(?:no\.?\s*)?(?:\d{1,2}|[A-H]|one|two|three|"
    r"four|five)\s*[:.)\u2013-]\s",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?:^|(?<=[\s]))\(?\d{1,2}[.)]\s+(?=[A-Za-z])", re.MULTILINE)
_BULLET = re.compile(r"^\s*[-*\u2022]\s+(?=[A-Za-z])", re.MULTILINE)
_ARROW = re.compile(r"\s*(?:->|=>|\u2192|-->|>>)\s*")
_CASE = re.compile(
    r"(?:^|(?<=[;\n])|(?<=[-\u2013\u2014:] ))\s*(?P<name>(?:[A-Za-z][\w'/-]*\s?){1,4}):\s"
)
_ONE_THAT = re.compile(
    r"\b(?:an?|one|another|the (?:first|second|third|fourth|other|last|"
    r"next))\s+(?P<name>(?:[\w-]+\s+){0,3}?)(?:agent|bot|assistant)?\s?"
    r"(?:that|which|who)\s+(?=\w+s\b|can\b|should\b|will\b|must\b)"
    r"|\b(?:one (?:agent|bot|of them)|(?:a|the) (?:first|second|third|fourth|next|last)(?: one| agent)?|"
    r"the other(?: one| agent)?|another(?: one| agent)?)\s+"
    r"(?=(?!(?:is|was|has|does|goes)\b)[a-z]{2,}s\b)"
    r"|\b(?:someone|somebody)\s+(?=(?!(?:is|was|has|loses|else)\b)[a-z]{2,}s\b)",
    re.IGNORECASE,
)
_VOICES = re.compile(
    r"(?:\b(?:discussion|conversation|debate|talk|argument|round table|panel|chat|negotiation|dialogue|"
    r"roleplay|role play)\s+"
    r"(?:between|among|of|with)\s+|\b(?:discussion|conversation|debate|characters|voices|speakers|"
    r"participants|personas|"
    r"agents|roles|members|people|panel|crew|team|round|players|panellists|panelists|stakeholders)\b[^.:;]{0,40}:\s*)"
    r"(?P<items>[^.;:\n]{10,300})",
    re.IGNORECASE,
)
_VOICE_END = re.compile(
    r",\s*(?:and\s+|or\s+)?|\s+and\s+(?=(?:an?|the|one)\b)|\s+vs\.?\s+", re.IGNORECASE
)
_VOICE_NAME = re.compile(
    r"(?:(?:an?|the|one)\s+)?(?P<name>(?:(?!(?:who|that|which|with|without|for|from|to|in|of|and|each|"
    r"they|is|are)\b)[\w'\u2019-]+\s?){1,4})",
    re.IGNORECASE,
)
_MOST_VOICES = 9
_SHARED_HEAD = re.compile(
    r"\b(?P<list>an? [\w-]+,? (?:(?:and )?an? [\w-]+,? ){0,4}and an? [\w-]+) (?P<noun>assessment|"
    r"analys[ei]s|review|check|"
    r"view|perspective|opinion|audit|report|evaluation|examination|score|rating)s?\b",
    re.IGNORECASE,
)
_ASPECT = re.compile(r"\ban? (?P<name>[\w-]+)", re.IGNORECASE)
_MAKERS = {
    "review": ("Reviewer", "review"),
    "check": ("Checker", "verify"),
    "audit": ("Auditor", "verify"),
    "report": ("Report Writer", "report"),
    "scor": ("Evaluator", "score"),
    "rating": ("Evaluator", "score"),
    "": ("Analyst", "analyze"),
}
"""Who makes what, by the beginning of the noun; the empty one is for all others."""
_AGENT_DOES = re.compile(
    r"\b(?:an?|one|another|the|this|that)\s+(?P<name>(?!(?:first|second|third|same|next|other|right|"
    r"fitting)\b)(?:[\w'&-]+\s+){1,3}?)(?:agent|bot)\b(?!s)",
    re.IGNORECASE,
)
_IS_WORKER = re.compile(r"agent|bot|assistant|someone|somebody", re.IGNORECASE)
_FEWEST = 2
_LONGEST_CHARS = 6_000
_MODS = r"(?!(?:and|or|the|a|an|to|is|are|of|for|by|with|that|who|which|then|from|in|on|as)\b)[\w&'\u2019-]+"


@dataclass(frozen=True, slots=True)
class Duty:
    """text[start:end] is the work of one agent. `name`: what the text calls it; `lead`: who it works under."""

    start: int
    end: int
    name: str | None = None
    lead: str | None = None
    verb: str | None = None
    """The canonical verb of a role named without its work."""


@lru_cache(maxsize=2)
def duties(scan: Scan, people: tuple[Clause, ...]) -> tuple[Duty, ...]:
    """The duties in the order of the text, without overlap; the surest way of saying it wins."""
    text = scan.text
    if len(text) > _LONGEST_CHARS:
        return ()
    for found in (
        _voices(scan),
        _named(text, people),
        _labelled(scan),
        _each_that(scan),
        _cases(scan),
        _shared_heads(scan),
    ):
        if len(found) >= _FEWEST:
            return tuple(found)
    return ()


def _spread(scan: Scan, starts: Sequence[tuple[int, int]]) -> list[Duty]:
    """From each (mark, start) to the next mark; the last one ends with its sentence."""
    last = next((s.end for s in scan.sentences if s.start <= starts[-1][1] < s.end), len(scan.text))
    ends = [*(mark for mark, _ in starts[1:]), last]
    return [Duty(start, end) for (_, start), end in zip(starts, ends, strict=True)]


def _labelled(scan: Scan) -> list[Duty]:
    """Read "Agent 1: …", "1. …", bullets, and arrows between steps."""
    for mark in (_LABEL, _NUMBER, _BULLET):
        starts = [(hit.start(), hit.end()) for hit in mark.finditer(scan.text)]
        if len(starts) >= _FEWEST:
            return _spread(scan, starts)
    for sentence in scan.sentences:
        piece = scan.text[sentence.start : sentence.end]
        cuts = [0, *(hit.end() for hit in _ARROW.finditer(piece)), len(piece)]
        if len(cuts) > _FEWEST + 1:
            return [Duty(sentence.start + a, sentence.start + b) for a, b in pairwise(cuts)]
    return []


def _each_that(scan: Scan) -> list[Duty]:
    """Read "an agent that …, one that …": at least two, of which one is called an agent."""
    hits = list(_ONE_THAT.finditer(scan.text))
    if len(hits) < _FEWEST or not any(_IS_WORKER.search(h[0]) for h in hits):
        return []
    return _spread(scan, [(hit.start(), hit.start()) for hit in hits])


def _voices(scan: Scan) -> list[Duty]:
    """Who takes part in a conversation, by name ("a debate between a farmer, a miller and a baker")."""
    for hit in _VOICES.finditer(scan.text):
        begin = hit.start("items")
        cuts = [0, *(cut.end() for cut in _VOICE_END.finditer(hit["items"])), len(hit["items"])]
        found = [
            Duty(
                begin + a,
                begin + b,
                _title(name["name"]),
                None,
                verb_of(name["name"].strip()) or "recommend",
            )
            for a, b in pairwise(cuts)
            if (name := _VOICE_NAME.match(hit["items"][a:b]))
        ]
        is_short = all(d.end - d.start < _LONGEST_VOICE_CHARS for d in found)
        if _FEWEST_VOICES <= len(found) <= _MOST_VOICES and is_short and not _has_verbs(found):
            return found
    return []


def _has_verbs(found: Sequence[Duty]) -> bool:
    """Whether the items are things to do, not who does them."""
    verbs = _finite()
    return any((d.name or "").split()[0].lower() in verbs for d in found if d.name)


_FEWEST_VOICES, _LONGEST_VOICE_CHARS = 3, 70


def _shared_heads(scan: Scan) -> list[Duty]:
    """Read "a technical, a legal and a fiscal assessment": one kind of work under several aspects."""
    for hit in _SHARED_HEAD.finditer(scan.text):
        noun = next(v for k, v in _MAKERS.items() if hit["noun"].lower().startswith(k))
        aspects = list(_ASPECT.finditer(scan.text, hit.start("list"), hit.end("list")))
        if len(aspects) >= _FEWEST:
            return [
                Duty(a.start(), a.end(), f"{_title(a['name'])} {noun[0]}", None, noun[1])
                for a in aspects
            ]
    return []


def _cases(scan: Scan) -> list[Duty]:
    """Read "complaints: …; motions: …": each kind of case with its own path, named after the kind."""
    hits = [
        h
        for h in _CASE.finditer(scan.text)
        if ";" in scan.text[h.start() - 3 : h.end()] or h.start() > 0
    ]
    starts = [(hit.start(), hit.end()) for hit in hits]
    is_listed = sum(";" in scan.text[a.end() : b.start() + 1] for a, b in pairwise(hits))
    if len(hits) < _FEWEST or is_listed < len(hits) - 1:
        return []
    found = _spread(scan, starts)
    return [
        Duty(duty.start, duty.end, _title(hit["name"]) + " Specialist")
        for duty, hit in zip(found, hits, strict=True)
    ]


def _named(text: str, people: Sequence[Clause]) -> list[Duty]:
    """Roles stated outright, alone in a list or as the subject of their work, those under a lead with it."""
    spoken: dict[str, Duty] = {}
    for start, end, called, under in sorted(_mentions(text), key=lambda one: one[0]):
        name, lead = _known(called, spoken), _known(under, spoken) if under else None
        is_person = any(clause.start <= start < clause.end for clause in people)
        known = spoken.get(name)
        if is_person:
            continue
        if known is None:
            spoken[name] = Duty(start, end, name, lead, verb_of(name))
        elif lead and known.lead is None:
            spoken[name] = Duty(known.start, known.end, name, lead, known.verb)
    return _ended(text, sorted(spoken.values(), key=lambda duty: duty.start))


def _known(name: str, spoken: Iterable[str]) -> str:
    """The fuller name of the same role, where it was given before ("the financial lead")."""
    words = set(name.lower().split())
    fuller = (other for other in spoken if words < set(other.lower().split()))
    return name if len(words) == 1 and name in spoken else next(fuller, name)


def _ended(text: str, found: Sequence[Duty]) -> list[Duty]:
    """Each duty up to the next one, or to the end of its sentence."""
    ended = []
    for i, duty in enumerate(found):
        stop = re.search(r"[.;!?](?:\s|$)|\n", text[duty.start :])
        last = duty.start + stop.start() if stop else len(text)
        follows = found[i + 1].start if i + 1 < len(found) else last
        ended.append(
            Duty(duty.start, max(duty.end, min(last, follows)), duty.name, duty.lead, duty.verb)
        )
    return ended


def _mentions(text: str) -> Iterator[tuple[int, int, str, str | None]]:
    """Start, end, name and lead of each mention that puts a role to work."""
    under, listed, subject, somebody, top = _patterns()
    for hit in top.finditer(text):
        yield hit.start("name"), hit.end("name"), _title(hit["name"]), None
    for hit in under.finditer(text):
        lead = _title(hit["lead"])
        yield hit.start("lead"), hit.end("lead"), lead, None
        for member in listed.finditer(text, hit.start("members"), hit.end("members")):
            yield member.start(), member.end(), _called(member), lead
    for run in _runs(text, [*listed.finditer(text), *somebody.finditer(text)]):
        for one in run:
            yield one.start(), one.end(), _called(one), None
    for hit in subject.finditer(text):
        name = hit["name"] or hit["bare"]
        yield hit.end() - len(hit[0].lstrip()), hit.end(), _title(name), None
    for hit in _AGENT_DOES.finditer(text):
        yield hit.start(), hit.end(), _title(f"{hit['name']} agent"), None


def _called(hit: re.Match[str]) -> str:
    groups = hit.groupdict()
    if "domain" in groups:
        return f"{_title(hit['domain'])} Representative"
    return _title(
        next(group for group in (groups["name"], groups["told"], groups["bare"]) if group)
    )


def _runs(text: str, hits: Sequence[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Mentions that follow each other with nothing but a comma or "and" between them."""
    run: list[re.Match[str]] = []
    for hit in sorted(hits, key=lambda one: one.start()):
        if run and hit.start() < run[-1].end():
            continue
        gap = text[run[-1].end() : hit.start()] if run else ""
        if run and re.fullmatch(r"\s*(?:\([^)]*\))?,?\s*(?:and|or|plus|&|as well as)?\s*", gap):
            run.append(hit)
        else:
            if len(run) >= _FEWEST:
                yield run
            run = [hit]
    if len(run) >= _FEWEST:
        yield run


def _title(words: str) -> str:
    short = {
        "hr",
        "qa",
        "seo",
        "it",
        "ux",
        "ui",
        "kyc",
        "esg",
        "pr",
        "ai",
        "ml",
        "api",
        "sql",
        "gdpr",
        "crm",
        "cv",
    }
    found = [w for w in re.split(r"\s+", words.strip()) if w]
    return " ".join(w.upper() if w.lower() in short else w[:1].upper() + w[1:] for w in found)


@lru_cache(maxsize=512)
def verb_of(name: str) -> str | None:
    """The canonical verb of a role by the longest end of its name that is known ("Security Writer" writes)."""
    words = name.lower().removesuffix(" agent").split()
    heads = _heads()
    return next(
        (heads[end] for n in range(len(words)) if (end := " ".join(words[n:])) in heads), None
    )


@lru_cache(maxsize=1)
def _heads() -> dict[str, str]:
    return {
        head: verb for verb, heads in reversed([*tables.table("roles").items()]) for head in heads
    }


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    heads = "|".join(sorted(map(re.escape, _heads()), key=len, reverse=True))
    role = rf"(?:{_MODS} ){{0,3}}?(?:{heads})(?:s(?=\b))?(?: agent)?\b(?!['\u2019-]| of)"
    fuller = rf"(?:{_MODS} ){{1,2}}?(?:{heads})\b(?!['\u2019-]| of)"
    listed = (
        rf"\b(?:(?:an?|one|two|three|four|another)\s+(?P<name>{role})|the (?P<told>{role}) ?(?=\()|"
        rf"(?P<bare>{fuller}))"
    )
    item = rf"\b(?:an?|one|two|three|its own|their own)\s+(?:{role})" + r"(?!,? who (?:has|leads))"
    members = rf"(?P<members>{item}(?:\s*,?\s*(?:and|plus|,)\s*{item}){{0,5}})"
    under = (
        rf"\b(?:an?|the|one)\s+(?P<lead>{role}),? (?:who |which |that )?(?:has|leads|heads|directs|"
        rf"supervises|manages|runs)\s+{members}"
    )
    verbs = "|".join(sorted(_finite()))
    subject = (
        rf"(?:(?<=[.;:,!?\n]\s)|^|\b(?:and|then|while|but|where|until|till|so)\s)\s*(?:(?:an?|the|one|"
        rf"another)\s+(?P<name>{role})|(?P<bare>{fuller})),?\s+"
        rf"(?:(?:then|first|also|finally|now|always|next|on top|at the end|should|must|will|has to|can|"
        rf"to)\s+)*(?:{verbs})\b"
    )
    somebody = (
        r"\b(?:someone|somebody|one person|a person|a colleague|a voice) from (?:the )?"
        r"(?P<domain>[a-z]+(?: department)?)\b"
    )
    top = rf"\b(?:an?|the)\s+(?P<name>(?:{_MODS} ){{1,2}}?)(?:on|at the) top\b"
    return tuple(re.compile(p, re.IGNORECASE) for p in (under, listed, subject, somebody, top))


def _finite() -> set[str]:
    """Single verbs in the third person and in the base form, from the lexicon of actions."""
    single = {w for phrases in tables.table("actions").values() for w in phrases if w.isalpha()}
    base = {w for w in single if not w.endswith(("s", "ed", "ing", "ion", "ment", "er"))}
    return (
        {f"{w}s" for w in base}
        | {w for w in single if w.endswith("s")}
        | base
        | {
            "gives",
            "takes",
            "makes",
            "keeps",
            "works",
            "turns",
            "puts",
            "does",
            "gets",
            "shows",
            "adds",
            "wants",
            "tells",
            "asks",
            "speaks",
            "starts",
            "closes",
            "runs",
            "turn",
            "make",
            "give",
            "produces",
            "delivers",
            "splits",
            "hands",
            "identifies",
            "classifies",
            "verifies",
            "supplies",
            "applies",
            "judges",
            "brings",
            "finishes",
        }
    )
