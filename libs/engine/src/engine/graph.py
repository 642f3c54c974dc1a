"""The network as the walk needs it: indices instead of names, joins counted, loops and cycles made explicit."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from common.contracts.network import AgentSpec, Connection, Network
from common.errors import DomainError

_TO_TOOL = frozenset({"tool", "memory"})
UNMARKED_CYCLE_ROUNDS = 3
"""Rounds allowed on a cycle that no `max_iterations` bounds (assumed; a walk must end)."""


class NetworkRejected(DomainError):
    """The network cannot be walked: it has no agents, or an edge points nowhere."""

    code = "invalid_network"


@dataclass(slots=True, eq=False)
class Edge:
    """An agent → agent connection. `body` lists (node, forward edges inside the loop) to reset on the way back."""

    index: int
    source: int
    target: int
    kind: str
    name: str
    link: Connection
    share: float | None = None
    timeout_s: float | None = None
    retries: int = 0
    max_iterations: int = 0
    body: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True, eq=False)
class Node:
    """An agent or a person. `need` is how many of its `in_degree` forward edges must have arrived."""

    index: int
    spec: AgentSpec
    capacity: int
    forward: list[Edge] = field(default_factory=list)
    choice: list[tuple[float, Edge]] = field(default_factory=list)
    calls: list[Edge] = field(default_factory=list)
    call_choice: list[tuple[float, Edge]] = field(default_factory=list)
    back: list[Edge] = field(default_factory=list)
    rounds: int = 1
    in_degree: int = 0
    need: int = 1
    waits_for_all: bool = True
    decides: bool = False
    is_exit: bool = False
    back_in: int = 0
    is_human: bool = field(init=False)
    may_repeat: bool = False

    def __post_init__(self) -> None:
        self.is_human = self.spec.kind == "human"

    @property
    def all_forward(self) -> list[Edge]:
        return self.forward + [edge for _, edge in self.choice]


@dataclass(slots=True, eq=False)
class Graph:
    network: Network
    nodes: list[Node]
    edges: list[Edge]
    entry: tuple[int, ...]
    by_id: dict[str, int]
    notes: list[str]

    @property
    def edges_by_index(self) -> dict[int, Edge]:
        return {edge.index: edge for edge in self.edges}


def compile_graph(network: Network) -> Graph:
    """Resolve names, find loops, count joins.

    Raises:
        NetworkRejected: no agents, or a connection between agents that do not exist.
    """
    if not network.agents:
        raise NetworkRejected("the network has no agents")
    nodes = [Node(i, spec, spec.concurrency) for i, spec in enumerate(network.agents)]
    by_id = {node.spec.id: node.index for node in nodes}
    graph = Graph(network, nodes, [], (), by_id, [])
    edges = _edges(graph, network.connections)
    _bound_cycles(graph, edges, [by_id[i] for i in network.entry if i in by_id])
    for edge in edges:
        _attach(nodes[edge.source], nodes[edge.target], edge)
    graph.edges = edges
    _normalise(nodes)
    graph.entry = _entry(graph)
    _mark_exits(graph)
    for node in nodes:
        _set_join(node)
        node.may_repeat = bool(node.back) or node.rounds > 1
        for edge in node.back:
            edge.body = _loop_body(nodes, edge)
            nodes[edge.target].back_in += 1
    return graph


def _edges(graph: Graph, connections: Sequence[Connection]) -> list[Edge]:
    edges: list[Edge] = []
    tools = {tool.name for tool in graph.network.tools}
    for link in connections:
        if link.kind in _TO_TOOL or (link.target in tools and link.target not in graph.by_id):
            continue
        unknown = sorted({link.source, link.target} - graph.by_id.keys())
        if unknown:
            raise NetworkRejected(
                f"a connection names no agent of the network: {', '.join(unknown)}"
            )
        edges.append(
            Edge(
                index=len(edges),
                source=graph.by_id[link.source],
                target=graph.by_id[link.target],
                kind=link.kind,
                name=f"{link.source}->{link.target}",
                link=link,
                share=link.share,
                timeout_s=link.timeout_s,
                retries=link.retries or 0,
                max_iterations=link.max_iterations or 0,
            )
        )
    return edges


def _bound_cycles(graph: Graph, edges: list[Edge], entry: Sequence[int]) -> None:
    """Mark or drop what closes a cycle without `max_iterations`, in place.

    A return edge to the caller is what `call` already means, and is dropped; so is a call that would recurse.
    """
    leaving: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        if not edge.max_iterations or edge.kind == "call":
            leaving[edge.source].append(edge)
    colour: dict[int, int] = {}
    dropped: set[int] = set()
    called_by = {(e.target, e.source) for e in edges if e.kind == "call"}
    for start in [*entry, *range(len(graph.nodes))]:
        if start not in colour:
            _visit_depth_first(
                start, leaving, colour, called_by=called_by, dropped=dropped, notes=graph.notes
            )
    edges[:] = [edge for edge in edges if edge.index not in dropped]


def _visit_depth_first(
    start: int,
    leaving: dict[int, list[Edge]],
    colour: dict[int, int],
    *,
    called_by: set[tuple[int, int]],
    dropped: set[int],
    notes: list[str],
) -> None:
    stack = [(start, iter(leaving[start]))]
    colour[start] = 1
    while stack:
        index, rest = stack[-1]
        edge = next(rest, None)
        if edge is None:
            colour[index] = 2
            stack.pop()
        elif colour.get(edge.target) == 1:
            _close_cycle(edge, called_by, dropped, notes)
        elif edge.target not in colour:
            colour[edge.target] = 1
            stack.append((edge.target, iter(leaving[edge.target])))


def _close_cycle(
    edge: Edge, called_by: set[tuple[int, int]], dropped: set[int], notes: list[str]
) -> None:
    if edge.kind == "call" or (edge.source, edge.target) in called_by:
        dropped.add(edge.index)
    else:
        edge.max_iterations = UNMARKED_CYCLE_ROUNDS
        notes.append(f"{edge.name} closes a cycle; bounded to {UNMARKED_CYCLE_ROUNDS} rounds")


def _attach(source: Node, target: Node, edge: Edge) -> None:
    if edge.kind == "call":
        source.rounds = max(source.rounds, edge.max_iterations)
        if edge.share is None:
            source.calls.append(edge)
        else:
            source.call_choice.append((edge.share, edge))
    elif edge.max_iterations:
        source.back.append(edge)
    else:
        target.in_degree += 1
        if edge.share is None:
            source.forward.append(edge)
        else:
            source.choice.append((edge.share, edge))
    if edge.kind == "approve" and target.is_human:
        target.decides = True
    if target.spec.is_verifier:
        target.decides = True


def _normalise(nodes: Iterable[Node]) -> None:
    """Turn shares into cumulative shares that end at 1; equal ones when all are 0."""
    for node in nodes:
        node.choice = _cumulative(node.choice)
        node.call_choice = _cumulative(node.call_choice)


def _cumulative(choice: list[tuple[float, Edge]]) -> list[tuple[float, Edge]]:
    total = sum(share for share, _ in choice)
    below = 0.0
    cumulative = []
    for share, edge in choice:
        below += share / total if total > 0 else 1.0 / len(choice)
        cumulative.append((below, edge))
    if cumulative:
        cumulative[-1] = (1.0, cumulative[-1][1])
    return cumulative


def _entry(graph: Graph) -> tuple[int, ...]:
    named = tuple(dict.fromkeys(graph.by_id[i] for i in graph.network.entry if i in graph.by_id))
    if named:
        return named
    called = _called(graph.nodes)
    roots = tuple(n.index for n in graph.nodes if not n.in_degree and n.index not in called)
    return roots or (0,)


def _called(nodes: Iterable[Node]) -> set[int]:
    return {
        edge.target
        for node in nodes
        for edge in [*node.calls, *(edge for _, edge in node.call_choice)]
    }


def _mark_exits(graph: Graph) -> None:
    named = {graph.by_id[i] for i in graph.network.exit if i in graph.by_id}
    called = _called(graph.nodes)
    for node in graph.nodes:
        is_leaf = not node.forward and not node.choice and node.index not in called
        node.is_exit = node.index in named if named else is_leaf


def _set_join(node: Node) -> None:
    node.waits_for_all = node.spec.join == "all"
    if node.spec.join == "quorum":
        most = max(1, node.in_degree)
        node.need = min(node.spec.quorum or (most // 2 + 1), most)


def _loop_body(nodes: list[Node], edge: Edge) -> tuple[tuple[int, int], ...]:
    """Nodes between the loop's start and its end, each with its forward edges from inside the loop."""
    after = reachable(nodes, edge.target)
    body = sorted(i for i in after if i == edge.source or edge.source in reachable(nodes, i))
    inside = set(body or after) | {edge.target}
    return tuple(
        (i, sum(e.target == i for j in inside for e in nodes[j].all_forward))
        for i in sorted(inside)
        if i != edge.target
    )


def reachable(nodes: list[Node], start: int) -> set[int]:
    """Nodes that forward edges lead to from `start`, itself excluded (the graph is acyclic)."""
    seen: set[int] = set()
    open_nodes = [start]
    while open_nodes:
        for edge in nodes[open_nodes.pop()].all_forward:
            if edge.target not in seen:
                seen.add(edge.target)
                open_nodes.append(edge.target)
    return seen


def affected_by(graph: Graph, start: Iterable[int]) -> set[int]:
    """Nodes that need the output of `start`, directly or not: forward edges, and the callers of who is called."""
    callers: dict[int, list[int]] = defaultdict(list)
    for node in graph.nodes:
        for edge in [*node.calls, *(e for _, e in node.call_choice)]:
            callers[edge.target].append(node.index)
    seen: set[int] = set()
    open_nodes = list(start)
    while open_nodes:
        index = open_nodes.pop()
        for target in [*(e.target for e in graph.nodes[index].all_forward), *callers[index]]:
            if target not in seen:
                seen.add(target)
                open_nodes.append(target)
    return seen
