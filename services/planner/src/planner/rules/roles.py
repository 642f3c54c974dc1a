"""Steps become duties, duties become the roles of people one would hire for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from common.contracts.scenario import Interpretation, Step
from common.contracts.values import Evidence
from common.wording import stem, stems
from planner.rules.holding import channel, may_hold, ordering, sources, stage_of, words_of
from planner.rules.occupations import domain_words, fitting, functions, occupations

STEERING = frozenset({"coordinate", "discuss"})
ASKED_FOR = 0.6
"""Strength of the human signal from which the text itself wants a person."""
_ABSORBED = frozenset({"update", "receive"})
"""What somebody does with a result on the side: to save it needs no agent of its own."""
_DECISIVE = frozenset({"pay", "trade", "deploy"})
"""What leaves the house or cannot be taken back has its own role, so that a gate can stand before it."""
OUTWARD = _DECISIVE | {"notify", "publish", "order", "book", "sell", "update"}
"""What leaves the house: done after the approval that the text puts before it, by a role of its own."""
_DESK = frozenset({"route", "greet"})
"""A first desk sees all kinds of cases, so no domain stands in its title."""
_CLEAR = frozenset({"gather", "assess", "quality", "produce"})
_SURE = 0.8
"""Confidence from which a step of another kind gets a role although its object names no domain."""
_PERSONAL = re.compile(
    r"\b(?:I|we)\s+(?:then\s+|can\s+|must\s+|want to\s+|have to\s+)?"
    r"(?:decide|approve|choose|confirm|accept|release|pick|sign|agree|give)\b"
    r"|\b(?:approved|signed|released|authori[sz]ed|decided) by (?:an?|the|our|my)\b|\b(?:real person|human)\b"
    r"|\bneeds? (?:the |an )?approval\b|\bapproval (?:of|by|from)\b|\bto a person\b|\bsigns it off\b"
    r"|\b(?:go|goes|sent|passed|escalated|handed) to (?:an?|the|our) (?:\w+ ){0,2}?"
    r"(?:manager|supervisor|doctor|officer|lawyer|director|human|person|engineer|clerk|committee|board|editor)\b"
    r"|\bhas the (?:last|final) (?:word|say)\b"
)
_FITS = 1.5
"""Least fit of a profession; below it the role is named after its function and object."""
_CLOSE = 0.75
"""A profession already in the network takes a step when it fits at least this share of the best one."""
_WEAK = 0.7
_STATED = 5.0
"""Fit of a role that the text names: it is never absorbed."""
_FEWEST_STATED = 2
_JOINING = re.compile(
    r"^(?:(?:and|or|but|then|also|finally|after that|afterwards|next|which|who)\b[,\s]*)+",
    re.IGNORECASE,
)
_VAGUE = frozenset(
    [
        "thing",
        "things",
        "way",
        "one",
        "ones",
        "part",
        "parts",
        "result",
        "results",
        "text",
        "information",
        "detail",
        "details",
        "system",
        "everything",
        "case",
        "cases",
        "it",
        "people",
        "user",
        "users",
        "person",
        "place",
        "places",
        "side",
        "answer",
        "data",
        "list",
        "work",
        "step",
        "steps",
        "team",
        "ready",
        "kind",
        "sort",
        "end",
    ]
)


@dataclass(slots=True)
class Role:
    """A role while the network is planned."""

    title: str
    verb: str
    duty: str
    steps: list[Step] = field(default_factory=list)
    implied: tuple[str, ...] = ()
    fit: float = 0.0
    is_lead: bool = False
    profession: str = ""
    """The profession of the table behind the title; empty for a role named after its function."""
    is_stated: bool = False
    """The text names the role."""

    @property
    def stage(self) -> str:
        return stage_of(self.verb)

    @property
    def is_checking(self) -> bool:
        """Whether the role is there to judge others' work, not only to look something up."""
        known = occupations().get(self.profession)
        return self.stage == "quality" and (known is None or stage_of(known.verbs[0]) == "quality")

    @property
    def capabilities(self) -> tuple[str, ...]:
        named = [name for step in self.steps for name in step.capabilities if may_hold(step, name)]
        implied = [
            *(name for name in self.implied if any(may_hold(step, name) for step in self.steps)),
            *sources(self.verb, self.steps, named),
            *ordering(self.steps),
            *channel(self.verb, self.steps, (*named, *self.implied)),
        ]
        return tuple(dict.fromkeys([*named, *implied]))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return tuple(span for step in self.steps for span in step.evidence)

    @property
    def responsibilities(self) -> tuple[str, ...]:
        """The duty as a sentence, then what the text says of it, as a quotation."""
        told = dict.fromkeys(_quoted(words_of(step)) for step in self.steps)
        return (
            _sentence(self.duty),
            *(f"From the text: \u201c{one}\u201d." for one in told if one),
        )

    @property
    def order(self) -> int:
        return self.steps[0].order if self.steps else 0


def roles(interpretation: Interpretation, most: int) -> list[Role]:
    """The roles for all steps in their order, at most `most`."""
    found: list[Role] = []
    thing = next((entity.name for entity in interpretation.entities), "")
    gates = [step.order for step in interpretation.steps if is_of_person(step)]
    for step in work(interpretation):
        if step.actor:
            _place_by_name(step, found)
        elif not (_duty(step) and _joins_duty(step, found)):
            is_released = step.verb in OUTWARD and _is_behind(gates, step, found)
            _place(step, found, thing, is_own=bool(_duty(step)) or is_released)
    found = _distinct(_absorb_weak(found))
    return _at_most(found, most)


def _sentence(duty: str) -> str:
    return f"{duty[:1].upper()}{duty[1:].rstrip('.')}."


def _quoted(words: str) -> str:
    """The words of the text without what only joins them to the words before."""
    return _JOINING.sub("", " ".join(words.split())).strip(" ,;:.")


def _is_behind(gates: Sequence[int], step: Step, found: Sequence[Role]) -> bool:
    """Whether a person stands between the work so far and this step: then nobody may hold both."""
    before = max((one.order for role in found for one in role.steps), default=0)
    return any(before < gate < step.order for gate in gates)


def is_of_person(step: Step) -> bool:
    """Whether a person does the step: the interpreter names who approves."""
    return step.verb == "approve" and step.actor is not None


def _duty(step: Step) -> str:
    """The duty of one agent that the text itself sets apart ("Agent 2: …"); empty when there is none."""
    group = step.parallel_group or ""
    return group.partition("<")[0] if group.startswith("duty") else ""


def lead_of(role: Role) -> str | None:
    """Whom the role works under, as the text says."""
    groups = (step.parallel_group or "" for step in role.steps)
    return next((group.partition("<")[2] for group in groups if "<" in group), None)


def _joins_duty(step: Step, found: Sequence[Role]) -> bool:
    """Give the step to the role of its duty, once there is one."""
    mine = next((r for r in found if any(_duty(s) == _duty(step) for s in r.steps)), None)
    if mine is None:
        return False
    mine.steps.append(step)
    return True


def _place_by_name(step: Step, found: list[Role]) -> None:
    """A role that the text names keeps its name; what it knows beside comes from the profession of that name."""
    name = step.actor or ""
    mine = next((role for role in found if role.title == name), None)
    if mine is not None:
        mine.steps.append(step)
        return
    fits = fitting(f"{name}. {words_of(step)}", step.verb, name)
    best = max(sorted(fits), key=lambda title: fits[title], default="")
    known = occupations().get(name) or (
        occupations()[best] if fits.get(best, 0.0) >= _FITS else None
    )
    function = functions().get(step.verb)
    duty = known.duty if known else function.duty if function else step.name
    implied = known.capabilities if known else function.capabilities if function else ()
    found.append(Role(name, step.verb, duty, [step], implied, _STATED, is_stated=True))


def work(interpretation: Interpretation) -> list[Step]:
    """The steps for agents: without those of people, and without those that only say how others work together."""
    by_people = interpretation.signals.get("human", 0.0) >= ASKED_FOR
    steps = [
        step
        for step in interpretation.steps
        if _is_work(step) and not (by_people and _is_for_person(step))
    ]
    return (
        steps
        or [s for s in interpretation.steps if not is_of_person(s)]
        or list(interpretation.steps)
    )


def _is_work(step: Step) -> bool:
    """Whether an agent does the step: a named agent's always, else no steering and nothing of a person."""
    if is_of_person(step):
        return False
    return bool(step.actor) or step.verb not in STEERING


def _is_for_person(step: Step) -> bool:
    if step.actor:
        return is_of_person(step)
    return step.verb == "approve" or bool(_PERSONAL.search(words_of(step)))


def _place(step: Step, found: list[Role], thing: str, *, is_own: bool = False) -> None:
    """Give the step to a role that is there already, else to a new one; `thing` is what the whole work is about.

    `is_own`: the text sets the work apart as one agent's, so it is never given to another.
    """
    stated = None if is_own else _stated_for(step, found)
    if stated is not None:
        stated.steps.append(step)
        return
    fits = fitting(words_of(step), step.verb, step.object)
    best = max(sorted(fits), key=lambda title: fits[title], default=None)
    if best is None or fits[best] < _FITS:
        _place_by_function(step, found, thing, is_own=is_own)
        return
    for role in () if is_own else found:
        fit = fits.get(role.profession, 0.0)
        if fit >= max(_FITS, _CLOSE * fits[best]) and _takes(role, step):
            role.steps.append(step)
            role.fit += fit
            return
    known = occupations()[best]
    title = _with_domain(best, step) if known.takes_domain else best
    role = Role(
        title, step.verb, known.duty, [step], known.capabilities, fits[best], profession=best
    )
    found.append(role)


def _with_domain(title: str, step: Step) -> str:
    """The title with the first thing of the step in front, unless the title says it already."""
    taken = set(stems(title))
    thing = next((name for name in step.data_in if not set(stems(name)) & taken), "")
    return f"{thing.title()} {title}".strip()


def _takes(role: Role, step: Step) -> bool:
    """A role takes what its profession does, or what belongs to the same stage of the work."""
    known = occupations().get(role.profession)
    return stage_of(step.verb) == role.stage or (known is not None and step.verb in known.verbs)


def is_item(step: Step) -> bool:
    """Whether the step is an item of an enumeration of viewpoints, topics or kinds."""
    return (step.parallel_group or "").startswith("list")


def _stated_for(step: Step, found: Sequence[Role]) -> Role | None:
    """Where the text names its roles, other steps belong to the one of that kind of work, or to the last one."""
    stated = [role for role in found if role.is_stated]
    if len(stated) < _FEWEST_STATED:
        return None
    same = [r for r in stated if r.verb == step.verb] or [
        r for r in stated if r.stage == stage_of(step.verb)
    ]
    return (same or stated)[-1]


def _place_by_function(step: Step, found: list[Role], thing: str, *, is_own: bool = False) -> None:
    last = found[-1] if found else None
    if last and not is_own and not is_item(step) and _is_aside(step, last):
        last.steps.append(step)
        return
    function = functions().get(step.verb)
    noun = function.noun if function else "Specialist"
    domain = _modifier(step) or ("" if found else thing.title())
    title = noun if step.verb in _DESK else f"{domain} {noun}".strip()
    duty = function.duty if function else step.name
    implied = function.capabilities if function else ()
    found.append(Role(title, step.verb, duty, [step], implied, step.confidence))


def _is_aside(step: Step, last: Role) -> bool:
    """Whether the step goes with the role before it: the same work, or nothing that names a duty of its own."""
    if last.verb == step.verb or step.verb in _ABSORBED:
        return True
    if step.verb in _DECISIVE:
        return False
    is_named = bool(_modifier(step))
    stage = stage_of(step.verb)
    is_clear = stage in _CLEAR and stage != last.stage and step.confidence >= _SURE
    return not is_named and not is_clear


def _modifier(step: Step) -> str:
    """The domain in front of a function's title: what the object names, else a thing the step works with."""
    known = domain_words()
    words = [
        word
        for word in step.object.replace("/", " ").replace("-", " ").split()
        if word not in _VAGUE and (is_item(step) or stem(word) in known)
    ]
    if not words:
        things = [thing for thing in step.data_in if stem(thing) != stem(step.verb)]
        words = [word for thing in things[:1] for word in thing.split()]
    return " ".join(word.removesuffix("'s").capitalize() for word in words[-2:])


def _absorb_weak(found: list[Role]) -> list[Role]:
    """Roles with one poorly fitting step join the role before them."""
    kept: list[Role] = []
    for role in found:
        if kept and role.fit < _WEAK and len(role.steps) == 1:
            kept[-1].steps.append(role.steps[0])
        else:
            kept.append(role)
    if len(kept) > 1 and kept[0].fit < _WEAK:
        first = kept.pop(0)
        kept[0].steps = [*first.steps, *kept[0].steps]
    return kept


def _distinct(found: Sequence[Role]) -> list[Role]:
    """Equal titles become one role."""
    by_title: dict[str, Role] = {}
    for role in found:
        if role.title in by_title:
            by_title[role.title].steps += role.steps
        else:
            by_title[role.title] = role
    return list(by_title.values())


def _at_most(found: list[Role], most: int) -> list[Role]:
    """Merge neighbours until the network fits: the pair of one stage with the least fit first."""
    while len(found) > max(1, most):
        pairs = range(len(found) - 1)
        cost = [
            found[i].fit + found[i + 1].fit + (0.0 if found[i].stage == found[i + 1].stage else 2.0)
            for i in pairs
        ]
        i = min(pairs, key=lambda n: cost[n])
        found[i : i + 2] = [merged(found[i], found[i + 1])]
    return found


def merged(one: Role, other: Role) -> Role:
    """One role with both duties, named after the better fitting one."""
    main, extra = (one, other) if one.fit >= other.fit else (other, one)
    steps = sorted([*one.steps, *other.steps], key=lambda step: step.order)
    return replace(
        main,
        steps=steps,
        duty=f"{main.duty}; also {extra.duty}",
        implied=tuple(dict.fromkeys([*main.implied, *extra.implied])),
        is_lead=one.is_lead or other.is_lead,
    )
