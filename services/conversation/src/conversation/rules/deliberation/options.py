"""Where options come from: the words of the problem, the levers that fit it, and what a linked simulation showed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.contracts.conversations import ActionItem, Persona
from common.wording import PhraseIndex, stems, words
from conversation.rules.deliberation.features import FEATURES, JUDGEMENTS
from conversation.rules.deliberation.levers import LEVERS, MILD, STRONG, Lever
from conversation.rules.deliberation.problem import Problem, join_and
from conversation.rules.deliberation.state import Argument, Option

MAX_OPTIONS = 5
MAX_LEVERS = 4

_STAFF = {
    "nurses", "doctors", "teachers", "engineers", "developers", "volunteers", "employees", "staff", "managers",
    "farmers", "researchers", "scientists", "operators", "pilots", "cooks", "chefs", "waiters", "librarians",
    "technicians", "inspectors", "agents", "workers", "carers", "pharmacists", "hosts", "team", "drivers",
    "artists", "players", "reviewers", "editors", "journalists",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Material:
    """Options with every argument known about them, none of it voiced yet."""

    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]


def words_for(problem: Problem) -> dict[str, str]:
    """What the placeholders of a lever stand for in this problem."""
    staff = [noun for noun in problem.people if noun in _STAFF]
    users = [noun for noun in problem.people if noun not in _STAFF]
    unit = singular(problem.places[0]) if problem.places else "part"
    return {
        "topic": problem.topic,
        "action": problem.action,
        "who": f"the {staff[0]}" if staff else "the people who do the work",
        "users": users[0] if users else "those it is for",
        "people": join_and(problem.people[:3]) if problem.people else "everybody concerned",
        "unit": f"one {unit}",
        "deadline": problem.bound("time") or "",
        "budget": problem.bound("money") or "",
    }


def singular(noun: str) -> str:
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun


def material(
    problem: Problem,
    personas: Sequence[Persona],
    simulated: Sequence[tuple[Option, Sequence[Argument]]] = (),
) -> Material:
    """All options of the problem: the ones it names; else the fitting levers, after what the simulation suggests."""
    found: list[tuple[Option, Sequence[Argument]]]
    if problem.is_choice:
        found = [_named(i, name, problem) for i, name in enumerate(problem.named_options)]
    else:
        found = [_from_lever(lever, problem) for lever in fitting(problem)]
    found = _merged(found, simulated)[:MAX_OPTIONS]
    options: list[Option] = []
    arguments: list[Argument] = []
    for place, (option, known) in enumerate(found):
        option_id = chr(ord("A") + place)
        proposer = option.proposer or _advocate(known, personas, [o.proposer for o in options])
        options.append(option.model_copy(update={"id": option_id, "proposer": proposer}))
        arguments += [
            a.model_copy(update={"id": f"{option_id}{n}", "option_id": option_id})
            for n, a in enumerate(known, 1)
        ]
    return Material(tuple(options), tuple(arguments))


_UNCHANGED = re.compile(
    r"\b(?:as (?:it is|is|planned|designed|rehearsed|built)|unchanged|without (?:any )?changes?)\b",
    re.I,
)


def _merged(
    found: list[tuple[Option, Sequence[Argument]]],
    simulated: Sequence[tuple[Option, Sequence[Argument]]],
) -> list[tuple[Option, Sequence[Argument]]]:
    """What the text names comes first; an option to change nothing takes over what the run says of that."""
    if not found or found[0][0].origin != "named":
        return [*simulated, *found]
    rest, named = list(simulated), list(found)
    for place, (option, known) in enumerate(named):
        if _UNCHANGED.search(option.name) and rest:
            named[place] = (option, [*known, *rest.pop()[1]])
    return [*named, *rest]


def fitting(problem: Problem, limit: int = MAX_LEVERS) -> list[Lever]:
    """The levers whose concerns the problem raises, one per family, best first."""

    def fit(lever: Lever) -> float:
        core = [cue for cue, weight in lever.cues.items() if weight >= 2]
        if core and not any(cue in problem.cues for cue in core):
            return 0.0
        # A concern raised by several words counts for more than one mentioned in passing.
        raised = {cue: 1 + 0.35 * phrases.count(",") for cue, phrases in problem.cues.items()}
        return sum(weight * raised.get(cue, 0.0) for cue, weight in lever.cues.items())

    order = {lever.key: place for place, lever in enumerate(LEVERS)}
    general = {"pilot": 0.9, "find_cause": 0.8, "less": 0.7, "clear_rule": 0.6}
    ranked = sorted(LEVERS, key=lambda v: (-(fit(v) + general.get(v.key, 0.0)), order[v.key]))
    return ranked[:limit]


def _from_lever(lever: Lever, problem: Problem) -> tuple[Option, list[Argument]]:
    given = words_for(problem)
    option = Option(
        id="",
        name=lever.name.format(**given),
        summary=lever.how.format(**given),
        proposer="",
        origin="lever",
        actions=tuple(
            ActionItem(text=what.format(**given), owner=role, estimate_days=days)
            for role, what, days in lever.actions
        ),
    )
    arguments = [
        *(_argument(c, 1, text.format(**given)) for c, text in lever.pro.items()),
        *(_argument(c, -1, text.format(**given)) for c, text in lever.con.items()),
    ]
    return option, [*arguments, *_from_bounds(lever.pro.keys(), lever.con.keys(), problem)]


def _argument(criterion: str, sign: int, text: str) -> Argument:
    size = STRONG if text.startswith("!") else MILD
    return Argument(
        id="",
        option_id="",
        criterion=criterion,
        delta=sign * size,
        text=text.lstrip("!"),
        source="lever",
    )


def _from_bounds(pros: Any, cons: Any, problem: Problem) -> Iterator[Argument]:
    """A limit in the text weighs on what is dear or slow and speaks for what is not."""
    for kind, criterion, word in (("money", "cost", "budget"), ("time", "speed", "time")):
        bound = problem.bound(kind)
        if bound is None:
            continue
        if criterion in cons:
            text = f"the text gives “{bound}”, and this presses on that {word}"
            yield Argument(
                id="", option_id="", criterion=criterion, delta=-0.06, text=text, source="text"
            )
        elif criterion in pros:
            text = f"it keeps within “{bound}” more easily than the others"
            yield Argument(
                id="", option_id="", criterion=criterion, delta=0.06, text=text, source="text"
            )


def _named(place: int, name: str, problem: Problem) -> tuple[Option, list[Argument]]:
    """An option in the problem's own words, with what its words and the text's other sentences say about it."""
    arguments = [
        *_from_wording(name),
        *_from_sentences(name, problem),
        *_from_figures(name, problem),
    ]
    summary = name
    option = Option(
        id="", name=name, summary=summary, proposer="", origin="named", actions=first_steps(name)
    )
    return option, arguments


def first_steps(name: str) -> tuple[ActionItem, ...]:
    """What is done first for an option that brings no steps of its own."""
    return (
        ActionItem(
            text=f"write on one page what “{name}” includes and what not",
            owner="project_manager",
            estimate_days=2,
        ),
        ActionItem(
            text=f"price “{name}” for the first year", owner="resource_coordinator", estimate_days=3
        ),
        ActionItem(
            text=f"agree what would show within a month that “{name}” works",
            owner="quality_assurance",
            estimate_days=2,
        ),
    )


def _from_wording(name: str) -> Iterator[Argument]:
    lexicon = {feature: phrases for feature, (phrases, _) in FEATURES.items()}
    seen: set[tuple[str, str]] = set()
    plain = words(name)
    for match in PhraseIndex(lexicon).find(stems(name), plain):
        phrase = " ".join(plain[match.first : match.last + 1])
        for criterion, (delta, why) in FEATURES[match.key][1].items():
            if (match.key, criterion) not in seen:
                seen.add((match.key, criterion))
                text = f"{why} (“{phrase}”)"
                yield Argument(
                    id="",
                    option_id="",
                    criterion=criterion,
                    delta=delta,
                    text=text,
                    source="wording",
                )


_EMPTY = set(
    stems(
        "the a an of to in our for with and or by step not from it us we on new only into at use more"
    )
)


def telling(name: str) -> set[str]:
    """The stems by which an option is recognised in a sentence."""
    return {stem for stem in stems(name) if stem not in _EMPTY and len(stem) > 2}


def mentions(name: str, sentence: str, others: Sequence[str] = ()) -> bool:
    """Whether a sentence is about this option and not about another."""
    shared = {stem for other in others for stem in telling(other)}
    own = telling(name) - shared
    return bool(own & set(stems(sentence)))


def _from_sentences(name: str, problem: Problem) -> Iterator[Argument]:
    others = [other for other in problem.named_options if other != name]
    lexicon = {
        f"{criterion}|{delta}": phrases for (criterion, delta), phrases in JUDGEMENTS.items()
    }
    index = PhraseIndex(lexicon)
    for sentence in problem.sentences:
        for clause in re.split(r",\s(?:and|but|while)\s|;\s|,\s", sentence):
            if (
                len(
                    [
                        o
                        for o in problem.named_options
                        if mentions(o, clause, [p for p in problem.named_options if p != o])
                    ]
                )
                != 1
            ):
                continue
            if not mentions(name, clause, others) or _is_list(clause, problem):
                continue
            for match in index.find(stems(clause), words(clause)):
                criterion, delta = match.key.split("|")
                called = " ".join(words(clause)[match.first : match.last + 1])
                yield Argument(
                    id="",
                    option_id="",
                    criterion=criterion,
                    delta=float(delta),
                    text=f"the text calls it “{called}” (“{clause.strip().rstrip('.')}”)",
                    source="text",
                )


def _is_list(clause: str, problem: Problem) -> bool:
    return any(option in clause for option in problem.named_options)


_AMOUNT = re.compile(
    r"[$€£]\s?\d[\d,.]*|\b\d[\d,.]*\s?(?:k|m|million|thousand)?\s?(?:dollars|euros?|pounds|usd|eur|gbp)\b",
    re.I,
)
_LASTS = re.compile(
    r"(\d+(?:\.\d+)?|one|two|three|four|five|six|nine|twelve)\s(day|week|month|year)s?\b", re.I
)
_UNIT_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "nine": 9, "twelve": 12}


def _from_figures(name: str, problem: Problem) -> Iterator[Argument]:
    """A price or a duration that the text gives for this option and not for all."""
    others = [other for other in problem.named_options if other != name]
    for sentence in problem.sentences:
        for clause in re.split(r",\s(?:and|but|while)\s|;\s|\sand\sthe\s", sentence):
            if not mentions(name, clause, others) or _is_list(clause, problem):
                continue
            quoted = f"the text gives a figure: “{clause.strip().rstrip('.')}”"
            if _AMOUNT.search(clause):
                yield Argument(
                    id="", option_id="", criterion="cost", delta=-0.16, text=quoted, source="text"
                )
            if (lasts := _LASTS.search(clause)) and not _AMOUNT.search(clause):
                number = _WORDS.get(lasts[1].lower()) or float(lasts[1])
                is_long = number * _UNIT_DAYS[lasts[2].lower()] > 180
                yield Argument(
                    id="",
                    option_id="",
                    criterion="speed",
                    delta=-0.15 if is_long else 0.08,
                    text=quoted,
                    source="text",
                )


def _advocate(
    arguments: Sequence[Argument], personas: Sequence[Persona], taken: Sequence[str]
) -> str:
    """Who brings an option in: the role it speaks to most among those who have brought in fewest."""

    def appeal(persona: Persona) -> float:
        return sum(a.delta * persona.criteria.get(a.criterion, 0.0) for a in arguments)

    order = {persona.id: place for place, persona in enumerate(personas)}
    return min(personas, key=lambda p: (taken.count(p.id), -round(appeal(p), 6), order[p.id])).id


STRESSED_BY: dict[str, str] = {
    "safety": "risk", "law": "compliance", "money": "cost", "time": "speed", "people": "effort",
          "users": "acceptance", "queue": "speed", "software": "scalability", "quality": "quality",
          "growth": "scalability", "knowledge": "learning", "trust": "acceptance", "supply": "risk",
          "environment": "goal_fit", "event": "risk", "place": "effort"}  # fmt: skip
"""Concern → the criterion it stresses."""


def emphasis(problem: Problem, concerns: Mapping[str, float] | None = None) -> dict[str, float]:
    """What the problem itself stresses: criterion → weight."""
    found = {"goal_fit": 1.0}
    for cue, phrases in problem.cues.items():
        criterion = STRESSED_BY[cue]
        found[criterion] = found.get(criterion, 0.0) + 0.5 + 0.25 * phrases.count(",")
    if problem.bound("money"):
        found["cost"] = found.get("cost", 0.0) + 0.7
    if problem.bound("time"):
        found["speed"] = found.get("speed", 0.0) + 0.7
    if problem.bound("rule"):
        found["compliance"] = found.get("compliance", 0.0) + 0.3
    for criterion, weight in (concerns or {}).items():
        found[criterion] = found.get(criterion, 0.0) + weight
    return dict(sorted(found.items()))
