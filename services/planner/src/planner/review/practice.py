"""Findings about practice: verification, human authority, load, memory, what can be seen."""

from collections.abc import Iterator

from planner.review.finding import Found
from planner.review.graph import Graph, Node
from planner.review.structure import arrives, ports

# arXiv:2512.08296 finds that with 16 tools coordination overhead eats the gain; half of that is our line (assumed).
_MOST_TOOLS = 8
_MOST_FAN_IN = 5  # assumed: more sources than this cannot be told apart in one prompt
_MOST_HELPERS = 7  # beyond about seven workers a level of team leads is the usual answer
_MOST_AGENTS = 10  # the default limit of a request
_MOST_FOR_A_PERSON = 3
_MANY_UNCHECKED = 4  # at a success of .95 each, four unchecked in a row are at .81


def gates(graph: Graph) -> Iterator[Found]:
    """Actions that cannot be undone and that no person stands before."""
    entry, _ = ports(graph)
    people = frozenset(node.id for node in graph.of("human"))
    checks = frozenset(node.id for node in graph.nodes.values() if node.is_verifier)
    approved = arrives(graph, people)
    free = arrives(graph, entry, stops=people)
    unstated = arrives(graph, entry, stops=people, stated=False)
    unchecked = arrives(graph, entry, stops=people | checks)
    for node in graph.of("agent", "tool"):
        if not node.is_irreversible or _is_served(graph, node) or node.id not in free:
            continue
        asks = any(e.target in people and e.is_call for e in graph.out[node.id])
        if asks or (node.id in approved and node.id not in unstated):
            continue
        yield _ungated(node, is_checked=node.id not in unchecked)


def _ungated(node: Node, *, is_checked: bool) -> Found:
    if is_checked:
        return Found(
            "missing_human_gate",
            (node.id,),
            f"{node.name} cannot be undone, and only a verifier stands before it.",
            f"Let a person approve the cases that matter before {node.name}.",
            "minor",
        )
    return Found(
        "missing_human_gate",
        (node.id,),
        f"{node.name} cannot be undone, and a task reaches it without any approval.",
        f"Put a human approval before {node.name}, or state up to which limit it may act alone.",
    )


def _is_served(graph: Graph, node: Node) -> bool:
    """An agent whose own tool is the irreversible thing: one finding, at the tool, is enough."""
    return node.type == "agent" and any(
        graph.nodes[e.target].type == "tool" and graph.nodes[e.target].is_irreversible
        for e in graph.out[node.id]
    )


def verification(graph: Graph) -> Iterator[Found]:
    """Nobody checks, or a check cannot reject."""
    agents = graph.of("agent")
    verifiers = [node for node in agents if node.is_verifier]
    risky = [node for node in graph.nodes.values() if node.is_irreversible]
    if not verifiers and not graph.of("human") and len(agents) > 1:
        last = ports(graph)[1]
        where = risky[0].name if risky else graph.names(last[:1]) or "the exit"
        yield Found(
            "missing_verification",
            (),
            f"None of {len(agents)} agents checks another's work.",
            f"Add a verifier before {where}, with a bounded way back.",
            "major" if risky or len(agents) >= _MANY_UNCHECKED else "minor",
        )
    for node in verifiers:
        forward = {
            e.target for e in graph.out[node.id] if graph.nodes[e.target].type not in {"tool", "db"}
        }
        rejects = any(e.max_iterations for e in graph.out[node.id]) or len(forward) > 1
        is_asked = any(e.is_call for e in graph.into[node.id])
        if not rejects and not is_asked:
            yield Found(
                "toothless_verifier",
                (node.id,),
                f"{node.name} has no way to reject: all its work goes on the same way.",
                f"Give {node.name} a bounded way back to whose work it checks.",
            )


def load(graph: Graph) -> Iterator[Found]:
    """Agents and people with too much on their hands."""
    for node in graph.of("human"):
        if (waiting := len(_sources(graph, node))) > _MOST_FOR_A_PERSON:
            yield Found(
                "overloaded_human",
                (node.id,),
                f"{waiting} others wait for {node.name}.",
                f"Let only what cannot be undone reach {node.name}.",
            )
    for node in graph.of("agent"):
        uses = {graph.nodes[e.target] for e in graph.out[node.id]}
        served = sum(used.type in {"tool", "db"} for used in uses)
        helpers = sum(used.type == "agent" for used in uses)
        yield from _overload(node, served, len(_sources(graph, node)), helpers)
    if (count := len(graph.of("agent"))) > _MOST_AGENTS:
        yield Found(
            "too_many_agents",
            (),
            f"There are {count} agents.",
            "Merge those that share a duty, or put team leads between.",
        )


def _sources(graph: Graph, node: Node) -> set[str]:
    """From where one task can bring work at the same time: ways that exclude each other count once."""
    into = [e for e in graph.into[node.id] if not e.max_iterations]
    sources = {
        e.source
        for e in into
        if not e.is_answer and graph.nodes[e.source].type not in {"tool", "db", "output"}
    }
    ways = {s for s in sources if _is_a_way(graph, s)}
    return (sources - ways) | set(sorted(ways)[:1])


def _is_a_way(graph: Graph, node: str) -> bool:
    """Whether tasks come to the node by a choice only."""
    into = [e for e in graph.into[node] if not e.max_iterations]
    return bool(into) and all(e.is_choice for e in into)


def _overload(node: Node, tools: int, sources: int, helpers: int) -> Iterator[Found]:
    loads = (
        (
            tools,
            _MOST_TOOLS,
            "tools",
            f"Split {node.name}, so that each part has the tools of one duty.",
        ),
        (sources, _MOST_FAN_IN, "sources", f"Merge what comes in before it reaches {node.name}."),
        (helpers, _MOST_HELPERS, "helpers", f"Put team leads between {node.name} and its helpers."),
    )
    for count, most, what, suggestion in loads:
        if count > most:
            yield Found(
                "overloaded_agent",
                (node.id,),
                f"{node.name} has {count} {what}; {most} are enough for one.",
                suggestion,
            )


def tools(graph: Graph) -> Iterator[Found]:
    """Tools and stores that nobody uses."""
    touched = {end for e in graph.edges for end in (e.source, e.target)}
    for node in graph.of("tool", "db"):
        if node.id not in touched:
            yield Found(
                "unused_tool",
                (node.id,),
                f"Nobody uses {node.name}.",
                f"Give {node.name} to the agent that needs it, or remove it.",
            )


def observability(graph: Graph) -> Iterator[Found]:
    """Edges that nobody watches: all, when nothing watches; else those that are left out."""
    if any(node.is_observer for node in graph.nodes.values()) or not graph.edges:
        return
    unseen = [e for e in graph.edges if e.observed is not True]
    is_said = any(e.observed is not None for e in graph.edges)
    if unseen:
        ends = tuple(dict.fromkeys(end for e in unseen for end in (e.source, e.target)))
        names = ", ".join(
            f"{graph.names([e.source])} → {graph.names([e.target])}" for e in unseen[:3]
        )
        more = f" and {len(unseen) - 3} more" if len(unseen) > 3 else ""
        what = f"{len(unseen)} of {len(graph.edges)} edges are not observed"
        yield Found(
            "unobserved_edges",
            ends,
            f"{what}: {names}{more}.",
            "Trace every hand-over and tool call, with one trace id per task.",
            None if is_said else "info",
        )


def memory(graph: Graph) -> Iterator[Found]:
    """A conversation that forgets."""
    talkers = [node for node in graph.nodes.values() if node.converses]
    stores = [node for node in graph.nodes.values() if node.type == "db" or node.zone == "memory"]
    used = {end for e in graph.edges for end in (e.source, e.target)}
    if talkers and not any(store.id in used for store in stores):
        names = graph.names([node.id for node in talkers])
        yield Found(
            "missing_memory",
            tuple(n.id for n in talkers),
            f"{names} talks over several turns and nothing remembers them.",
            "Add a memory that keeps the conversation, and connect it to who answers.",
        )


def zones(graph: Graph) -> Iterator[Found]:
    """Acting on what was perceived without reasoning, and actions that lead back to perception without a bound.

    A node that chooses among several ways reasons, whatever its zone; one zone back is a normal next step.
    """
    ways = {
        n: {e.target for e in out if graph.nodes[e.target].type == "agent"}
        for n, out in graph.out.items()
    }
    for edge in graph.edges:
        one, two = graph.nodes[edge.source], graph.nodes[edge.target]
        if edge.max_iterations or edge.is_answer or one.type != "agent" or two.type != "agent":
            continue
        decides = edge.is_choice or len(ways[one.id]) > 1
        if (one.zone, two.zone) == ("perception", "action") and not decides:
            yield Found(
                "zone_order",
                (one.id, two.id),
                f"{one.name} (perception) leads straight to {two.name} (action), past all reasoning.",
                "Put an agent that decides between them.",
            )
        elif (one.zone, two.zone) == ("action", "perception"):
            yield Found(
                "zone_order",
                (one.id, two.id),
                f"{one.name} (action) leads back to {two.name} (perception).",
                "Make it a bounded way back, or move the node to its zone.",
            )
