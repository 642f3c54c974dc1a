"""Where the agents of a network stand in a drawing: layers from the entry down, ordered to keep arrows short."""

from collections import defaultdict
from dataclasses import dataclass

from common.contracts.network import Connection, Network


@dataclass(frozen=True, slots=True)
class Layout:
    """`layers` hold agent ids from the entry down; `numbers` are the handles (from 1) that arrows refer to."""

    layers: tuple[tuple[str, ...], ...]
    numbers: dict[str, int]
    forward: tuple[tuple[str, str], ...]
    """Agent → agent connections without the back edges, each pair once."""


def agent_connections(network: Network) -> tuple[Connection, ...]:
    """The connections between agents, those to tools left out."""
    ids = {agent.id for agent in network.agents}
    return tuple(c for c in network.connections if c.source in ids and c.target in ids)


def layout(network: Network) -> Layout:
    """Longest-path layers over the forward edges; a network with a hidden cycle is still drawn, every agent once."""
    ids = [agent.id for agent in network.agents]
    pairs = tuple(
        dict.fromkeys(
            (c.source, c.target)
            for c in agent_connections(network)
            if c.max_iterations is None and c.source != c.target
        )
    )
    depth = _depths(ids, pairs)
    layers = _ordered(ids, pairs, depth)
    numbers = {agent_id: n for n, agent_id in enumerate((a for row in layers for a in row), 1)}
    return Layout(layers=layers, numbers=numbers, forward=pairs)


def _depths(ids: list[str], pairs: tuple[tuple[str, str], ...]) -> dict[str, int]:
    """Longest path from a source. At most len(ids) rounds, so an undeclared cycle ends too."""
    depth = dict.fromkeys(ids, 0)
    for _ in ids:
        changed = False
        for source, target in pairs:
            wanted = min(depth[source] + 1, len(ids) - 1)
            if depth[target] < wanted:
                depth[target] = wanted
                changed = True
        if not changed:
            break
    return depth


def _ordered(
    ids: list[str], pairs: tuple[tuple[str, str], ...], depth: dict[str, int]
) -> tuple[tuple[str, ...], ...]:
    """Each layer by the mean position of its parents, ties in the order of the network."""
    parents = defaultdict(list)
    for source, target in pairs:
        parents[target].append(source)
    place: dict[str, float] = {}
    layers = []
    for level in sorted(set(depth.values())):
        members = [agent_id for agent_id in ids if depth[agent_id] == level]
        members.sort(key=lambda member: _barycentre(parents[member], place))
        place.update({member: float(n) for n, member in enumerate(members)})
        layers.append(tuple(members))
    return tuple(layers)


def _barycentre(parents: list[str], place: dict[str, float]) -> float:
    known = [place[parent] for parent in parents if parent in place]
    return sum(known) / len(known) if known else 0.0
