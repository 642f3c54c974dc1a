"""Each invariant holds on a sound network and is reported, alone, when it is broken."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from planner.review.invariants import broken, violations
from planner.review.paths import cyclic


def agent(name: str, *, tools: tuple[str, ...] = (), verifier: bool = False) -> AgentSpec:
    return AgentSpec(id=name, name=name, role=name, tools=tools, is_verifier=verifier)


def person(name: str) -> AgentSpec:
    return AgentSpec(id=name, name=name, role=name, kind="human", model_class=None)


REFUNDS = Network(
    agents=(
        agent("reader", tools=("read_mail",)),
        agent("checker", verifier=True),
        person("manager"),
        agent("payer", tools=("pay",)),
    ),
    tools=(
        ToolSpec(name="read_mail", capability="email_read", used_by=("reader",)),
        ToolSpec(
            name="pay", capability="payment_api", side_effect="irreversible", used_by=("payer",)
        ),
    ),
    connections=(
        Connection(source="reader", target="checker", kind="verify"),
        Connection(source="checker", target="reader", max_iterations=2),
        Connection(source="checker", target="payer", share=0.8, when="up to 100 EUR"),
        Connection(source="checker", target="manager", kind="approve", share=0.2, when="above"),
        Connection(source="manager", target="payer"),
        Connection(source="reader", target="read_mail", kind="tool"),
        Connection(source="payer", target="pay", kind="tool"),
    ),
    pattern="evaluator_loop",
    pattern_reason="money leaves",
    human_in_loop=True,
    entry=("reader",),
    exit=("payer",),
)

type Change = Callable[[Network], Network]


def plus(*edges: Connection) -> Change:
    return lambda n: n.model_copy(update={"connections": (*n.connections, *edges)})


def without(source: str, target: str) -> Change:
    return lambda n: n.model_copy(
        update={
            "connections": tuple(
                e for e in n.connections if (e.source, e.target) != (source, target)
            )
        }
    )


def having(**update: object) -> Change:
    return lambda n: n.model_copy(update=update)


BROKEN: tuple[tuple[str, Change, str], ...] = (
    ("no agents", having(agents=()), "no_agents"),
    ("same id twice", having(agents=(*REFUNDS.agents, agent("payer"))), "duplicate_id"),
    ("agent named as a tool", having(agents=(*REFUNDS.agents, agent("pay"))), "duplicate_id"),
    ("edge from nobody", plus(Connection(source="ghost", target="payer")), "unknown_source"),
    ("edge to nobody", plus(Connection(source="payer", target="ghost")), "unknown_target"),
    ("tool edge to agent", plus(Connection(source="reader", target="payer", kind="tool")), "unknown_target"),
    ("self loop", plus(Connection(source="payer", target="payer")), "self_loop"),
    ("twice the same edge", plus(Connection(source="manager", target="payer")), "duplicate_edge"),
    ("no entry", having(entry=()), "no_entry"),
    ("no exit", having(exit=()), "no_exit"),
    ("exit is no agent", having(exit=("pay",)), "unknown_exit"),
    ("unreachable", having(entry=("payer",)), "unreachable"),
    ("dead end", having(exit=("manager",)), "dead_end"),
    ("loop without bound", plus(Connection(source="payer", target="reader")), "unbounded_loop"),
    ("bound without loop", plus(Connection(source="reader", target="manager", max_iterations=2)), "false_back_edge"),
    ("shares above one", plus(Connection(source="checker", target="payer", kind="publish", share=0.5)), "shares"),
    ("tool without edge", without("reader", "read_mail"), "tool_edge"),
    ("orphan tool", having(tools=(*REFUNDS.tools, ToolSpec(name="x", capability="crm"))), "orphan_tool"),
    ("wrong owner", having(tools=(REFUNDS.tools[1], REFUNDS.tools[0].model_copy(update={"used_by": ()}))), "used_by"),
    ("way around the gate", plus(Connection(source="reader", target="payer")), "gate_bypassed"),
    ("flag says no person", having(human_in_loop=False), "human_in_loop"),
)  # fmt: skip


def test_a_sound_network_breaks_nothing() -> None:
    assert broken(REFUNDS, max_agents=3) == ()


@pytest.mark.parametrize(
    ("change", "code"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN]
)
def test_a_broken_invariant_is_reported(change: Change, code: str) -> None:
    assert code in {found.code for found in violations(change(REFUNDS))}


def test_people_do_not_count_towards_max_agents() -> None:
    assert broken(REFUNDS, max_agents=3) == ()
    assert "at most 2" in broken(REFUNDS, max_agents=2)[0]


def test_an_irreversible_tool_without_any_gate_is_reported() -> None:
    line = REFUNDS.model_copy(
        update={
            "agents": (agent("reader", tools=("read_mail",)), agent("payer", tools=("pay",))),
            "connections": (Connection(source="reader", target="payer"), *REFUNDS.connections[5:]),
            "human_in_loop": False,
        }
    )

    assert [found.code for found in violations(line)] == ["ungated"]


def test_a_payer_that_asks_a_person_is_gated() -> None:
    asks = REFUNDS.model_copy(
        update={
            "agents": (person("manager"), agent("payer", tools=("pay",))),
            "tools": REFUNDS.tools[1:],
            "connections": (
                Connection(source="payer", target="manager", kind="call"),
                REFUNDS.connections[6],
            ),
            "entry": ("payer",),
        }
    )

    assert broken(asks) == ()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_cyclic_agrees_with_a_graph_library(pairs: list[tuple[int, int]]) -> None:
    networkx = pytest.importorskip("networkx")
    names = [(str(a), str(b)) for a, b in pairs]

    assert bool(cyclic(names)) == (not networkx.is_directed_acyclic_graph(networkx.DiGraph(names)))
