"""From an interpretation to a network: roles, pattern, edges, gates, alternatives."""

import re
from collections.abc import Callable, Sequence

from common.contracts.network import AgentSpec, Connection, Forecast, Network, Zone
from common.contracts.scenario import Assumption, Interpretation
from planner.rules import gates, topology
from planner.rules.alternatives import alternatives
from planner.rules.casting import cast
from planner.rules.graph import Draft, dependencies
from planner.rules.pattern import Choice, choose, described
from planner.rules.roles import Role, roles

type Forecaster = Callable[[Network], Forecast | None]

_ZONES: dict[str, Zone] = {
    "intake": "perception",
    "gather": "perception",
    "act": "action",
    "memory": "memory",
}
_ROUNDS = re.compile(
    r"at most (\w+) (?:times|rounds|attempts)|up to (\w+) (?:times|rounds|attempts)|(\w+) (?:rounds|"
    r"times) (?:max|tops)|"
    r"max(?:imum)?\.? (?:of )?(\w+) (?:rounds|times|attempts)|(\w+) rounds",
    re.IGNORECASE,
)
_NUMBERS = {"once": 1, "one": 1, "two": 2, "twice": 2, "three": 3, "four": 4, "five": 5, "ten": 10}


def plan(
    interpretation: Interpretation, *, max_agents: int = 10, forecast: Forecaster | None = None
) -> Network:
    """The network for what was read, with alternatives; never more than `max_agents` agents (people not counted)."""
    if not interpretation.is_scenario or not interpretation.steps:
        return _clarifying(interpretation)
    found = roles(interpretation, max_agents)
    choice = choose(interpretation, len(found))
    found = cast(choice.pattern, found, interpretation, max_agents)
    if len(found) == 1:
        choice = Choice("single", described("single")[0], choice.strengths)
    network = wired(interpretation, found, choice)
    figures = forecast(network) if forecast else None
    return network.model_copy(
        update={
            "forecast": figures,
            "alternatives": alternatives(interpretation, found, choice, network, forecast),
        }
    )


def wired(interpretation: Interpretation, found: Sequence[Role], choice: Choice) -> Network:
    """Roles wired by the chosen pattern, with gates and verifiers."""
    ids = _ids(found)
    draft = Draft(
        agents={agent_id: _agent(agent_id, role) for agent_id, role in zip(ids, found, strict=True)}
    )
    topology.wire(choice.pattern, draft, found, ids, rounds_of(interpretation))
    gates.add_verifiers(draft, [i for i, role in zip(ids, found, strict=True) if role.is_checking])
    gates.add_people(draft, interpretation)
    _assume_rounds(draft, interpretation)
    return _network(interpretation, draft, choice)


def _network(interpretation: Interpretation, draft: Draft, choice: Choice) -> Network:
    agents = tuple(
        agent.model_copy(update={"dependencies": dependencies(agent.id, draft.edges)})
        for agent in draft.agents.values()
    )
    added = tuple(Assumption(text=text, why=why) for text, why in dict.fromkeys(draft.assumptions))
    return Network(
        agents=agents,
        connections=tuple(draft.edges),
        pattern=choice.pattern,
        pattern_reason=choice.reason,
        human_in_loop=any(agent.kind == "human" for agent in agents),
        entry=tuple(draft.entry),
        exit=tuple(draft.exit),
        questions=interpretation.questions,
        assumptions=(*interpretation.assumptions, *added),
        notes=tuple(draft.notes),
    )


def _assume_rounds(draft: Draft, interpretation: Interpretation) -> None:
    """Say which bounds of the ways back are not from the text."""
    bounds = sorted({e.max_iterations for e in draft.edges if e.max_iterations is not None})
    stated = _stated_rounds(interpretation)
    for bound in bounds:
        if bound != stated:
            draft.assumptions.append(
                (
                    f"Work goes back at most {bound} times per case.",
                    "The text names no number of rounds.",
                )
            )


def rounds_of(interpretation: Interpretation) -> int:
    """Rounds of rework the text allows, else the assumed number."""
    return _stated_rounds(interpretation) or topology.ROUNDS


def _stated_rounds(interpretation: Interpretation) -> int | None:
    text = " ".join(span.text for step in interpretation.steps for span in step.evidence)
    found = _ROUNDS.search(text)
    if not found:
        return None
    word = next(group for group in found.groups() if group).lower()
    return max(1, min(20, int(word))) if word.isdigit() else _NUMBERS.get(word)


def _ids(found: Sequence[Role]) -> list[str]:
    taken: dict[str, int] = {}
    ids = []
    for role in found:
        slug = re.sub(r"[^a-z0-9]+", "-", role.title.lower()).strip("-")[:48] or "agent"
        taken[slug] = taken.get(slug, 0) + 1
        ids.append(slug if taken[slug] == 1 else f"{slug}-{taken[slug]}")
    return ids


def _agent(agent_id: str, role: Role) -> AgentSpec:
    return AgentSpec(
        id=agent_id,
        name=role.title,
        role=role.title,
        responsibilities=role.responsibilities,
        zone=_ZONES.get(role.stage, "reasoning"),
        evidence=role.evidence,
        capabilities=role.capabilities,
        steps=tuple(step.id for step in role.steps),
    )


def _clarifying(interpretation: Interpretation) -> Network:
    """One agent that asks: there is nothing to plan yet."""
    agent = AgentSpec(
        id="scenario-clarifier",
        name="Scenario Clarifier",
        role="Scenario Clarifier",
        zone="perception",
        responsibilities=("asks what comes in, what must be done and what should come out",),
    )
    return Network(
        agents=(agent,),
        pattern="single",
        pattern_reason="The text describes no work yet; one agent asks for it.",
        entry=(agent.id,),
        exit=(agent.id,),
        questions=interpretation.questions,
        assumptions=interpretation.assumptions,
    )


def replanned(network: Network, *, forecast: Forecaster | None = None) -> Network:
    """A network a person edited: kept as it is; dependencies, entry, exit and forecast follow from its edges."""
    ids = [agent.id for agent in network.agents]
    edges = _between(network.connections, set(ids))
    entry, exits = _ends(network, ids, edges)
    agents = tuple(
        agent.model_copy(update={"dependencies": dependencies(agent.id, edges)})
        for agent in network.agents
    )
    kept = network.model_copy(
        update={
            "agents": agents,
            "entry": entry,
            "exit": exits,
            "human_in_loop": any(agent.kind == "human" for agent in agents),
        }
    )
    return kept.model_copy(update={"forecast": forecast(kept) if forecast else None})


def _between(connections: Sequence[Connection], ids: set[str]) -> list[Connection]:
    return [edge for edge in connections if edge.source in ids and edge.target in ids]


def _ends(
    network: Network, ids: list[str], edges: list[Connection]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entry and exit as they were, less what is gone or has got a predecessor or successor; else the loose ends."""
    forward = [edge for edge in edges if edge.max_iterations is None]
    targets = {edge.target for edge in forward}
    sources = {edge.source for edge in forward if edge.kind != "call"}
    called = {edge.target for edge in forward if edge.kind == "call"}
    entry = tuple(i for i in network.entry if i in ids and i not in targets) or tuple(
        i for i in ids if i not in targets
    )
    loose = tuple(i for i in ids if i not in sources and i not in called)
    exits = tuple(i for i in network.exit if i in ids and i not in sources)
    return entry or tuple(ids[:1]), tuple(dict.fromkeys([*exits, *loose])) or tuple(ids[-1:])
