"""What the text names: industry, people, systems, things, laws, dangers, limits, approvals, beginnings."""

from bisect import bisect_left
from collections import defaultdict
from typing import Literal, cast

from common.contracts.scenario import Actor, ExternalSystem, Found
from common.contracts.values import Evidence
from common.wording import Match, PhraseIndex
from interpreter.rules.lexicon import tables
from interpreter.rules.people import clauses
from interpreter.rules.text import Scan

type _ActorKind = Literal[
    "customer", "employee", "manager", "expert", "team", "partner", "system", "public"
]

_MOST_EVIDENCE = 3
_NAMING = 3
"""The first words of an industry in the data name it; the others only hint at it."""
_MOST_CONSTRAINTS = 30


def _grouped(scan: Scan, index: PhraseIndex) -> dict[str, list[Match]]:
    groups: dict[str, list[Match]] = defaultdict(list)
    for match in scan.find(index):
        groups[match.key].append(match)
    return groups


def _spans(scan: Scan, matches: list[Match]) -> tuple[Evidence, ...]:
    return tuple(scan.evidence_of(match) for match in matches[:_MOST_EVIDENCE])


def _found(scan: Scan, index: PhraseIndex, least: int = 1) -> tuple[Found, ...]:
    groups = _grouped(scan, index)
    return tuple(
        Found(name=name, evidence=_spans(scan, hits), confidence=_confidence(len(hits)))
        for name, hits in sorted(groups.items(), key=lambda group: (group[1][0].first, group[0]))
        if len(hits) >= least
    )


def _confidence(hits: int) -> float:
    return round(min(0.95, 0.5 + 0.15 * hits), 2)


def industry(scan: Scan) -> Found:
    """The industry most of the distinct words speak of; "general" with confidence 0.2 when none does."""
    groups = _grouped(scan, tables.index("industries"))
    if not groups:
        return Found(name="general", confidence=0.2)

    def weight(name: str) -> float:
        hits = groups[name]
        naming = set(tables.table("industries")[name][:_NAMING]) & {match.phrase for match in hits}
        return len({scan.stems[m.first] for m in hits}) + 0.2 * len(hits) + len(naming)

    best = max(sorted(groups), key=weight)
    rivals = sum(weight(name) for name in groups)
    share = weight(best) / rivals
    return Found(
        name=best, evidence=_spans(scan, groups[best]), confidence=round(min(0.95, 0.3 + share), 2)
    )


def actors(scan: Scan) -> tuple[Actor, ...]:
    return tuple(
        Actor(
            name=name,
            evidence=_spans(scan, hits),
            confidence=_confidence(len(hits)),
            kind=cast("_ActorKind", tables.actor_kinds()[name]),
        )
        for name, hits in sorted(
            _grouped(scan, tables.actors()).items(), key=lambda group: group[1][0].first
        )
    )


def external_systems(scan: Scan) -> tuple[ExternalSystem, ...]:
    return tuple(
        ExternalSystem(
            name=name,
            evidence=_spans(scan, hits),
            confidence=_confidence(len(hits)),
            capability=_product(name) or _capability_of(scan, hits),
        )
        for name, hits in sorted(
            _grouped(scan, tables.systems()).items(), key=lambda group: group[1][0].first
        )
    )


def _product(name: str) -> str | None:
    known = tables.table("products").get(name)
    return known[0] if known else None


def _capability_of(scan: Scan, hits: list[Match]) -> str | None:
    place = slice(hits[0].first, hits[0].last + 1)
    known = tables.index("capabilities").find(scan.stems[place], scan.lower[place])
    return known[0].key if known else None


def entities(scan: Scan) -> tuple[Found, ...]:
    return _found(scan, tables.index("entities"))


def compliance(scan: Scan) -> tuple[Found, ...]:
    return _found(scan, tables.index("compliance"))


def risks(scan: Scan) -> tuple[Found, ...]:
    return _found(scan, tables.index("risks"))


def constraints(scan: Scan) -> tuple[Found, ...]:
    """The clauses that limit what may happen, as they are written."""
    return _clauses(scan, tables.phrase_list("constraint"))


def triggers(scan: Scan) -> tuple[Found, ...]:
    return _clauses(scan, tables.phrase_list("trigger"))[:5]


def approvals(scan: Scan) -> tuple[Found, ...]:
    """The clauses in which a person approves or decides, in the order of the text."""
    said = _clauses(scan, tables.phrase_list("approval"))
    for clause in clauses(scan):
        is_known = any(
            f.evidence[0].start < clause.end and clause.start < f.evidence[0].end for f in said
        )
        if not is_known:
            evidence = scan.evidence(clause.start, clause.end)
            said = (*said, Found(name=evidence.text, evidence=(evidence,), confidence=0.9))
    return tuple(sorted(said, key=lambda found: found.evidence[0].start))[:_MOST_CONSTRAINTS]


def injections(scan: Scan) -> tuple[Found, ...]:
    """Sentences addressed to the machine; they are data and change nothing."""
    return _clauses(scan, tables.phrase_list("injection"))


def _clauses(scan: Scan, index: PhraseIndex) -> tuple[Found, ...]:
    """The fragments in which a phrase of the lexicon stands, each once."""
    places = sorted({match.first for match in scan.find(index)})
    found: list[Found] = []
    for sentence in scan.sentences:
        if not _has(places, sentence.first, sentence.last):
            continue
        for span in scan.fragments(sentence):
            if _has(places, span.first, span.last):
                evidence = scan.evidence(span.start, span.end)
                found.append(Found(name=evidence.text, evidence=(evidence,), confidence=0.8))
    return tuple(found[:_MOST_CONSTRAINTS])


def _has(places: list[int], first: int, last: int) -> bool:
    """Whether one of the sorted places lies in first…last - 1."""
    at = bisect_left(places, first)
    return at < len(places) and places[at] < last
