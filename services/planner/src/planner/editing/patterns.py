"""Rebuilds the flow after another pattern. Gates keep their place before what they guard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from common.contracts.network import AgentSpec, Connection, Network, Pattern, ToolSpec
from common.contracts.scenario import Assumption
from planner.editing import agents, flow, joining
from planner.editing.commands import AddVerifier, Merge, Place, SetPattern
from planner.editing.naming import new_id, words
from planner.editing.outcome import BreaksNetworkError
from planner.editing.step import Step
from planner.review.gates import irreversible_owners, is_gate
from planner.review.paths import agent_edges, forward_edges, reached, successors

_LEADS = frozenset(
    [
        "supervisor",
        "coordinator",
        "orchestrator",
        "manager",
        "lead",
        "moderator",
        "planner",
        "dispatcher",
        "router",
    ]
)


@dataclass(frozen=True, slots=True)
class _Cast:
    """The agents in their order of work: who is free to be rearranged, and what must follow in a row."""

    free: tuple[AgentSpec, ...]
    tail: tuple[AgentSpec, ...]
    """Gates, owners of irreversible tools, and whoever works after them."""


def set_pattern(network: Network, command: SetPattern, _last: str | None) -> Step:
    """The same agents in another pattern; conditions of the old flow are dropped and said to be.

    Raises:
        BreaksNetworkError: the pattern needs agents that are not there.
    """
    if command.pattern == network.pattern:
        raise BreaksNetworkError(
            f"The network is {_plain(network.pattern)} already.", "Nothing needs to change."
        )
    rebuilt = _BUILDERS[command.pattern](network)
    changed = rebuilt.model_copy(
        update={"pattern": command.pattern, "pattern_reason": "asked for by a person"}
    )
    lost = [edge.when for edge in agent_edges(network) if edge.when]
    kept = {edge.when for edge in agent_edges(changed)}
    gone = [when for when in lost if when not in kept]
    dropped = f" These conditions no longer apply: {'; '.join(gone)}." if gone else ""
    said = f"Changed the pattern from {_plain(network.pattern)} to {_plain(command.pattern)}."
    return Step(changed, (f"{said}{dropped}",))


def _plain(pattern: Pattern) -> str:
    return pattern.replace("_", " ")


def _order(network: Network) -> tuple[AgentSpec, ...]:
    """Agents in the order of work: each after those it depends on, else as listed."""
    edges = [(edge.source, edge.target) for edge in forward_edges(network)]
    waiting, done = list(network.agents), list[AgentSpec]()
    while waiting:
        ids = {agent.id for agent in waiting}
        ready = [a for a in waiting if not any(t == a.id and s in ids for s, t in edges)]
        first = (ready or waiting)[0]
        done.append(first)
        waiting.remove(first)
    return tuple(done)


def _cast(network: Network) -> _Cast:
    order = _order(network)
    risky = {owner for owner, _ in irreversible_owners(network)}
    fixed = [agent.id for agent in order if is_gate(agent) or agent.id in risky]
    after = reached(fixed, successors((e.source, e.target) for e in forward_edges(network)))
    return _Cast(
        free=tuple(agent for agent in order if agent.id not in after),
        tail=tuple(agent for agent in order if agent.id in after),
    )


def _wired(
    network: Network, edges: Sequence[Connection], entry: AgentSpec, last: AgentSpec
) -> Network:
    tools = [edge for edge in network.connections if edge.kind in {"tool", "memory"}]
    return network.model_copy(
        update={"connections": (*edges, *tools), "entry": (entry.id,), "exit": (last.id,)}
    )


def _chain(network: Network, row: Sequence[AgentSpec]) -> list[Connection]:
    """One after the other, with the ways back of verifiers kept to whom they now check."""
    bounds = {e.source: e.max_iterations for e in agent_edges(network) if e.max_iterations}
    edges = []
    for one, two in pairwise(row):
        edges.append(
            Connection(source=one.id, target=two.id, kind=flow.kind_to(two), label="hands over")
        )
        if two.is_verifier and one.kind == "agent":
            rounds = bounds.get(two.id) or flow.ROUNDS
            edges.append(
                Connection(source=two.id, target=one.id, label="rework", max_iterations=rounds)
            )
    return edges


def _sequential(network: Network) -> Network:
    row = _order(network)
    _need(row, 2, "sequential")
    return _wired(network, _chain(network, row), row[0], row[-1])


def _parallel(network: Network) -> Network:
    cast = _cast(network)
    head, *rest = cast.free or (None,)
    last = rest.pop() if len(rest) > 2 and not cast.tail else None
    tail = (*([last] if last else []), *cast.tail)
    if head is None or len(rest) < 2 or not tail:
        raise _too_few(
            network, "parallel", "an entry, two agents at the same time and one that joins"
        )
    out = [Connection(source=head.id, target=one.id, label="hands over") for one in rest]
    joined = [
        Connection(source=one.id, target=tail[0].id, kind=flow.kind_to(tail[0])) for one in rest
    ]
    return _wired(network, [*out, *joined, *_chain(network, tail)], head, tail[-1])


def _led(title: str, minimum: int) -> Callable[[Network], Network]:
    def build(network: Network) -> Network:
        cast = _cast(network)
        lead = next((a for a in cast.free if set(words(a.name)) & _LEADS), None)
        members = [agent for agent in cast.free if agent != lead]
        if len(members) < minimum:
            raise _too_few(network, title, f"a lead and {minimum} helpers")
        if lead is None:
            name = "Moderator" if title == "group chat" else "Coordinator"
            lead = AgentSpec(
                id=new_id(network, name),
                name=name,
                role=name,
                responsibilities=("plan the work of the others and merge their answers",),
                model_class="large",
                model_reason="plans and merges",
            )
            network = network.model_copy(update={"agents": (lead, *network.agents)})
        calls = [
            Connection(source=lead.id, target=m.id, kind="call", label="asks") for m in members
        ]
        row = (lead, *cast.tail)
        return _wired(network, [*calls, *_chain(network, row)], lead, row[-1])

    return build


def _chosen(network: Network) -> Network:
    """One of several ways per task. Nobody said how often which, so the shares are equal and stated as assumed."""
    cast = _cast(network)
    head, *ways = cast.free or (None,)
    if head is None or len(ways) < 2:
        raise _too_few(network, "router", "one that decides and two to choose from")
    share = round(1.0 / len(ways), 4)
    out = [
        Connection(
            source=head.id,
            target=way.id,
            label="hands over",
            share=share,
            when=f"a case for {way.name}",
        )
        for way in ways
    ]
    tail = cast.tail
    joined = (
        [Connection(source=w.id, target=tail[0].id, kind=flow.kind_to(tail[0])) for w in ways]
        if tail
        else []
    )
    wired = _wired(network, [*out, *joined, *_chain(network, tail)], head, (tail or ways)[-1])
    assumed = Assumption(
        text=f"Each of {', '.join(way.name for way in ways)} gets the same share of tasks.",
        why="The command did not say which cases go where.",
    )
    exits = (tail[-1].id,) if tail else tuple(way.id for way in ways)
    return wired.model_copy(update={"exit": exits, "assumptions": (*network.assumptions, assumed)})


def _evaluated(network: Network) -> Network:
    if any(agent.is_verifier for agent in network.agents):
        return network
    return agents.add_verifier(network, AddVerifier("Verifier", Place("last")), None).network


def _single(network: Network) -> Network:
    """Everything in one agent; people are asked by it, and its verifiers go."""
    workers = [a for a in network.agents if a.kind == "agent" and not a.is_verifier]
    people = [agent for agent in network.agents if agent.kind == "human"]
    if not workers:
        raise _too_few(network, "single", "one agent that works")
    kept = network.model_copy(update={"agents": (*workers, *people)})
    if len(workers) > 1:
        kept = joining.merge(kept, Merge(tuple(agent.id for agent in workers)), None).network
    one = kept.agent(workers[0].id)
    asks = [Connection(source=one.id, target=p.id, kind="call", label="asks") for p in people]
    return _wired(kept, asks, one, one)


def _blackboard(network: Network) -> Network:
    """Everybody reads and writes one store; the flow stays, since it says who starts and who delivers."""
    old = next((tool for tool in network.tools if tool.capability == "shared_memory"), None)
    store = old or ToolSpec(
        name="shared_memory",
        capability="shared_memory",
        side_effect="write",
        description="What all agents know of the task.",
    )
    equipped = tuple(
        agent.model_copy(
            update={
                "tools": tuple(dict.fromkeys((*agent.tools, store.name))),
                "capabilities": tuple(dict.fromkeys((*agent.capabilities, "shared_memory"))),
            }
        )
        if agent.kind == "agent"
        else agent
        for agent in network.agents
    )
    tools = network.tools if old else (*network.tools, store)
    return network.model_copy(update={"agents": equipped, "tools": tools})


def _hierarchical(network: Network) -> Network:
    calls = {(e.source, e.target) for e in agent_edges(network) if e.kind == "call"}
    if any(target in {source for source, _ in calls} for _, target in calls):
        return network
    raise BreaksNetworkError(
        "A hierarchy needs team leads between the top and the workers, and there are none.",
        "Change the pattern to supervisor, then say “add a … lead under Coordinator” for each team.",
    )


def _need(row: Sequence[AgentSpec], least: int, pattern: str) -> None:
    if len(row) < least:
        raise BreaksNetworkError(
            f"A {pattern} network needs at least {least} agents; there are {len(row)}.",
            "Add an agent first.",
        )


def _too_few(network: Network, pattern: str, needs: str) -> BreaksNetworkError:
    fixed = [agent.name for agent in _cast(network).tail]
    kept = f" {', '.join(fixed)} must stay in order." if fixed else ""
    return BreaksNetworkError(f"A {pattern} network needs {needs}.{kept}", "Add an agent first.")


_BUILDERS: dict[Pattern, Callable[[Network], Network]] = {
    "single": _single,
    "sequential": _sequential,
    "parallel": _parallel,
    "router": _chosen,
    "supervisor": _led("supervisor", 2),
    "hierarchical": _hierarchical,
    "evaluator_loop": _evaluated,
    "group_chat": _led("group chat", 2),
    "handoff": _chosen,
    "blackboard": _blackboard,
}
