"""A reading proposed from outside, and how it is joined with what the rules read.

Whoever proposes must quote: a claim whose words are not in the text is dropped, a proposal that mostly invents is
refused. Numbers, signals, laws and approvals that the rules found stay; more approvals may be added, none removed.
"""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from common.contracts.scenario import Actor, Found, Interpretation, Question, Step
from common.contracts.values import Evidence, Value

_MOST_STEPS = 40
_MOST_QUESTIONS = 3
_LEAST_FOUND = 0.8
"""Share of the quoted steps that must stand in the text."""
_LEAST_OVERLAP = 0.4
_SHORTEST_QUOTE = 3
_CONFIDENCE = 0.8
"""Assumed: a quoted claim of a model is nearly as good as a phrase of the lexicon."""
_LEAST_STEPS_ALONE = 2


class ProposedStep(Value):
    """One thing to be done. `quote` is copied from the text."""

    quote: str
    name: str = Field(max_length=120)
    verb: str = Field(max_length=40)
    object: str = Field(max_length=120)
    actor: str | None = None
    condition: str | None = None


class ProposedActor(Value):
    name: str = Field(max_length=80)
    kind: Literal[
        "customer", "employee", "manager", "expert", "team", "partner", "system", "public"
    ]
    quote: str


class ProposedRisk(Value):
    name: str = Field(max_length=80)
    quote: str


class ProposedQuestion(Value):
    text: str = Field(max_length=300)
    why: str = Field(max_length=300)


class ProposedReading(Value):
    """What somebody reads in the text; every quote is copied from it."""

    is_scenario: bool
    title: str = Field(max_length=120)
    summary: str = Field(max_length=600)
    goal_quote: str
    industry: str = Field(max_length=60)
    steps: tuple[ProposedStep, ...] = Field(max_length=_MOST_STEPS)
    actors: tuple[ProposedActor, ...] = Field(max_length=20)
    constraints: tuple[str, ...] = Field(max_length=20)
    approvals: tuple[str, ...] = Field(max_length=20)
    risks: tuple[ProposedRisk, ...] = Field(max_length=20)
    questions: tuple[ProposedQuestion, ...] = Field(max_length=5)


def locate(text: str, quote: str) -> Evidence | None:
    """The first place of a quote in the text, blanks and case aside; null if it is not there."""
    words = quote.split()
    if len("".join(words)) < _SHORTEST_QUOTE:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text, re.IGNORECASE)
    if found is None:
        return None
    return Evidence(text=found.group(), start=found.start(), end=found.end())


def problems(text: str, by_rules: Interpretation, reading: ProposedReading) -> tuple[str, ...]:
    """Why the reading cannot be joined; empty if it can."""
    if not reading.is_scenario:
        told = "the text describes work: name its steps" if by_rules.is_scenario else ""
        return (told,) if told else ()
    if not reading.steps:
        return ("steps: there is none, yet is_scenario is true",)
    lost = [step.quote for step in reading.steps if locate(text, step.quote) is None]
    if len(lost) > (1 - _LEAST_FOUND) * len(reading.steps):
        return tuple(f"steps: “{quote[:80]}” is not in the text: copy quotes" for quote in lost[:4])
    if not _steps(text, by_rules, reading):
        return ("steps: none of them is work that the text asks for",)
    alone = not by_rules.is_scenario and len(reading.steps) < _LEAST_STEPS_ALONE
    return ("steps: one step alone makes no scenario",) if alone else ()


def joined(text: str, by_rules: Interpretation, reading: ProposedReading) -> Interpretation:
    """The rules' interpretation with what the reading adds to it."""
    if not reading.is_scenario:
        return by_rules
    goal = locate(text, reading.goal_quote)
    return by_rules.model_copy(
        update={
            "is_scenario": True,
            "title": reading.title.strip() or by_rules.title,
            "summary": reading.summary.strip() or by_rules.summary,
            "goal": _found(" ".join(goal.text.split())[:200], goal) if goal else by_rules.goal,
            "industry": _industry(by_rules, reading),
            "steps": _steps(text, by_rules, reading),
            "actors": _actors(text, by_rules, reading),
            "constraints": _more(text, by_rules.constraints, reading.constraints),
            "approvals": _more(text, by_rules.approvals, reading.approvals),
            "risks": _risks(text, by_rules, reading),
            "questions": (*by_rules.questions, *_questions(by_rules, reading)),
        }
    )


def _steps(text: str, by_rules: Interpretation, reading: ProposedReading) -> tuple[Step, ...]:
    """The proposed steps, each with what the rules know of its place; what only the rules read stays."""
    free = list(by_rules.steps)
    found: list[Step] = []
    taken: list[Evidence] = []
    for step in reading.steps:
        place = locate(text, step.quote)
        if place is None or _is_hostile(by_rules, place) or _is_taken(taken, place):
            continue
        taken.append(place)
        known = max(free, key=lambda s: _overlap(s, place), default=None)
        if known is not None and _overlap(known, place) >= _LEAST_OVERLAP:
            free.remove(known)
            found.append(_named(known, step))
        else:
            found.append(_new(step, place))
    ordered = sorted(
        [*found, *free], key=lambda s: (s.evidence[0].start if s.evidence else 0, s.id)
    )
    return tuple(
        step.model_copy(update={"id": f"s{order}", "order": order})
        for order, step in enumerate(ordered[:_MOST_STEPS], 1)
    )


def _named(known: Step, step: ProposedStep) -> Step:
    """A step the rules read too: their verb and capabilities, the proposal's words."""
    update = {
        "name": step.name.strip() or known.name,
        "actor": step.actor or known.actor,
        "condition": known.condition or step.condition,
        "confidence": max(known.confidence, _CONFIDENCE),
    }
    return known.model_copy(update=update)


def _new(step: ProposedStep, place: Evidence) -> Step:
    thing = step.object.strip()
    return Step(
        id="",
        order=0,
        name=step.name.strip() or place.text[:80],
        evidence=(place,),
        confidence=_CONFIDENCE,
        verb=re.sub(r"[^a-z]+", "_", step.verb.strip().lower()).strip("_") or "handle",
        object=thing,
        actor=step.actor,
        data_out=(thing,) if thing else (),
        condition=step.condition,
    )


def _is_hostile(by_rules: Interpretation, place: Evidence) -> bool:
    """Whether the place is where somebody gives the machine orders."""
    orders = [r for r in by_rules.risks if r.name == "manipulated input"]
    return any(_shared(span, place) for risk in orders for span in risk.evidence)


def _is_taken(taken: Sequence[Evidence], place: Evidence) -> bool:
    return any(_covered(span, place) >= _LEAST_OVERLAP for span in taken)


def _overlap(step: Step, place: Evidence) -> float:
    return max((_covered(span, place) for span in step.evidence), default=0.0)


def _covered(one: Evidence, other: Evidence) -> float:
    """Shared characters by those of the shorter span, 0…1."""
    shorter = min(one.end - one.start, other.end - other.start)
    return _shared(one, other) / max(1, shorter)


def _shared(one: Evidence, other: Evidence) -> int:
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _found(name: str, place: Evidence) -> Found:
    return Found(name=name, evidence=(place,), confidence=_CONFIDENCE)


def _more(text: str, known: tuple[Found, ...], quotes: tuple[str, ...]) -> tuple[Found, ...]:
    """What is known, and the quoted clauses that it does not hold yet."""
    more: list[Found] = []
    for quote in quotes:
        place = locate(text, quote)
        held = [span for found in (*known, *more) for span in found.evidence]
        if place is not None and not any(_shared(span, place) for span in held):
            more.append(_found(place.text, place))
    return (*known, *more)


def _actors(text: str, by_rules: Interpretation, reading: ProposedReading) -> tuple[Actor, ...]:
    names = {actor.name.casefold() for actor in by_rules.actors}
    places = [(actor, locate(text, actor.quote)) for actor in reading.actors]
    more = {
        actor.name.strip().casefold(): Actor(
            name=actor.name.strip(), kind=actor.kind, evidence=(place,), confidence=_CONFIDENCE
        )
        for actor, place in places
        if place is not None and actor.name.strip().casefold() not in names
    }
    return (*by_rules.actors, *more.values())


def _risks(text: str, by_rules: Interpretation, reading: ProposedReading) -> tuple[Found, ...]:
    names = {risk.name.casefold() for risk in by_rules.risks}
    places = [(risk.name.strip(), locate(text, risk.quote)) for risk in reading.risks]
    more = {n: _found(n, p) for n, p in places if p is not None and n.casefold() not in names}
    return (*by_rules.risks, *more.values())


def _industry(by_rules: Interpretation, reading: ProposedReading) -> Found:
    """The proposal's word counts only where the rules are unsure: it is inferred, not quoted."""
    name = reading.industry.strip().lower()
    if by_rules.industry.confidence >= 0.5 or not name:
        return by_rules.industry
    return Found(name=name, confidence=0.6)


def _questions(by_rules: Interpretation, reading: ProposedReading) -> tuple[Question, ...]:
    asked = {question.text.casefold() for question in by_rules.questions}
    fresh = [q for q in reading.questions if q.text.strip() and q.text.casefold() not in asked]
    return tuple(
        Question(id=f"m{number}", text=q.text.strip(), why=q.why.strip())
        for number, q in enumerate(fresh[:_MOST_QUESTIONS], 1)
    )
