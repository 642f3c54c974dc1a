"""Steps become duties, duties become the roles of people one would hire for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from common.contracts.scenario import Interpretation, Step
from common.contracts.values import Evidence
from common.wording import stem, stems
from planner.rules.occupations import domain_words, fitting, functions, occupations

STEERING = frozenset({"coordinate", "discuss"})
ASKED_FOR = 0.6
"""Strength of the human signal from which the text itself wants a person."""
_ABSORBED = frozenset({"update", "receive"})
"""What somebody does with a result on the side: to save it needs no agent of its own."""
_DECISIVE = frozenset({"pay", "trade", "deploy"})
"""What leaves the house or cannot be taken back has its own role, so that a gate can stand before it."""
_DESK = frozenset({"route", "greet"})
"""A first desk sees all kinds of cases, so no domain stands in its title."""
_CLEAR = frozenset({"gather", "assess", "quality", "produce"})
_SURE = 0.8
"""Confidence from which a step of another kind gets a role although its object names no domain."""
_ACTING = frozenset(
    (
        "pay",
        "resolve",
        "answer",
        "book",
        "order",
        "sell",
        "trade",
        "update",
        "decide",
        "deploy",
        "notify",
        "schedule",
        "optimize",
    )
)
_TELLING = _ACTING | {
    "write",
    "publish",
    "route",
    "report",
    "summarize",
    "compile",
    "recommend",
    "teach",
    "monitor",
    "detect",
}
_EFFECTS: dict[str, frozenset[str]] = {
    "payment_api": _ACTING - {"notify", "schedule", "optimize"},
    "trading_execution": frozenset({"trade", "order", "sell", "decide", "optimize", "pay"}),
    "deployment_ops": frozenset(
        {"deploy", "resolve", "optimize", "decide", "implement", "test", "update"}
    ),
    "purchase_order": frozenset({"order", "pay", "update", "decide", "compare", "book", "resolve"}),
    "email_send": _TELLING,
    "messaging": _TELLING,
}
_SOURCES = frozenset(
    [
        "web_search",
        "news_api",
        "academic_search",
        "social_media",
        "vector_search",
        "sql_database",
        "crm",
        "file_read",
        "market_data",
        "company_filings",
        "clinical_data",
        "property_data",
        "email_read",
        "source_control",
        "monitoring",
        "threat_intel",
        "travel_search",
        "maps_geo",
    ]
)
_PUBLIC = re.compile(
    r"\b(?:research|market|competitor|trend|compan|industry|public|background|topic|sources?|facts?|news|audience|"
    r"internet|online|prices?|studies|best practice|latest|current)",
    re.IGNORECASE,
)
_PAPERS = re.compile(
    r"\b(?:letters?|reports?|documents?|invoices?|contracts?|practitioner|offers?)\b", re.IGNORECASE
)
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
            *self.implied,
            *_sources(self, named),
            *_channel(self, named),
        ]
        return tuple(dict.fromkeys([*named, *implied]))

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


def may_hold(step: Step, capability: str) -> bool:
    """Whether a duty of this kind needs the capability itself: who checks a payment does not pay (least privilege)."""
    verbs = _EFFECTS.get(capability)
    return verbs is None or step.verb in verbs


def _sources(role: Role, named: Sequence[str]) -> tuple[str, ...]:
    """Research needs a source: the public web when the text names none and the subject is public."""
    is_public = any(_PUBLIC.search(words_of(step)) for step in role.steps)
    wants = role.verb == "research" and is_public and not set(named) & _SOURCES
    return ("web_search",) if wants else ()


def _channel(role: Role, named: Sequence[str]) -> tuple[str, ...]:
    """Who tells somebody something needs a channel: mail for papers, a message where the text names none."""
    if role.verb != "notify" or {"email_send", "messaging", "social_media"} & {
        *named,
        *role.implied,
    }:
        return ()
    has_papers = any(_PAPERS.search(words_of(step)) for step in role.steps)
    return ("email_send",) if has_papers else ("messaging",)


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
    thing = next((entity.name for entity in interpretation.entities), "")
    for step in work(interpretation):
        _place(step, found, thing)
    found = _distinct(_absorb_weak(found))
    return _at_most(found, most)


def work(interpretation: Interpretation) -> list[Step]:
    """The steps for agents: without those of people, and without those that only say how others work together."""
    by_people = interpretation.signals.get("human", 0.0) >= ASKED_FOR
    steps = [
        step
        for step in interpretation.steps
        if step.verb not in STEERING and not (by_people and _is_for_person(step))
    ]
    return steps or list(interpretation.steps)


def _is_for_person(step: Step) -> bool:
    return step.verb == "approve" or bool(_PERSONAL.search(words_of(step)))


def _place(step: Step, found: list[Role], thing: str) -> None:
    """Give the step to a role that is there already, else to a new one; `thing` is what the whole work is about."""
    fits = fitting(words_of(step), step.verb, step.object)
    best = max(sorted(fits), key=lambda title: fits[title], default=None)
    if best is None or fits[best] < _FITS:
        _place_by_function(step, found, thing)
        return
    for role in found:
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


def _place_by_function(step: Step, found: list[Role], thing: str) -> None:
    last = found[-1] if found else None
    if last and not is_item(step) and _is_aside(step, last):
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
