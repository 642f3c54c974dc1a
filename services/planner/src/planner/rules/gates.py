"""Where a person must agree, and where work is checked before it goes on."""

import re
from collections.abc import Sequence

from common.contracts.network import AgentSpec, Connection
from common.contracts.scenario import Interpretation, Step
from common.contracts.values import Evidence
from planner.rules.graph import Draft, payload
from planner.rules.roles import ASKED_FOR, is_of_person

IRREVERSIBLE = frozenset({"payment_api", "trading_execution", "deployment_ops", "purchase_order"})
"""Capabilities whose effect leaves the house or cannot be taken back."""
SHARE_TO_PERSON = 0.2
"""Share of cases above a limit (assumed; the text seldom says it)."""
ANYONE = "Responsible Person"
"""The name where the text wants a person and says not which."""
_MOST_GATES = 4
ASKED = "a person is asked for or has to decide"
_RELEASED_BY = (
    ("payment_api", "Finance Manager"),
    ("trading_execution", "Head of Trading"),
    ("deployment_ops", "Operations Manager"),
    ("purchase_order", "Purchasing Manager"),
)
"""Who usually releases an action that cannot be taken back (assumed)."""
_OPPOSITES = (
    ("above", "up to"),
    ("over", "up to"),
    ("more than", "at most"),
    ("exceeding", "up to"),
    ("exceeds", "up to"),
    ("larger than", "up to"),
    ("higher than", "up to"),
    ("greater than", "up to"),
    ("beyond", "up to"),
    ("below", "from"),
    ("under", "from"),
    ("less than", "at least"),
    ("at least", "below"),
    ("from", "below"),
    ("up to", "above"),
    ("the large", "the small"),
    ("large", "small"),
    ("small", "large"),
)
SHARE_ASKING = 0.1
"""Share of conversations that end with a person (assumed)."""
_SPLIT = re.compile(
    r"\b(small|large|larger|big|bigger|above|over|below|under|exceed\w*|more than|up to|unclear|complex|"
    r"high[- ]value|low[- ]risk|high[- ]risk|critical|severe|exceptions?)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"\b(manager|supervisor|doctor|physician|lawyer|attorney|underwriter|clerk|officer|editor|engineer|"
    r"director|operator|nurse|pharmacist|accountant|case ?worker|dispatcher|teacher|recruiter|auditor|"
    r"board|committee|clinician|technician|planner|adjuster|controller|cfo|ceo|cto|owner|counsel|head of \w+)\b",
    re.IGNORECASE,
)


def add_people(draft: Draft, interpretation: Interpretation) -> None:
    """The persons the text names at their places, then one before every agent that still acts irreversibly unguarded.

    Each gate is a place of its own, even where the same person sits at several of them.
    """
    named = persons(interpretation)
    for step in named:
        _gate_of(draft, interpretation, step)
    risky = [agent.id for agent in draft.agents.values() if set(agent.capabilities) & IRREVERSIBLE]
    split = None if named else _split(interpretation)
    for agent_id in draft.in_order(risky):
        if not _is_guarded(draft, agent_id):
            person = (
                _releasing(draft, agent_id)
                if named
                else _add_person(draft, interpretation, agent_id)
            )
            _gate_before(draft, person, agent_id, split)
    if not risky and not named and interpretation.signals.get("human", 0.0) >= ASKED_FOR:
        _gate_at(draft, _add_person(draft, interpretation), _place(draft, interpretation), split)


def persons(interpretation: Interpretation) -> list[Step]:
    """The steps of persons, each person once per condition; "a person" only where nobody is named."""
    steps = [step for step in interpretation.steps if is_of_person(step)]
    known: dict[tuple[str | None, str | None], Step] = {}
    for step in steps:
        known.setdefault((step.actor, step.condition), step)
    always = {step.actor for step in steps if step.condition is None}
    is_named = any(step.actor != ANYONE for step in steps)
    return [
        step
        for step in known.values()
        if not (step.condition and step.actor in always) and not (is_named and step.actor == ANYONE)
    ][:_MOST_GATES]


def _gate_of(draft: Draft, interpretation: Interpretation, step: Step) -> None:
    """A gate for a person's step: before the work that follows it in the text, else at the end of the work."""
    split = (step.condition, otherwise(step.condition)) if step.condition else None
    person = _human(draft, step.actor or ANYONE, step.evidence)
    _gate_at(draft, person, _following(draft, interpretation, step), split)


def _following(draft: Draft, interpretation: Interpretation, step: Step) -> str | None:
    """The agent of a chain before which a person's step belongs."""
    orders = {one.id: one.order for one in interpretation.steps}
    chain = [agent for agent in draft.agents.values() if agent.kind == "agent"]
    first = {a.id: min((orders[i] for i in a.steps if i in orders), default=0) for a in chain}
    later = [
        a.id for a in chain if first[a.id] > step.order and draft.into(a.id) and not a.is_verifier
    ]
    before = [a.id for a in chain if 0 < first[a.id] <= step.order]
    owner = max(before, key=lambda agent_id: first[agent_id], default=None)
    if owner and draft.into(owner) and set(draft.agents[owner].capabilities) & IRREVERSIBLE:
        return owner
    if later:
        return min(later, key=lambda agent_id: first[agent_id])
    last = draft.agents[draft.exit[0]]
    is_waiting = step.condition is not None or bool(set(last.capabilities) & IRREVERSIBLE)
    can_wait = is_waiting and not last.is_verifier and last.kind == "agent"
    return last.id if can_wait and draft.into(last.id) else None


def otherwise(condition: str) -> str:
    """The condition of all the cases that do not meet `condition` ("above 500 EUR": "up to 500 EUR")."""
    for begins, opposite in _OPPOSITES:
        if condition.lower().startswith(begins):
            return f"{opposite}{condition[len(begins) :]}"
    return f"all cases but: {condition}"


def _is_guarded(draft: Draft, agent_id: str) -> bool:
    """Whether each way to the agent passes a person, or leaves one out on a stated condition."""
    people = {agent.id for agent in draft.agents.values() if agent.kind == "human"}
    free = [e for e in draft.forward() if e.source not in people and e.when is None]
    found = set(draft.entry)
    waiting = list(draft.entry)
    while waiting:
        here = waiting.pop()
        following = [e.target for e in free if e.source == here and e.target not in found]
        found.update(following)
        waiting += following
    return bool(people & draft.before(agent_id)) and agent_id not in found


def _add_person(draft: Draft, interpretation: Interpretation, agent_id: str = "") -> str:
    """Whom the text names in an approval, else who releases such an action in most houses."""
    clauses = [found.name for found in interpretation.approvals]
    named = next((match[1] for clause in clauses if (match := _PERSON.search(clause))), None)
    own = any(re.search(r"\b(I|my|me)\b", clause) for clause in clauses)
    if not named and not own and not clauses and agent_id:
        return _releasing(draft, agent_id)
    name = _titled(named) if named else "Requester" if own else ANYONE
    evidence = tuple(span for found in interpretation.approvals[:2] for span in found.evidence)
    return _human(draft, name, evidence)


def _releasing(draft: Draft, agent_id: str) -> str:
    """A person for an action that cannot be taken back and for which the text names nobody."""
    held = set(draft.agents[agent_id].capabilities)
    name = next((who for capability, who in _RELEASED_BY if capability in held), ANYONE)
    draft.assumptions.append(
        (
            f"A {name} releases the action of the {draft.agents[agent_id].role}.",
            "The action cannot be taken back and the text names nobody who may allow it.",
        )
    )
    return _human(draft, name, ())


def _human(draft: Draft, name: str, evidence: tuple[Evidence, ...]) -> str:
    """Add a person by this name; its id."""
    agent_id = _free(
        f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}-approval", set(draft.agents)
    )
    draft.agents[agent_id] = AgentSpec(
        id=agent_id,
        name=f"{name} (human)",
        role=f"{name} Approval",
        kind="human",
        zone="reasoning",
        model_class=None,
        responsibilities=("Approves or rejects before the action is taken.",),
        evidence=evidence,
    )
    return agent_id


def _titled(name: str) -> str:
    return name.upper() if len(name) == 3 else name.capitalize()


def _free(name: str, taken: set[str]) -> str:
    number = 2
    candidate = name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def _split(interpretation: Interpretation) -> tuple[str, str] | None:
    """The conditions (with, without) a person, when the text lets only a part of the cases pass one."""
    clauses = [found.name for found in interpretation.approvals]
    clause = next((text for text in clauses if _SPLIT.search(text)), None)
    if clause is None:
        return None
    limit = next(
        (q.name for q in interpretation.quantities if q.kind in {"threshold", "money"}), None
    )
    if limit:
        return f"above {limit}", f"up to {limit}"
    return f"{clause} (the limit is to be named)", "all other cases, within the limit"


def _approve(source: str, person: str, share: float | None, when: str | None) -> Connection:
    return Connection(
        source=source,
        target=person,
        kind="approve",
        label="request for approval",
        share=share,
        when=when,
        payload=payload("decide", ("case",)),
        timeout_s=None,
    )


def _gate_before(draft: Draft, person: str, agent_id: str, split: tuple[str, str] | None) -> None:
    """Lead every way into `agent_id` through the person; with a split only the cases above the limit."""
    ways = [edge for edge in draft.into(agent_id) if edge.source != person]
    if not ways:
        _gate_entry(draft, person, agent_id)
        return
    for edge in ways:
        if edge.kind == "call":
            _person_is_asked(draft, person, agent_id)
            continue
        _divert(draft, person, edge, split)
    if any(edge.kind != "call" for edge in ways):
        draft.connect(_release(person, agent_id))
        is_choice = split is not None or any(edge.share is not None for edge in ways)
        if is_choice:
            draft.update(agent_id, join="any")
        if is_choice and len(ways) > 1:
            draft.update(person, join="any")


def _release(person: str, agent_id: str) -> Connection:
    return Connection(
        source=person,
        target=agent_id,
        kind="handoff",
        label="approval",
        payload=payload("decide", ("case",)),
    )


def _person_is_asked(draft: Draft, person: str, agent_id: str) -> None:
    """An agent that is called asks the person itself before it acts."""
    draft.connect(
        Connection(
            source=agent_id,
            target=person,
            kind="call",
            label="request for approval",
            payload=payload("decide", ("case",)),
        )
    )


def _divert(draft: Draft, person: str, edge: Connection, split: tuple[str, str] | None) -> None:
    if split is None or len(draft.out_of(edge.source)) > 1:
        draft.replace(edge, _approve(edge.source, person, edge.share, edge.when))
        return
    with_person, without = split
    draft.replace(
        edge,
        edge.model_copy(update={"share": round(1 - SHARE_TO_PERSON, 2), "when": without}),
        _approve(edge.source, person, SHARE_TO_PERSON, with_person),
    )
    draft.assumptions.append(
        (
            f"{SHARE_TO_PERSON:.0%} of the cases need a person ({with_person}).",
            "The text names a limit but not how often it is passed.",
        )
    )


def _gate_entry(draft: Draft, person: str, agent_id: str) -> None:
    """A risky agent at the entry asks before it acts."""
    _person_is_asked(draft, person, agent_id)


def _place(draft: Draft, interpretation: Interpretation) -> str | None:
    """The agent before which the person stands: the first whose work comes after the approval in the text."""
    spans = [span for found in interpretation.approvals for span in found.evidence]
    if not spans:
        return None
    start = min(span.start for span in spans)
    later = [
        agent
        for agent in draft.agents.values()
        if agent.kind == "agent"
        and agent.evidence
        and agent.evidence[0].start > start
        and draft.into(agent.id)
    ]
    return min(later, key=lambda agent: agent.evidence[0].start).id if later else None


def _gate_at(draft: Draft, person: str, before: str | None, split: tuple[str, str] | None) -> None:
    """Put the person before an agent of a chain, else at the end."""
    ways = draft.into(before) if before is not None else []
    can_wait = len(ways) == 1 or (before is not None and _waits_already(draft, before))
    if before is not None and can_wait and all(edge.kind != "call" for edge in ways):
        _gate_before(draft, person, before, split)
        return
    choices = [e for i in draft.entry for e in draft.out_of(i) if e.share is not None]
    if choices:
        _branch_to(draft, person, choices, split[0] if split else ASKED)
        return
    if len(draft.exit) > 1 or any(edge.kind == "call" for edge in draft.out_of(draft.exit[0])):
        _person_is_asked(draft, person, draft.exit[0])
        return
    last = draft.exit[0]
    draft.connect(_approve(last, person, None, None))
    draft.exit = [person]


def _waits_already(draft: Draft, agent_id: str) -> bool:
    """Whether the ways into an agent come from its one predecessor and from persons that this one asks."""
    sources = {edge.source for edge in draft.into(agent_id)}
    agents = [source for source in sources if draft.agents[source].kind == "agent"]
    return len(agents) <= 1


def _branch_to(draft: Draft, person: str, choices: Sequence[Connection], when: str) -> None:
    """A desk that shares cases out gets the person as one more way out."""
    kept = round(1 - SHARE_ASKING, 2)
    shares = [round((edge.share or 0.0) * kept, 4) for edge in choices]
    shares[0] = round(kept - sum(shares[1:]), 4)
    for edge, share in zip(choices, shares, strict=True):
        draft.replace(edge, edge.model_copy(update={"share": share}))
    draft.connect(
        Connection(
            source=choices[0].source,
            target=person,
            kind="handoff",
            label="case for a person",
            share=SHARE_ASKING,
            when=when,
            payload=payload("intake"),
        )
    )
    draft.exit.append(person)
    draft.assumptions.append(
        (f"{SHARE_ASKING:.0%} of the cases go to a person.", "The text does not say how many do.")
    )


def add_verifiers(draft: Draft, checking: Sequence[str]) -> None:
    """In a chain a role of quality becomes a verifier: it sends its predecessor's work back at most twice."""
    if any(agent.is_verifier for agent in draft.agents.values()):
        return
    for agent_id in checking:
        ways = draft.into(agent_id)
        is_chain = len(ways) == 1 and ways[0].kind == "handoff" and ways[0].share is None
        if not is_chain or draft.agents[ways[0].source].kind == "human":
            continue
        if len(draft.out_of(ways[0].source)) > 1:
            continue
        source = ways[0].source
        draft.replace(ways[0], ways[0].model_copy(update={"kind": "verify"}))
        draft.connect(
            Connection(
                source=agent_id,
                target=source,
                kind="handoff",
                label="remarks",
                payload=payload("quality"),
                max_iterations=2,
            )
        )
        draft.update(agent_id, is_verifier=True)
