"""Steps become duties, duties become the roles of people one would hire for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from common.contracts.scenario import Interpretation, Step
from common.contracts.values import Evidence
from planner.rules.occupations import fitting, functions, occupations

_FITS = 1.5
"""Least fit of a profession; below it the role is named after its function and object."""
_CLOSE = 0.75
"""A profession already in the network takes a step when it fits at least this share of the best one."""
_WEAK = 0.7
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

    @property
    def stage(self) -> str:
        return stage_of(self.verb)

    @property
    def capabilities(self) -> tuple[str, ...]:
        named = [name for step in self.steps for name in step.capabilities]
        return tuple(dict.fromkeys([*named, *self.implied]))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return tuple(span for step in self.steps for span in step.evidence)

    @property
    def responsibilities(self) -> tuple[str, ...]:
        """The duty, then what the text says of it."""
        return (self.duty, *dict.fromkeys(words_of(step) for step in self.steps))

    @property
    def order(self) -> int:
        return self.steps[0].order if self.steps else 0


def stage_of(verb: str) -> str:
    """Where in the work a verb belongs: intake, gather, assess, decide, produce, quality, act, lead, memory."""
    function = functions().get(verb)
    return function.stage if function else "act"


def words_of(step: Step) -> str:
    """The text a step was read from, else its name."""
    return " ".join(span.text for span in step.evidence) or step.name


def roles(interpretation: Interpretation, most: int) -> list[Role]:
    """The roles for all steps in their order, at most `most`."""
    found: list[Role] = []
    for step in interpretation.steps:
        _place(step, found)
    found = _distinct(_absorb_weak(found))
    return _at_most(found, most)


def _place(step: Step, found: list[Role]) -> None:
    """Give the step to a role that is there already, else to a new one."""
    fits = fitting(words_of(step), step.verb, step.object)
    best = max(sorted(fits), key=lambda title: fits[title], default=None)
    if best is None or fits[best] < _FITS:
        _place_by_function(step, found)
        return
    for role in found:
        fit = fits.get(role.title, 0.0)
        if fit >= max(_FITS, _CLOSE * fits[best]) and _takes(role, step):
            role.steps.append(step)
            role.fit += fit
            return
    known = occupations()[best]
    found.append(Role(best, step.verb, known.duty, [step], known.capabilities, fits[best]))


def _takes(role: Role, step: Step) -> bool:
    """A role takes what its profession does, or what belongs to the same stage of the work."""
    known = occupations().get(role.title)
    return stage_of(step.verb) == role.stage or (known is not None and step.verb in known.verbs)


def is_item(step: Step) -> bool:
    """Whether the step is an item of an enumeration of viewpoints, topics or kinds."""
    return (step.parallel_group or "").startswith("list")


def _place_by_function(step: Step, found: list[Role]) -> None:
    last = found[-1] if found else None
    is_thin = not _modifier(step)
    if last and not is_item(step) and (is_thin or last.verb == step.verb):
        last.steps.append(step)
        return
    function = functions().get(step.verb)
    noun = function.noun if function else "Specialist"
    title = f"{_modifier(step)} {noun}".strip()
    duty = function.duty if function else step.name
    implied = function.capabilities if function else ()
    found.append(Role(title, step.verb, duty, [step], implied, step.confidence))


def _modifier(step: Step) -> str:
    """The domain word in front of a function's title: the last words of the object that say something."""
    words = [word for word in step.object.replace("/", " ").split() if word not in _VAGUE]
    return " ".join(word.capitalize().removesuffix("'s") for word in words[-2:])


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
