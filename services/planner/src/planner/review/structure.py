"""Findings about the shape of a graph: reach, loops, single points of failure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from planner.review.finding import Found
from planner.review.graph import Edge, Graph

if TYPE_CHECKING:
    import networkx

_SERVED = frozenset({"tool", "db"})
_LONG_CHAIN = 4  # steps in a row; at a success of .95 each, four together are at .81
_HUB = 3  # neighbours that make an agent a hub rather than a link of a chain


def ports(graph: Graph) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where tasks enter and leave: the input and output nodes, else agents without one before or after them."""
    workers = [node.id for node in graph.of("agent", "human")]
    flow = [e for e in _flow(graph) if e.max_iterations is None and not e.is_answer]
    touched = {end for e in flow for end in (e.source, e.target)}
    fed, feeding = {e.target for e in flow}, {e.source for e in flow}
    # who only asks others gets their answers back, so the work may end with it; who is only asked hands nothing out
    moving_on = {e.source for e in flow if not e.is_call}
    asked = {e.target for e in flow if e.is_call} - {e.target for e in flow if not e.is_call}
    inputs = tuple(n.id for n in graph.of("input"))
    outputs = tuple(n.id for n in graph.of("output"))
    inputs = inputs or tuple(w for w in workers if w not in fed and w in feeding)
    outputs = outputs or tuple(w for w in workers if w in touched - moving_on - asked)
    alone = tuple(workers) if len(workers) == 1 else ()
    return inputs or alone, outputs or alone


def _flow(graph: Graph) -> tuple[Edge, ...]:
    """Edges between nodes that work on the task; tools and stores only serve."""
    return tuple(
        e
        for e in graph.edges
        if graph.nodes[e.source].type not in _SERVED and graph.nodes[e.target].type not in _SERVED
    )


def _directed(graph: Graph, *, answers: bool) -> "networkx.DiGraph[str]":
    """The graph for walks. With `answers`, a called node leads back to its caller."""
    import networkx

    drawn: networkx.DiGraph[str] = networkx.DiGraph()
    drawn.add_nodes_from(graph.nodes)
    drawn.add_edges_from((e.source, e.target) for e in graph.edges)
    if answers:
        served = [e for e in graph.edges if e.is_call or graph.nodes[e.target].type in _SERVED]
        drawn.add_edges_from((e.target, e.source) for e in served)
    return drawn


def boundaries(graph: Graph) -> Iterator[Found]:
    """Entry, exit and agents there at all."""
    entry, exits = ports(graph)
    if not graph.of("agent"):
        yield Found("no_agents", (), "There is no agent.", "Add an agent that does the work.")
    for word, found, kind in (("entry", entry, "input"), ("exit", exits, "output")):
        if not found:
            way = "comes in" if word == "entry" else "leaves"
            yield Found(
                f"no_{word}",
                (),
                f"Nothing {way}: there is no {kind}, and no agent could be one.",
                f"Add an {kind} and connect it.",
            )
        elif not any(node.type == kind for node in graph.nodes.values()):
            names = graph.names(found)
            yield Found(
                f"implied_{word}",
                found,
                f"No {kind} is drawn; {names} is taken as the {word}.",
                f"Draw the {kind}.",
            )


def reach(graph: Graph) -> Iterator[Found]:
    """Nodes nobody reaches, and work that never arrives."""
    import networkx

    entry, exits = ports(graph)
    there = _directed(graph, answers=False)
    back = _directed(graph, answers=True)
    from_entry = {n for start in entry for n in (start, *networkx.descendants(there, start))}
    to_exit = {n for end in exits for n in (end, *networkx.ancestors(back, end))}
    touched = {end for e in graph.edges for end in (e.source, e.target)}
    for node in graph.of("agent", "human", "input", "output"):
        if node.id not in touched and len(graph.nodes) > 1:
            yield Found(
                "isolated",
                (node.id,),
                f"{node.name} is connected to nothing.",
                f"Connect {node.name}, or remove it.",
            )
        elif entry and node.id not in from_entry and node.type != "input":
            yield Found(
                "unreachable",
                (node.id,),
                f"No task reaches {node.name}.",
                f"Connect something that works before it to {node.name}.",
            )
        elif exits and node.id not in to_exit and node.type != "output":
            yield Found(
                "dead_end",
                (node.id,),
                f"What {node.name} produces goes nowhere.",
                f"Connect {node.name} to what uses its result, or mark the edge to it as a call.",
            )


def dangling(graph: Graph) -> Iterator[Found]:
    """Edges that name a node nobody drew."""
    for edge in graph.dangling:
        ends = (edge.source, edge.target)
        lost = ", ".join(end for end in ends if end not in graph.nodes)
        yield Found(
            "dangling_edge",
            ends,
            f"The edge {edge.source} → {edge.target} names {lost}, which is no node.",
            "Correct the edge or remove it.",
        )


def loops(graph: Graph) -> Iterator[Found]:
    """Cycles of work without a bound. Asking a tool, and an answer that comes back, are no loops."""
    import networkx

    flow = [e for e in _flow(graph) if e.max_iterations is None and not e.is_answer]
    drawn: networkx.DiGraph[str] = networkx.DiGraph((e.source, e.target) for e in flow)
    order = list(graph.nodes)
    parts = [sorted(p, key=order.index) for p in networkx.strongly_connected_components(drawn)]
    for part in sorted((p for p in parts if len(p) > 1), key=lambda p: order.index(p[0])):
        names = graph.names(part)
        yield Found(
            "unbounded_loop",
            tuple(part),
            f"Work can go round among {names} for ever.",
            f"Bound a way back between {names} with max_iterations, and say what happens then.",
        )
    for edge in flow:
        if edge.source == edge.target:
            name = graph.nodes[edge.source].name
            yield Found(
                "self_loop",
                (edge.source,),
                f"{name} hands its work to itself.",
                "Bound it with max_iterations or remove it.",
            )


def failures(graph: Graph) -> Iterator[Found]:
    """Hubs that everything needs, long rows without a branch, tools that many depend on alone."""
    yield from _hubs(graph)
    yield from _chains(graph)
    for tool in graph.of("tool", "db"):
        users = {e.source for e in graph.into[tool.id]}
        if len(users) >= _HUB and tool.type == "tool":
            yield Found(
                "shared_tool",
                (tool.id, *sorted(users)),
                f"{len(users)} agents depend on {tool.name} and have nothing else.",
                f"Give {tool.name} a fallback, a cache or a time limit.",
            )
        elif len(users) >= _HUB:
            yield Found(
                "shared_store",
                (tool.id, *sorted(users)),
                f"{len(users)} agents use {tool.name}; writes can race.",
                "Give each writer its own keys, or version them.",
            )


def _hubs(graph: Graph) -> Iterator[Found]:
    """Agents at which three or more parts of the network meet, or from which three or more others get their work.

    A link of a chain is an articulation point too; a chain is reported as such, not link by link.
    """
    import networkx

    flow = _flow(graph)
    drawn: networkx.Graph[str] = networkx.Graph((e.source, e.target) for e in flow)
    drawn.remove_edges_from(list(networkx.selfloop_edges(drawn)))
    cuts = set(networkx.articulation_points(drawn))
    for node in graph.of("agent"):
        if node.id not in cuts or node.is_replicated:
            continue
        rest = networkx.restricted_view(drawn, [node.id], [])
        parts = [part for part in networkx.connected_components(rest) if _works(graph, part)]
        helpers = {e.target for e in flow if e.source == node.id} & {
            a.id for a in graph.of("agent")
        }
        if max(len(parts), len(helpers)) >= _HUB:
            yield Found(
                "single_point_of_failure",
                (node.id,),
                f"Everything goes through {node.name}: without it {max(len(parts), len(helpers))} parts are cut off.",
                f"Give {node.name} a second instance or a fallback.",
            )


def _works(graph: Graph, part: set[str]) -> bool:
    return any(graph.nodes[node].type in {"agent", "human"} for node in part)


def _chains(graph: Graph) -> Iterator[Found]:
    row = _longest_row(graph)
    if len(row) >= _LONG_CHAIN:
        names = graph.names(row)
        yield Found(
            "serial_chain",
            tuple(row),
            f"{len(row)} steps in a row must all succeed: {names}.",
            "Check after the weakest step, or let independent steps run in parallel.",
        )


def _longest_row(graph: Graph) -> list[str]:
    """The longest run of agents with one way in and one way out."""
    forward = [e for e in _flow(graph) if e.max_iterations is None and not e.is_call]
    ways_in, ways_out = Counter(e.target for e in forward), Counter(e.source for e in forward)
    following = {
        e.source: e.target for e in forward if ways_out[e.source] == 1 and ways_in[e.target] == 1
    }
    agents = {node.id for node in graph.of("agent")}
    best: list[str] = []
    for start in graph.nodes:
        row = [start]
        while (after := following.get(row[-1])) is not None and after not in row:
            row.append(after)
        row = [node for node in row if node in agents]
        best = max(best, row, key=len)
    return best


def repeats(graph: Graph) -> Iterator[Found]:
    """The same edge twice."""
    counts = Counter((e.source, e.target, e.kind) for e in graph.edges)
    for (source, target, _), times in counts.items():
        if times > 1:
            ends = f"{graph.names([source])} → {graph.names([target])}"
            yield Found(
                "duplicate_edge", (source, target), f"{ends} is drawn {times} times.", "Keep one."
            )


def arrives(
    graph: Graph, starts: Iterable[str], *, stops: frozenset[str] = frozenset(), stated: bool = True
) -> frozenset[str]:
    """Every node a task from one of `starts` comes to, when it goes no further than the `stops`.

    With `stated=False` edges that are taken under a stated condition only are left out.
    """
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node not in stops:
            edges = (e for e in graph.out[node] if stated or not e.is_conditional)
            waiting.extend(e.target for e in edges)
    return frozenset(seen)
