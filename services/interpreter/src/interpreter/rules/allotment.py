"""Whose a step is: which fragments of a sentence are a person's, and which agent's duty a step lies in."""

from collections.abc import Sequence
from dataclasses import replace

from common.wording import Match
from interpreter.rules import people
from interpreter.rules.actions import VERB_USE, Places, actions, strongest
from interpreter.rules.drafts import Draft
from interpreter.rules.duties import Duty
from interpreter.rules.text import Scan, Span

_OWN = 0.6
"""Strength from which an action before a person's clause is a step of its own ("plan the repair with … consent")."""
_OUTWARD = frozenset(
    {
        "pay",
        "order",
        "book",
        "deploy",
        "publish",
        "notify",
        "trade",
        "update",
        "sell",
        "schedule",
        "resolve",
    }
)
_UNSAID = "create"
"""What an agent does whose duty is told without a known verb."""
_NAMED = 0.7
"""Strength of the work of a role of which the text says only the name."""


def before_its_action(person: Draft, drafts: Sequence[Draft]) -> None:
    """Consent to an outward action stands before it, although it is said behind it."""
    clause = person.person
    guarded = [draft for draft in drafts if draft.first < person.first][-1:]
    is_outward = any(strongest(draft.actions)[1].key in _OUTWARD for draft in guarded)
    if clause and clause.form != "does" and is_outward:
        person.moved = guarded[-1].first - 1


def of_persons(
    scan: Scan, sentence: Span, spans: Sequence[Span], found: Places, here: Sequence[people.Clause]
) -> tuple[list[Draft], list[Span]]:
    """The drafts of persons, and the spans that are left to agents."""
    taken: dict[int, Draft] = {}
    left: list[Span] = []
    for span in spans:
        clause = next((c for c in here if c.start < span.end and span.start < c.end), None)
        if clause is None:
            left.append(span)
            continue
        head = scan.span(span.start, max(span.start, clause.start), sentence.sentence)
        seen = actions(scan, head, found, sentence) if head.last > head.first else []
        if any(strength >= _OWN for strength, _ in seen):
            left.append(head)
            own = scan.span(clause.start, span.end, sentence.sentence)
        else:
            own = span
        if clause.start in taken:
            taken[clause.start].spans.append(own)
        elif own.last > own.first:
            action = (VERB_USE, Match(own.first, own.first, "approve", "approve"))
            taken[clause.start] = Draft([own], [action], person=clause)
    return list(taken.values()), left


def with_duties(scan: Scan, drafts: list[Draft], given: Sequence[Duty]) -> list[Draft]:
    """Each draft with the duty it lies in; a role that is only named gets a draft of what it is for."""
    for draft in drafts:
        acted = strongest(draft.actions)[1].first
        start = scan.tokens[acted if acted >= 0 else draft.first].start
        inside = [(n, d) for n, d in enumerate(given, 1) if d.start - 3 <= start < d.end]
        draft.duty = inside[-1] if inside and not draft.person else None
    _name_verbs(drafts)
    taken = {draft.duty[0] for draft in drafts if draft.duty}
    for n, duty in enumerate(given, 1):
        if n not in taken:
            span = scan.span(duty.start, duty.end)
            if span.last > span.first:
                action = (_NAMED, Match(-1, -1, duty.verb or _UNSAID, "role"))
                drafts.append(Draft([span], [action], duty=(n, duty)))
    return sorted(drafts, key=lambda draft: _place(scan, draft))


def _place(scan: Scan, draft: Draft) -> int:
    """Where the work stands in the text: a named role where its name is, other work where it begins."""
    if draft.duty:
        return max(draft.first, scan.span(draft.duty[1].start, draft.duty[1].end).first)
    return draft.at


def _name_verbs(drafts: Sequence[Draft]) -> None:
    """The first step of a named role is of the kind that its name says: a reviewer reviews, whatever the clause."""
    seen: set[int] = set()
    for draft in drafts:
        if draft.duty and draft.duty[1].verb and draft.duty[0] not in seen:
            strength, action = strongest(draft.actions)
            draft.actions = [(strength, replace(action, key=draft.duty[1].verb))]
        seen.add(draft.duty[0] if draft.duty else 0)
