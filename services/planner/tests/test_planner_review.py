"""Graphs with a known defect get its finding; the score is what the findings leave of 100; garbage is named."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.editing import ReviewAsked
from planner.review import ReviewerAgent, review
from planner.review.graph import UnreadableGraphError, parse
from planner.review.structure import ports

type Rows = list[dict[str, Any]]

TYPES = {
    "in": "input",
    "out": "output",
    "boss": "human",
    "pay": "tool",
    "db": "db",
    "search": "tool",
    "mail": "tool",
}
NAMES = {
    "boss": "Manager approval",
    "pay": "Refund payment API",
    "db": "Order database",
    "search": "Web search",
    "mail": "Mailbox",
    "check": "Quality checker",
    "log": "Trace monitor",
    "chat": "Chat assistant",
}


def graph(text: str, **nodes: dict[str, Any]) -> tuple[Rows, Rows]:
    """Edges as `a>b`, bounded ways back as `a>b*2`, calls as `a!b`; further fields of nodes by keyword."""
    ids: dict[str, None] = {}
    edges: Rows = []
    for word in text.split():
        arrow = "!" if "!" in word else ">"
        source, _, rest = word.partition(arrow)
        target, _, bound = rest.partition("*")
        ids |= {source: None} | ({target: None} if target else {})
        if target:
            edge: dict[str, Any] = {"source": source, "target": target, "observed": True}
            edge |= {"max_iterations": int(bound)} if bound else {}
            edges.append(edge | ({"kind": "call"} if arrow == "!" else {}))
    rows = [
        {"id": i, "label": NAMES.get(i, i), "type": TYPES.get(i, "agent"), **nodes.get(i, {})}
        for i in ids
    ]
    return rows, edges


GOOD = graph("in>read read>write write>check check>write*2 check>out read>search")

BROKEN: tuple[tuple[str, tuple[Rows, Rows], set[str]], ...] = (
    ("no agent at all", graph("in>out"), {"no_agents"}),
    (
        "nothing comes in, nothing leaves",
        graph("a>b b>a"),
        {"no_entry", "no_exit", "unbounded_loop", "missing_verification"},
    ),
    ("no exit is drawn", graph("in>a a>b b>a*2"), {"implied_exit", "missing_verification"}),
    ("nobody reaches an agent", graph("in>a a>out b>a"), {"unreachable", "missing_verification"}),
    (
        "an agent is connected to nothing",
        graph("in>a a>out b"),
        {"isolated", "missing_verification"},
    ),
    ("work goes nowhere", graph("in>a a>check check>out check>a*2 a>b"), {"dead_end"}),
    (
        "an edge to a node that is not there",
        (GOOD[0], [*GOOD[1], {"from": "read", "to": "ghost", "observed": True}]),
        {"dangling_edge"},
    ),
    ("a loop without a bound", graph("in>a a>check check>a check>out"), {"unbounded_loop"}),
    (
        "an agent that hands its work to itself",
        graph("in>a a>a a>check check>a*2 check>out"),
        {"self_loop"},
    ),
    (
        "a coordinator that everything needs",
        graph("in>lead lead!a lead!b lead!c lead>check check>lead*2 check>out"),
        {"single_point_of_failure"},
    ),
    ("nobody checks", graph("in>a a>b b>c c>out"), {"missing_verification"}),
    ("a check that cannot reject", graph("in>a a>check check>out"), {"toothless_verifier"}),
    ("money leaves without a person", graph("in>a a>pay a>out"), {"missing_human_gate"}),
    (
        "money leaves after a verifier only",
        graph("in>a a>check check>a*2 check>b b>pay b>out"),
        {"missing_human_gate"},
    ),
    (
        "an agent with too many tools",
        graph(
            "in>a a>out " + " ".join(f"a>tool{n}" for n in range(9)),
            **{f"tool{n}": {"type": "api"} for n in range(9)},
        ),
        {"overloaded_agent"},
    ),
    (
        "too much comes together",
        graph("in>a in>b in>c in>d in>e in>f a>g b>g c>g d>g e>g f>g g>check check>g*2 check>out"),
        {"overloaded_agent"},
    ),
    (
        "a tool that nobody uses",
        (GOOD[0] + [{"id": "x", "type": "tool"}], GOOD[1]),
        {"unused_tool"},
    ),
    (
        "edges that nobody observes",
        (GOOD[0], [{**e, "observed": False} for e in GOOD[1]]),
        {"unobserved_edges"},
    ),
    ("a conversation that forgets", graph("in>chat chat>out"), {"missing_memory"}),
    (
        "acting without reasoning",
        graph(
            "in>a a>b b>check check>b*2 check>out", a={"zone": "perception"}, b={"zone": "action"}
        ),
        {"zone_order"},
    ),
    ("the same edge twice", (GOOD[0], [*GOOD[1], GOOD[1][0]]), {"duplicate_edge"}),
    ("a long row", graph("in>a a>b b>c c>d d>check check>d*2 check>out"), {"serial_chain"}),
    (
        "three depend on one tool",
        graph("in>a a>b b>check check>b*2 check>out a>search b>search check>search"),
        {"shared_tool"},
    ),
)


def codes(rows: tuple[Rows, Rows]) -> set[str]:
    return {finding.code for finding in review(*rows).findings}


def test_a_good_graph_has_no_finding_and_the_full_score() -> None:
    result = review(*GOOD)

    assert (result.score, result.findings, result.missing_components) == (100, (), ())
    assert result.summary.endswith("No defect was found.")


@pytest.mark.parametrize(
    ("rows", "wanted"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN]
)
def test_a_defect_is_found_and_nothing_else(rows: tuple[Rows, Rows], wanted: set[str]) -> None:
    assert codes(rows) == wanted


def test_the_score_follows_from_the_listed_penalties() -> None:
    for _, rows, _ in BROKEN:
        result = review(*rows)

        assert result.score == max(0, round(100 - sum(f.penalty for f in result.findings)))
        assert all(f.penalty > 0 for f in result.findings[:1])


def test_the_worst_finding_comes_first_and_its_principle_is_named() -> None:
    result = review(*graph("in>a a>b b>a a>out log"))

    assert result.findings[0].severity == "critical"
    assert result.violated_principles[0] == result.findings[0].principle
    assert result.findings[0].suggestion in result.suggested_improvements


def test_one_habit_costs_twice_its_penalty_at_most() -> None:
    result = review(*graph("in>a a>out b c d e f g"))
    alone = [f.penalty for f in result.findings if f.code == "isolated"]

    assert alone == [10, 5, 5, 0, 0, 0]


@pytest.mark.parametrize(
    "way", ["in>boss boss>a a>pay a>out", "in>a a!boss a>pay a>out"], ids=["before", "asked"]
)
def test_a_person_before_the_payment_is_enough(way: str) -> None:
    rows = graph(way)
    asking = [
        e | ({"source": "pay"} if e["target"] == "boss" and e.get("kind") else {}) for e in rows[1]
    ]

    assert "missing_human_gate" not in codes((rows[0], rows[1] if "!" not in way else asking))


def test_a_stated_limit_lets_small_cases_pass_the_person() -> None:
    nodes, edges = graph("in>check check>boss boss>b check>b b>pay b>out")
    limited = [
        {**e, "when": "up to 100 EUR"} if (e["source"], e["target"]) == ("check", "b") else e
        for e in edges
    ]

    assert "missing_human_gate" in codes((nodes, edges))
    assert "missing_human_gate" not in codes((nodes, limited))


def test_ways_that_exclude_each_other_do_not_overload_the_agent_where_they_meet() -> None:
    nodes, edges = graph(
        "in>route route>a route>b route>c route>d route>e route>f a>check b>check c>check d>check e>check "
        "f>check check>route*2 check>out"
    )
    chosen = [{**e, "share": 0.1} if e["source"] == "route" else e for e in edges]

    assert "overloaded_agent" in codes((nodes, edges))
    assert "overloaded_agent" not in codes((nodes, chosen))


def test_a_second_instance_is_no_single_point_of_failure() -> None:
    text = "in>lead lead!a lead!b lead!c lead>check check>lead*2 check>out"

    assert codes(graph(text)) == {"single_point_of_failure"}
    assert codes(graph(text, lead={"replicas": 2})) == set()


def test_a_monitor_observes_and_a_database_remembers() -> None:
    nodes, edges = graph("in>chat chat>out chat>db chat>log log>out")
    blind = [{k: v for k, v in e.items() if k != "observed"} for e in edges]

    assert codes((nodes, blind)) & {"unobserved_edges", "missing_memory"} == set()


SPELLINGS: tuple[Rows, ...] = (
    [{"id": "a", "type": "agent", "label": "A"}],
    [{"id": "a", "data": {"label": "A", "type": "agent"}, "type": "custom", "position": {"x": 1}}],
    [{"key": "a", "name": "A", "kind": "LLMAgent"}],
    [{"id": "a", "data": {"name": "A", "nodeType": "Agent"}}],
    [{"nodeId": "a", "title": "A", "category": "assistant"}],
)


@pytest.mark.parametrize("nodes", SPELLINGS, ids=range(len(SPELLINGS)))
def test_many_spellings_are_one_node(nodes: Rows) -> None:
    node = parse(nodes, []).nodes["a"]

    assert (node.id, node.name, node.type) == ("a", "A", "agent")


@pytest.mark.parametrize(
    "edge",
    [
        {"source": "a", "target": "b"},
        {"from": "a", "to": "b"},
        {"src": "a", "dst": "b"},
        {"data": {"source": "a", "target": "b"}},
        {"source": {"id": "a"}, "target": {"id": "b"}},
    ],
)
def test_many_spellings_are_one_edge(edge: dict[str, Any]) -> None:
    edges = parse([{"id": "a"}, {"id": "b"}], [edge]).edges

    assert [(e.source, e.target) for e in edges] == [("a", "b")]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("vector-db", "db"),
        ("vectorStore", "db"),
        ("API", "tool"),
        ("mcp_server", "tool"),
        ("trigger", "input"),
        ("Person", "human"),
        ("sink", "output"),
        ("supervisor", "agent"),
        ("memory", "db"),
    ],
)
def test_a_type_is_known_by_its_words(said: str, wanted: str) -> None:
    assert parse([{"id": "a", "type": said}], []).nodes["a"].type == wanted


GARBAGE: tuple[tuple[str, Any, Any, str], ...] = (
    ("no nodes", [], [], "nodes is empty"),
    ("nodes are no list", {"a": 1}, [], "nodes must be a list"),
    ("a node is text", ["a"], [], "nodes[0] must be an object"),
    ("a node without id", [{"type": "agent"}], [], "nodes[0].id"),
    ("a blank id", [{"id": " "}], [], "nodes[0].id is blank"),
    ("an id twice", [{"id": "a"}, {"id": "a"}], [], "nodes[1].id 'a'"),
    ("an id that is a list", [{"id": ["a"]}], [], "nodes[0].id"),
    ("an unknown type", [{"id": "a", "type": "spaceship"}], [], "nodes[0].type 'spaceship'"),
    ("an edge that is a number", [{"id": "a"}], [7], "edges[0] must be an object"),
    ("an edge without target", [{"id": "a"}], [{"source": "a"}], "edges[0].target"),
    (
        "a bound that is a word",
        [{"id": "a"}],
        [{"source": "a", "target": "a", "max_iterations": "few"}],
        "edges[0].max_iterations",
    ),
    (
        "a bound of nought",
        [{"id": "a"}],
        [{"source": "a", "target": "a", "max_iterations": 0}],
        "edges[0].max_iterations",
    ),
    ("too much", [{"id": str(n)} for n in range(501)], [], "nodes has 501 items"),
)


@pytest.mark.parametrize(
    ("nodes", "edges", "field"), [row[1:] for row in GARBAGE], ids=[r[0] for r in GARBAGE]
)
def test_garbage_is_refused_by_naming_the_field(nodes: Any, edges: Any, field: str) -> None:
    with pytest.raises(UnreadableGraphError, match=re.escape(field)):
        review(nodes, edges)


async def test_the_reviewer_answers_garbage_with_the_field_and_a_graph_with_a_score() -> None:
    reviewer = ReviewerAgent()

    unreadable = await reviewer.review(ReviewAsked(nodes=[{"type": "agent"}]))
    judged = await reviewer.review(ReviewAsked(nodes=GOOD[0], edges=GOOD[1]))

    assert (unreadable.score, unreadable.problem) == (None, "nodes[0].id is missing or is no text")
    assert judged.model_dump(mode="json", by_alias=True)["violatedPrinciples"] == []
    assert judged.score == 100


def test_an_agent_is_judged_by_its_tools_where_they_are_listed() -> None:
    nodes, edges = graph("in>a a>out", a={"label": "Payment agent"})
    listed = [{**n, "tools": ["look_up_payment"]} if n["id"] == "a" else n for n in nodes]

    assert "missing_human_gate" in codes((nodes, edges))
    assert "missing_human_gate" not in codes((listed, edges))


def test_without_input_and_output_the_first_and_the_last_are_taken() -> None:
    assert ports(parse(*graph("a>b b>c"))) == (("a",), ("c",))
    assert ports(parse(*graph("a a>search"))) == (("a",), ("a",))
    assert ports(parse(*graph("a!b a!c"))) == (("a",), ("a",))
    assert ports(parse(*graph("a>check check>a*2"))) == (("a",), ("check",))


def test_a_tool_that_is_a_memory_remembers() -> None:
    nodes, edges = graph(
        "in>chat chat>out chat>notes", notes={"type": "tool", "capability": "shared_memory"}
    )

    assert "missing_memory" not in codes((nodes, edges))


IDS = st.sampled_from(["in", "out", "a", "b", "c", "check", "boss", "pay", "db", "chat"])


@given(
    st.lists(
        st.tuples(IDS, IDS, st.sampled_from([">", "!"]), st.sampled_from(["", "*2"])), max_size=14
    )
)
def test_any_graph_is_judged_the_same_way_twice(rows: list[tuple[str, str, str, str]]) -> None:
    drawn = graph(" ".join(f"{a}{way}{b}{bound}" for a, b, way, bound in rows) or "a")
    result = review(*drawn)

    assert result == review(*drawn)
    assert result.score is not None
    assert 0 <= result.score <= 100
    assert {node for f in result.findings for node in f.nodes} <= {n["id"] for n in drawn[0]}
