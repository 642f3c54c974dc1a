"""A draft put as a step: its verb, object, condition and group."""

import re

from common.contracts.scenario import Step
from common.wording import Match
from interpreter.rules import people
from interpreter.rules.actions import strongest
from interpreter.rules.drafts import Draft
from interpreter.rules.duties import Duty
from interpreter.rules.lexicon import tables
from interpreter.rules.noun_phrases import item_phrase, noun_phrase, things
from interpreter.rules.text import Scan

_CONDITION = re.compile(
    r"\b(?:if|when|unless|depending on|in case|where|only after|only if|once|whenever)\b[^,.;\n]{3,120}",
    re.IGNORECASE,
)
PARALLEL = re.compile(
    r"\b(?:at the same time|in parallel|simultaneously|independently|concurrently|meanwhile|at once)\b",
    re.IGNORECASE,
)
_FINDING = frozenset({"find", "found", "identify", "identified"})
"""To find something is research where the public is searched, else it is detection in what is at hand."""
_MAKING = frozenset({"build", "built", "develop", "develops", "set up", "setting up"})
"""To make something is programming only where software is made."""
_CODING = frozenset({"source_control", "code_execution", "deployment_ops", "identity_access"})
_PUBLIC = frozenset(
    {
        "web_search",
        "web_scrape",
        "academic_search",
        "news_api",
        "social_media",
        "travel_search",
        "property_data",
    }
)


def step(
    scan: Scan, draft: Draft, order: int, capabilities: dict[str, None], steering: frozenset[int]
) -> Step:
    if draft.person:
        return _step_of_person(scan, draft, order, draft.person)
    strength, action = strongest(draft.actions)
    number, duty = draft.duty or (0, None)
    evidence = scan.evidence(scan.tokens[draft.first].start, scan.tokens[draft.last - 1].end)
    thing = _object(scan, draft, action)
    condition = _CONDITION.search(evidence.text)
    is_parallel = bool(PARALLEL.search(evidence.text))
    return Step(
        id=f"s{order}",
        order=order,
        name=f"{action.key.replace('_', ' ')} {thing}".strip(),
        evidence=(evidence,),
        confidence=round(min(0.95, 0.35 + 0.6 * strength), 2),
        verb=_verb(action, thing, capabilities, steering, is_item=draft.group is not None),
        object=thing,
        capabilities=tuple(capabilities),
        data_in=things(scan, draft.first, draft.last)[:4],
        data_out=(thing,) if thing else (),
        condition=condition[0].strip() if condition else None,
        actor=duty.name if duty else None,
        parallel_group=_duty_group(number, duty)
        or draft.group
        or (f"p{draft.spans[0].sentence}" if is_parallel else None),
    )


def _duty_group(number: int, duty: Duty | None) -> str | None:
    """The mark of all steps of one duty; behind "<" stands whom it works under."""
    if duty is None:
        return None
    return f"duty{number}" + (f"<{duty.lead}" if duty.lead else "")


def _step_of_person(scan: Scan, draft: Draft, order: int, clause: people.Clause) -> Step:
    evidence = scan.evidence(scan.tokens[draft.first].start, scan.tokens[draft.last - 1].end)
    return Step(
        id=f"s{order}",
        order=order,
        name=f"approval by {clause.who}",
        evidence=(evidence,),
        confidence=0.9,
        verb="approve",
        object="",
        actor=clause.who,
        condition=clause.condition,
    )


def _object(scan: Scan, draft: Draft, action: Match) -> str:
    if draft.group:
        begins = (
            action.last + 1 if action.first in range(draft.first, draft.first + 2) else draft.first
        )
        return item_phrase(scan, begins, draft.last)
    return noun_phrase(scan, action, draft.first, draft.last)


def _verb(
    action: Match,
    thing: str,
    capabilities: dict[str, None],
    steering: frozenset[int],
    *,
    is_item: bool,
) -> str:
    """The canonical verb: who is told how to work together coordinates, a voice in a discussion recommends."""
    if action.first in steering:
        return "recommend" if is_item else "coordinate"
    is_public = bool(_PUBLIC & set(capabilities))
    if action.key == "look_up" and "web_search" in capabilities:
        return "research"
    if action.phrase in _FINDING and not is_public:
        return "detect"
    if (
        action.phrase in _MAKING
        and not tables.words("software") & set(thing.split())
        and not _CODING & set(capabilities)
    ):
        return "create"
    return action.key
