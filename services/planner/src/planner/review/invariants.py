"""What holds for every network that leaves the planner, the mapper or the editor. Pure; no graph library."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from common.contracts.network import Connection, Network
from planner.review.gates import gating, irreversible_owners
from planner.review.paths import (
    TOOL_KINDS,
    agent_edges,
    cyclic,
    flow,
    forward_edges,
    reached,
    successors,
)

_SHARE_TOLERANCE = 0.01  # shares are rounded to two digits where people write them


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant. `nodes` are agent ids and tool names it concerns, in the network's order."""

    code: str
    nodes: tuple[str, ...]
    message: str


def broken(network: Network, *, max_agents: int | None = None) -> tuple[str, ...]:
    """Every broken invariant as a sentence; empty means the network is sound.

    Args:
        network: before or after the tools were mapped (a network without tools has nothing to own).
        max_agents: how many agents the request allows. People are not counted: nobody builds them.
    """
    return tuple(found.message for found in violations(network, max_agents=max_agents))


def violations(network: Network, *, max_agents: int | None = None) -> tuple[Violation, ...]:
    """As `broken`, with a stable code and the nodes concerned. Ids and edges are judged before paths."""
    found = (*_names(network), *_edges(network), *_ports(network))
    if found:  # on dangling ids a walk would report the same defect again, in a misleading place
        return (*found, *_size(network, max_agents))
    return (
        *_size(network, max_agents),
        *_reach(network),
        *_loops(network),
        *_shares(network),
        *_tools(network),
        *_gates(network),
        *_people(network),
    )


def _names(network: Network) -> Iterator[Violation]:
    if not network.agents:
        yield Violation("no_agents", (), "The network has no agent.")
    ids = [agent.id for agent in network.agents] + [tool.name for tool in network.tools]
    for name, times in Counter(ids).items():
        if times > 1:
            yield Violation("duplicate_id", (name,), f"The id {name!r} is used {times} times.")
        if not name.strip():
            yield Violation("blank_id", (name,), "An agent or a tool has a blank id.")


def _edges(network: Network) -> Iterator[Violation]:
    agents = {agent.id for agent in network.agents}
    tools = {tool.name for tool in network.tools}
    for edge in network.connections:
        yield from _ends(edge, agents, tools)
    keys = Counter((edge.source, edge.target, edge.kind) for edge in network.connections)
    for (source, target, kind), times in keys.items():
        if times > 1:
            message = f"The {kind} connection {source} → {target} is there {times} times."
            yield Violation("duplicate_edge", (source, target), message)


def _ends(edge: Connection, agents: set[str], tools: set[str]) -> Iterator[Violation]:
    ends, where = (edge.source, edge.target), f"connection {edge.source} → {edge.target}"
    if edge.source not in agents:
        yield Violation("unknown_source", ends, f"The {where} leaves from no agent.")
    if edge.kind in TOOL_KINDS and edge.target not in tools:
        yield Violation("unknown_target", ends, f"The {edge.kind} {where} leads to no tool.")
    if edge.kind not in TOOL_KINDS and edge.target not in agents:
        yield Violation("unknown_target", ends, f"The {edge.kind} {where} leads to no agent.")
    if edge.source == edge.target:
        yield Violation("self_loop", (edge.source,), f"{edge.source} is connected to itself.")


def _ports(network: Network) -> Iterator[Violation]:
    agents = {agent.id for agent in network.agents}
    for word, ids in (("entry", network.entry), ("exit", network.exit)):
        if not ids:
            yield Violation(f"no_{word}", (), f"The network has no {word}.")
        for name in ids:
            if name not in agents:
                yield Violation(f"unknown_{word}", (name,), f"The {word} {name!r} is no agent.")
    for agent in network.agents:
        for name in agent.dependencies:
            if name not in agents or name == agent.id:
                message = f"{agent.id} depends on {name!r}, which is no other agent."
                yield Violation("unknown_dependency", (agent.id, name), message)


def _size(network: Network, max_agents: int | None) -> Iterator[Violation]:
    built = tuple(agent.id for agent in network.agents if agent.kind == "agent")
    if max_agents is not None and len(built) > max_agents:
        message = f"There are {len(built)} agents; at most {max_agents} are allowed."
        yield Violation("too_many_agents", built, message)


def _reach(network: Network) -> Iterator[Violation]:
    edges = agent_edges(network)
    from_entry = reached(network.entry, successors((e.source, e.target) for e in edges))
    to_exit = reached(network.exit, _backwards(flow(network)))
    for agent in network.agents:
        if agent.id not in from_entry:
            message = f"{agent.id} cannot be reached from the entry."
            yield Violation("unreachable", (agent.id,), message)
        if agent.id not in to_exit:
            message = f"What {agent.id} produces never reaches an exit."
            yield Violation("dead_end", (agent.id,), message)


def _backwards(following: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return successors(
        (target, source) for source, targets in following.items() for target in targets
    )


def _loops(network: Network) -> Iterator[Violation]:
    forward = [(edge.source, edge.target) for edge in forward_edges(network)]
    if looping := cyclic(forward):
        message = f"There is a loop without a bound among {', '.join(looping)}."
        yield Violation("unbounded_loop", looping, message)
        return
    following = flow(network)
    for edge in agent_edges(network):
        if edge.max_iterations is not None and edge.source not in reached([edge.target], following):
            message = f"{edge.source} → {edge.target} has max_iterations but closes no loop."
            yield Violation("false_back_edge", (edge.source, edge.target), message)


def _shares(network: Network) -> Iterator[Violation]:
    totals: dict[str, float] = {}
    for edge in forward_edges(network):
        if edge.share is not None:
            totals[edge.source] = totals.get(edge.source, 0.0) + edge.share
    for source, total in totals.items():
        if abs(total - 1.0) > _SHARE_TOLERANCE:
            message = f"The shares leaving {source} sum to {total:.3g}, not to 1."
            yield Violation("shares", (source,), message)


def _tools(network: Network) -> Iterator[Violation]:
    known = {tool.name for tool in network.tools}
    held = {(agent.id, name) for agent in network.agents for name in agent.tools}
    drawn = {(e.source, e.target) for e in network.connections if e.kind in TOOL_KINDS}
    for agent, name in sorted(held):
        if name not in known:
            message = f"{agent} has the tool {name!r}, which the network does not know."
            yield Violation("unknown_tool", (agent, name), message)
    for agent, name in sorted(held ^ drawn):
        message = f"{agent}'s tools and its connection to {name!r} disagree."
        yield Violation("tool_edge", (agent, name), message)
    for tool in network.tools:
        owners = {agent for agent, name in held if name == tool.name}
        if not owners:
            yield Violation("orphan_tool", (tool.name,), f"The tool {tool.name!r} has no owner.")
        elif owners != set(tool.used_by):
            message = f"used_by of {tool.name!r} does not name its owners."
            yield Violation("used_by", (tool.name,), message)


def _gates(network: Network) -> Iterator[Violation]:
    for owner, tool in irreversible_owners(network):
        if (state := gating(network, owner)) == "missing":
            message = (
                f"{owner} uses the irreversible {tool!r} with no approval or verifier before it."
            )
            yield Violation("ungated", (owner, tool), message)
        elif state == "bypassed":
            message = f"{owner} can reach the irreversible {tool!r} on an unconditional way around the gate."
            yield Violation("gate_bypassed", (owner, tool), message)


def _people(network: Network) -> Iterator[Violation]:
    people = tuple(agent.id for agent in network.agents if agent.kind == "human")
    if network.human_in_loop != bool(people):
        message = f"human_in_loop is {network.human_in_loop} but there are {len(people)} people."
        yield Violation("human_in_loop", people, message)
    for agent in network.agents:
        if agent.kind == "human" and agent.model_class is not None:
            message = f"{agent.id} is a person and has the model class {agent.model_class}."
            yield Violation("human_model", (agent.id,), message)
