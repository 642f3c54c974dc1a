"""Brings a changed network back in order: edges, shares, owners, dependencies. Decides nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence

from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from planner.review.paths import TOOL_KINDS


def settle(network: Network) -> Network:
    """The same network with everything that follows from agents, their tools and the flow brought up to date.

    Edges to what is gone vanish, shares of a choice sum to one again, tools without an owner are dropped, and the
    forecast is dropped because it was made for another network.
    """
    agents = {agent.id for agent in network.agents}
    tools = _tools(network)
    flow = _shared(_unique(_flow(network, agents)))
    entry = tuple(name for name in network.entry if name in agents)
    exits = tuple(name for name in network.exit if name in agents)
    return network.model_copy(
        update={
            "agents": tuple(_agent(agent, flow, agents) for agent in network.agents),
            "tools": tools,
            "connections": (*flow, *_tool_edges(network, tools)),
            "human_in_loop": any(agent.kind == "human" for agent in network.agents),
            "entry": tuple(dict.fromkeys(entry)),
            "exit": tuple(dict.fromkeys(exits)),
            "forecast": None,
        }
    )


def depends_on(agent_id: str, flow: Sequence[Connection]) -> tuple[str, ...]:
    """The agents whose output an agent needs: sources of the forward edges that lead to it, without repeats."""
    sources = (e.source for e in flow if e.target == agent_id and e.max_iterations is None)
    return tuple(dict.fromkeys(sources))


def _flow(network: Network, agents: set[str]) -> Iterable[Connection]:
    for edge in network.connections:
        is_inside = edge.source in agents and edge.target in agents
        if edge.kind not in TOOL_KINDS and is_inside and edge.source != edge.target:
            yield edge


def _unique(flow: Iterable[Connection]) -> list[Connection]:
    """The first of several edges with the same ends and kind; shares of the repeats are added to it."""
    found: dict[tuple[str, str, str], Connection] = {}
    for edge in flow:
        key = (edge.source, edge.target, edge.kind)
        old = found.get(key)
        if old is None:
            found[key] = edge
        elif old.share is not None and edge.share is not None:
            share = min(1.0, old.share + edge.share)
            whens = dict.fromkeys(when for when in (old.when, edge.when) if when)
            found[key] = old.model_copy(update={"share": share, "when": " or ".join(whens) or None})
    return list(found.values())


def _shared(flow: Sequence[Connection]) -> tuple[Connection, ...]:
    """Shares per source sum to one; a choice with one way left is no choice."""
    ways = Counter(e.source for e in flow if e.share is not None and e.max_iterations is None)
    totals: dict[str, float] = {}
    for edge in flow:
        if edge.share is not None and edge.max_iterations is None:
            totals[edge.source] = totals.get(edge.source, 0.0) + edge.share
    return tuple(_rescaled(edge, ways, totals) for edge in flow)


def _rescaled(edge: Connection, ways: Counter[str], totals: dict[str, float]) -> Connection:
    if edge.share is None or edge.max_iterations is not None:
        return edge
    if ways[edge.source] == 1:
        return edge.model_copy(update={"share": None, "when": None})
    total = totals[edge.source]
    share = edge.share / total if total else 1.0 / ways[edge.source]
    return edge.model_copy(update={"share": round(share, 4)})


def _agent(agent: AgentSpec, flow: Sequence[Connection], agents: set[str]) -> AgentSpec:
    incoming = len(depends_on(agent.id, flow))
    update: dict[str, object] = {"dependencies": depends_on(agent.id, flow)}
    if agent.quorum is not None and agent.quorum > incoming:
        update |= {"quorum": incoming} if incoming else {"quorum": None, "join": "all"}
    return agent.model_copy(update=update)


def _tools(network: Network) -> tuple[ToolSpec, ...]:
    owners = {
        tool.name: tuple(agent.id for agent in network.agents if tool.name in agent.tools)
        for tool in network.tools
    }
    return tuple(
        tool.model_copy(update={"used_by": owners[tool.name]})
        for tool in network.tools
        if owners[tool.name]
    )


def _tool_edges(network: Network, tools: Sequence[ToolSpec]) -> Iterable[Connection]:
    drawn = {(e.source, e.target): e for e in network.connections if e.kind in TOOL_KINDS}
    known = {tool.name: tool for tool in tools}
    for agent in network.agents:
        for name in agent.tools:
            if name in known:
                yield drawn.get((agent.id, name)) or _tool_edge(agent.id, known[name])


def _tool_edge(agent_id: str, tool: ToolSpec) -> Connection:
    is_memory = tool.capability == "shared_memory"
    label = "reads and writes" if is_memory else tool.name.replace("_", " ")
    kind = "memory" if is_memory else "tool"
    return Connection(source=agent_id, target=tool.name, kind=kind, label=label)
