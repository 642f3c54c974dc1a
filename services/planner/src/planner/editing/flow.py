"""Moves the flow around an agent that comes or goes, and draws or cuts single connections."""

from collections.abc import Iterable

from common.contracts.network import AgentSpec, Connection, ConnectionKind, Network
from planner.editing.commands import Connect, Disconnect, Place, SetBound
from planner.editing.naming import find_agent
from planner.editing.outcome import BreaksNetworkError
from planner.editing.step import Step
from planner.review.paths import TOOL_KINDS, agent_edges, forward_edges, reached, successors

ROUNDS = 2  # assumed: how often work may go back when nobody says; a third try rarely brings more


def kind_to(agent: AgentSpec) -> ConnectionKind:
    """How work moves on to this agent: to a person for approval, to a verifier for checking."""
    if agent.kind == "human":
        return "approve"
    return "verify" if agent.is_verifier else "handoff"


def is_called(network: Network, agent_id: str) -> bool:
    """Whether the agent only answers calls: nothing moves on from it, and it delivers nothing itself."""
    forward = forward_edges(network)
    called = any(e.target == agent_id and e.kind == "call" for e in forward)
    moves_on = any(e.source == agent_id and e.kind != "call" for e in forward)
    return called and not moves_on and agent_id not in network.exit


def place(network: Network, new: AgentSpec, where: Place, last: str | None) -> Network:
    """The network with the new agent in it, at its place in the flow.

    Raises:
        UnclearError: the place names no agent.
        BreaksNetworkError: there is no such place.
    """
    if where.where == "between":
        one, two = (find_agent(network, said, last=last) for said in (where.one, where.two))
        return _between(network, new, one, two)
    ends = {"first": network.entry[:1], "last": network.exit[-1:]}.get(where.where)
    other = network.agent(ends[0]) if ends else find_agent(network, where.one, last=last)
    match where.where:
        case "after" | "last":
            return _after(network, new, other)
        case "before" | "first":
            return _before(network, new, other)
        case "beside":
            return _beside(network, new, other)
        case _:
            return _with(network, new, network.connections, [_edge(other, new, "call")], other)


def _with(
    network: Network,
    new: AgentSpec,
    old_edges: Iterable[Connection],
    edges: Iterable[Connection],
    near: AgentSpec,
    *,
    is_before: bool = False,
) -> Network:
    """The network with the agent listed beside `near` and the given edges."""
    spot = network.agents.index(near) + (0 if is_before else 1)
    agents = (*network.agents[:spot], new, *network.agents[spot:])
    return network.model_copy(update={"agents": agents, "connections": (*old_edges, *edges)})


def _edge(source: AgentSpec, target: AgentSpec, kind: ConnectionKind) -> Connection:
    return Connection(source=source.id, target=target.id, kind=kind, label=_LABELS.get(kind, ""))


_LABELS: dict[ConnectionKind, str] = {
    "call": "asks",
    "verify": "to check",
    "approve": "for approval",
    "handoff": "hands over",
    "publish": "publishes",
}


def _after(network: Network, new: AgentSpec, one: AgentSpec) -> Network:
    """What left `one` now leaves the new agent; a helper that is only called asks the new one before it answers."""
    if is_called(network, one.id):
        return _with(network, new, network.connections, [_edge(one, new, "call")], one)
    moved = [
        edge.model_copy(update={"source": new.id}) if _moves_on(edge, one.id) else edge
        for edge in network.connections
    ]
    exits = tuple(new.id if name == one.id else name for name in network.exit)
    placed = _with(network, new, moved, [_edge(one, new, kind_to(new))], one)
    return placed.model_copy(update={"exit": exits})


def _before(network: Network, new: AgentSpec, one: AgentSpec) -> Network:
    """What led to `one` now leads to the new agent; a helper that is only called asks a gate before it acts."""
    if is_called(network, one.id) and (new.kind == "human" or new.is_verifier):
        return _with(network, new, network.connections, [_edge(one, new, "call")], one)
    moved = [
        edge.model_copy(update={"target": new.id, "kind": _retargeted(edge, new)})
        if edge.target == one.id and edge.kind not in TOOL_KINDS and edge.max_iterations is None
        else edge
        for edge in network.connections
    ]
    kind: ConnectionKind = "call" if is_called(network, one.id) else kind_to(one)
    entry = tuple(new.id if name == one.id else name for name in network.entry)
    placed = _with(network, new, moved, [_edge(new, one, kind)], one, is_before=True)
    return placed.model_copy(update={"entry": entry})


def _between(network: Network, new: AgentSpec, one: AgentSpec, two: AgentSpec) -> Network:
    old = [e for e in forward_edges(network) if (e.source, e.target) == (one.id, two.id)]
    if not old:
        raise BreaksNetworkError(
            f"There is no connection from {one.name} to {two.name} to put {new.name} on.",
            f"Say where it stands: “add {new.name} after {one.name}”.",
        )
    kept = [edge for edge in network.connections if edge not in old]
    there = [e.model_copy(update={"target": new.id, "kind": _retargeted(e, new)}) for e in old]
    return _with(network, new, kept, [*there, _edge(new, two, kind_to(two))], one)


def _beside(network: Network, new: AgentSpec, one: AgentSpec) -> Network:
    """The new agent gets the same work as `one`, at the same time, and hands over to the same agents."""
    twins = [edge for edge in forward_edges(network) if one.id in (edge.source, edge.target)]
    copies = [
        edge.model_copy(
            update={
                "source": new.id if edge.source == one.id else edge.source,
                "target": new.id if edge.target == one.id else edge.target,
            }
        )
        for edge in twins
    ]
    if any(edge.share is not None and edge.target == new.id for edge in copies):
        raise BreaksNetworkError(
            f"{one.name} is one way of a choice, so it is not known which share {new.name} would get.",
            f"Connect it by itself: “add {new.name} after …”.",
        )
    placed = _with(network, new, network.connections, copies, one)
    entry = (*network.entry, new.id) if one.id in network.entry else network.entry
    exits = (*network.exit, new.id) if one.id in network.exit else network.exit
    return placed.model_copy(update={"entry": entry, "exit": exits})


def _moves_on(edge: Connection, agent_id: str) -> bool:
    is_flow = edge.kind not in TOOL_KINDS and edge.kind != "call"
    return edge.source == agent_id and is_flow and edge.max_iterations is None


def _retargeted(edge: Connection, new: AgentSpec) -> ConnectionKind:
    return "call" if edge.kind == "call" else kind_to(new)


def bypass(network: Network, gone: AgentSpec) -> tuple[Connection, ...]:
    """The connections without the agent: who handed over to it now hands over to whom it handed over to."""
    forward = forward_edges(network)
    before = [edge for edge in forward if edge.target == gone.id]
    after = [edge for edge in forward if edge.source == gone.id]
    bridges = [_bridge(one, two) for one in before for two in after]
    back = [e for e in agent_edges(network) if e.max_iterations and e.target == gone.id]
    rework = [
        edge.model_copy(update={"target": one.source})
        for edge in back
        for one in before
        if one.source != edge.source
    ]
    kept = [edge for edge in network.connections if gone.id not in (edge.source, edge.target)]
    return (*kept, *bridges, *rework)


def _bridge(one: Connection, two: Connection) -> Connection:
    shares = [share for share in (one.share, two.share) if share is not None]
    whens = [when for when in (one.when, two.when) if when]
    share = None
    for factor in shares:
        share = factor if share is None else share * factor
    kind = "call" if one.kind == "call" else two.kind
    return two.model_copy(
        update={
            "source": one.source,
            "kind": kind,
            "share": share,
            "when": " and ".join(whens) or None,
        }
    )


def connect(network: Network, command: Connect, last: str | None) -> Step:
    """Draws a connection; a way back must say how often it may be taken.

    Raises:
        BreaksNetworkError: it is there already, leads to itself, or closes a loop without a bound.
    """
    source = find_agent(network, command.source, last=last)
    target = find_agent(network, command.target, last=last)
    if command.rounds and _back_edges(network, source, target):
        return _bounded(network, source, target, command.rounds)
    _check_new(network, source, target, command)
    kind = command.kind if command.kind == "call" or command.rounds else _kind(command, target)
    edge = _edge(source, target, kind)
    if command.rounds:
        edge = edge.model_copy(update={"max_iterations": command.rounds, "label": "rework"})
    drawn = network.model_copy(update={"connections": (*network.connections, edge)})
    bound = f", at most {command.rounds} times per task" if command.rounds else ""
    return Step(drawn, (f"Connected {source.name} to {target.name} ({kind}){bound}.",), source.id)


def set_bound(network: Network, command: SetBound, last: str | None) -> Step:
    """Another bound for a way back that is there.

    Raises:
        BreaksNetworkError: there is none, or the bound is not positive.
    """
    one = find_agent(network, command.one, last=last)
    two = find_agent(network, command.two, last=last) if command.two else None
    if command.rounds < 1:
        raise BreaksNetworkError("A way back is taken once or more.", "Say a number from 1 on.")
    for source, target in ((one, two), (two, one)):
        if source and (found := _back_edges(network, source, target)):
            return _bounded(network, source, network.agent(found[0].target), command.rounds)
    raise BreaksNetworkError(
        f"There is no way back from {one.name}.",
        f"Draw one: “let {one.name} send work back to … at most {command.rounds} times”.",
    )


def _back_edges(network: Network, source: AgentSpec, target: AgentSpec | None) -> list[Connection]:
    return [
        edge
        for edge in agent_edges(network)
        if edge.max_iterations
        and edge.source == source.id
        and (target is None or edge.target == target.id)
    ]


def _bounded(network: Network, source: AgentSpec, target: AgentSpec, rounds: int) -> Step:
    old = _back_edges(network, source, target)
    edges = tuple(
        edge.model_copy(update={"max_iterations": rounds}) if edge in old else edge
        for edge in network.connections
    )
    was = old[0].max_iterations
    said = (
        f"{source.name} may now send work back to {target.name} at most {rounds} times (was {was})."
    )
    return Step(network.model_copy(update={"connections": edges}), (said,), source.id)


def _kind(command: Connect, target: AgentSpec) -> ConnectionKind:
    return kind_to(target) if command.kind == "handoff" else command.kind


def _check_new(network: Network, source: AgentSpec, target: AgentSpec, command: Connect) -> None:
    if source.id == target.id:
        raise BreaksNetworkError(
            f"{source.name} cannot be connected to itself: the task would never leave it.",
            "Name two different agents.",
        )
    edges = agent_edges(network)
    if any((e.source, e.target) == (source.id, target.id) for e in edges):
        raise BreaksNetworkError(
            f"{source.name} is connected to {target.name} already.",
            f"Remove that connection first: “disconnect {source.name} from {target.name}”.",
        )
    ahead = successors((e.source, e.target) for e in forward_edges(network))
    if command.rounds is None and source.id in reached([target.id], ahead):
        raise BreaksNetworkError(
            f"{source.name} comes after {target.name}, so this closes a loop without a bound.",
            f"Say how often: “let {source.name} send work back to {target.name} at most 2 times”.",
        )


def disconnect(network: Network, command: Disconnect, last: str | None) -> Step:
    """Cuts every connection from one agent to the other, in both directions when the command names none.

    Raises:
        BreaksNetworkError: there is none.
    """
    source = find_agent(network, command.source, last=last)
    target = find_agent(network, command.target, last=last)
    pairs = {(source.id, target.id)}
    pairs |= {(target.id, source.id)} if command.both_ways else set()
    kept = tuple(edge for edge in network.connections if (edge.source, edge.target) not in pairs)
    if len(kept) == len(network.connections):
        raise BreaksNetworkError(
            f"There is no connection from {source.name} to {target.name}.",
            f"{source.name} is connected to: {_neighbours(network, source)}.",
        )
    cut = network.model_copy(update={"connections": kept})
    return Step(cut, (f"Removed the connection from {source.name} to {target.name}.",), source.id)


def _neighbours(network: Network, agent: AgentSpec) -> str:
    ids = [e.target for e in agent_edges(network) if e.source == agent.id]
    return ", ".join(network.agent(name).name for name in dict.fromkeys(ids)) or "no agent"
