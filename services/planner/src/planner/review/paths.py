"""Walks over the agent part of a network: who is reached from whom, and where a loop has no bound."""

from collections.abc import Iterable, Mapping

from common.contracts.network import Connection, Network

TOOL_KINDS = frozenset({"tool", "memory"})

type Successors = Mapping[str, tuple[str, ...]]


def agent_edges(network: Network) -> tuple[Connection, ...]:
    """The connections between agents, in the order of the network; tool and memory edges left out."""
    return tuple(edge for edge in network.connections if edge.kind not in TOOL_KINDS)


def forward_edges(network: Network) -> tuple[Connection, ...]:
    """Agent edges without the back edges (those with `max_iterations`)."""
    return tuple(edge for edge in agent_edges(network) if edge.max_iterations is None)


def successors(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Adjacency of (source, target) pairs, without repeats, in the order given."""
    following: dict[str, dict[str, None]] = {}
    for source, target in pairs:
        following.setdefault(source, {})[target] = None
    return {source: tuple(targets) for source, targets in following.items()}


def reached(starts: Iterable[str], following: Successors) -> frozenset[str]:
    """Every node on a walk from one of `starts`, the starts included."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(following.get(node, ()))
    return frozenset(seen)


def cyclic(pairs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The nodes that remain when nodes without predecessor are taken away again and again; empty means acyclic.

    Source: Kahn's topological sorting (1962). Nodes only downstream of a loop are taken away as well.
    """
    edges = list(dict.fromkeys(pairs))
    while True:
        sources, targets = {s for s, _ in edges}, {t for _, t in edges}
        inner = sources & targets
        kept = [(s, t) for s, t in edges if s in inner and t in inner]
        if len(kept) == len(edges):
            return tuple(sorted(inner))
        edges = kept


def flow(network: Network) -> dict[str, tuple[str, ...]]:
    """Where a task or its answer may go next: forward edges, and from a called agent back to its caller."""
    edges = forward_edges(network)
    there = [(edge.source, edge.target) for edge in edges]
    back = [(edge.target, edge.source) for edge in edges if edge.kind == "call"]
    return successors([*there, *back])
