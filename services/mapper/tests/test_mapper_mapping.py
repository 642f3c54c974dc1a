"""Mapping keeps the planned flow, gives every tool an owner and asks about what cannot be undone."""

import itertools
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.events import ArchitecturePlanned
from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.scenario import Found, Interpretation, ScenarioRequest, Step
from mapper.agent import MapperAgent
from mapper.rules.catalogue import capabilities
from mapper.rules.mapping import map_network

T0 = datetime(2026, 11, 20, tzinfo=UTC)


def reading(*steps: Step) -> Interpretation:
    found = Found(name="x")
    return Interpretation(is_scenario=True, title="x", goal=found, industry=found, steps=steps)


def agent(name: str, *duties: str, needs: tuple[str, ...] = (), **more: object) -> AgentSpec:
    base = AgentSpec(
        id=name, name=name.title(), role=name, responsibilities=duties, capabilities=needs
    )
    return base.model_copy(update=more)


def line(*agents: AgentSpec) -> Network:
    edges = itertools.pairwise(agents)
    return Network(
        agents=agents,
        connections=tuple(Connection(source=a.id, target=b.id) for a, b in edges),
        pattern="sequential",
        pattern_reason="steps in order",
        human_in_loop=any(a.kind == "human" for a in agents),
        entry=(agents[0].id,),
        exit=(agents[-1].id,),
    )


MANAGER = agent("manager", "approve", kind="human", model_class=None)
PAYER = agent("payer", "issue refunds", needs=("payment_api",))


def test_two_agents_with_one_need_share_the_tool() -> None:
    mapped = map_network(
        line(
            agent("a", "read the inbox", needs=("email_read",)),
            agent("b", "read mail", needs=("inbox",)),
        ),
        reading(),
    )

    assert [(tool.name, tool.used_by) for tool in mapped.tools] == [("read_mailbox", ("a", "b"))]
    assert {(e.source, e.target) for e in mapped.connections if e.kind == "tool"} == {
        ("a", "read_mailbox"),
        ("b", "read_mailbox"),
    }


def test_an_agent_without_needs_gets_no_tool() -> None:
    mapped = map_network(line(agent("thinker", "pay refunds")), reading())

    assert mapped.tools == ()
    assert mapped.agents[0].tools == ()


def test_an_ungated_irreversible_tool_is_noted_and_questioned_but_not_restructured() -> None:
    plan = line(agent("reader", "read requests"), PAYER)
    mapped = map_network(plan, reading())

    assert [q.id for q in mapped.questions] == ["tool-gate-issue_refund-payer"]
    assert "cannot be undone" in mapped.notes[0]
    assert mapped.connections[: len(plan.connections)] == plan.connections


@pytest.mark.parametrize(
    "gate", [MANAGER, agent("checker", "check", is_verifier=True)], ids=["person", "verifier"]
)
def test_a_gate_before_the_irreversible_tool_silences_the_question(gate: AgentSpec) -> None:
    mapped = map_network(line(agent("reader", "read requests"), gate, PAYER), reading())

    assert (mapped.questions, mapped.notes) == ((), ())


def test_a_gate_after_the_irreversible_tool_is_too_late() -> None:
    mapped = map_network(line(PAYER, MANAGER), reading())

    assert [q.id for q in mapped.questions] == ["tool-gate-issue_refund-payer"]


def test_two_hands_on_one_irreversible_tool_are_questioned() -> None:
    second = agent("clerk", "issue refunds", needs=("payment_api",))
    mapped = map_network(line(MANAGER, PAYER, second), reading())

    assert [q.id for q in mapped.questions] == ["tool-owners-issue_refund"]


def test_an_unknown_need_becomes_a_stated_custom_tool() -> None:
    mapped = map_network(line(agent("bee", "read the hive", needs=("hive scale",))), reading())

    assert [(t.name, t.capability) for t in mapped.tools] == [("hive_scale", "hive scale")]
    assert "custom" in mapped.assumptions[0].text


def test_a_tool_never_has_the_id_of_an_agent() -> None:
    mapped = map_network(line(agent("web_search", "search", needs=("web_search",))), reading())

    assert [tool.name for tool in mapped.tools] == ["web_search_tool"]


def test_memory_is_connected_as_memory() -> None:
    mapped = map_network(line(agent("a", "remember", needs=("shared_memory",))), reading())

    assert [(e.target, e.kind) for e in mapped.connections] == [("shared_memory", "memory")]


def test_what_a_person_gave_stays_and_only_the_missing_is_added() -> None:
    given_tool = ToolSpec(
        name="our_ledger", capability="sql_database", side_effect="write", used_by=("a",)
    )
    clerk = agent("a", "query sales", needs=("sql_database", "crm"), tools=("our_ledger",))
    edited = line(clerk).model_copy(update={"tools": (given_tool,)})

    mapped = map_network(edited, reading())

    assert mapped.agents[0].tools == ("our_ledger", "look_up_customer")
    assert mapped.tools[0].side_effect == "write"
    assert mapped.tools[0].latency_p50_s is not None


@pytest.mark.parametrize(
    ("name", "effect"), [("slack", "write"), ("stripe", "read"), ("calculator", "none")]
)
def test_a_tool_named_by_a_person_gets_the_least_effect_of_what_it_stands_for(
    name: str, effect: str
) -> None:
    said = ToolSpec(name=name, capability=name, source="assumed: asked for by a person")
    clerk = agent("a", "do it", needs=(name,), tools=(name,))

    mapped = map_network(line(clerk).model_copy(update={"tools": (said,)}), reading())

    assert [(t.name, t.side_effect) for t in mapped.tools] == [(name, effect)]


def test_what_a_person_took_does_not_come_back() -> None:
    first = map_network(line(agent("a", "read mail", needs=("email_read", "crm"))), reading())
    taken = first.model_copy(
        update={
            "agents": (
                first.agents[0].model_copy(
                    update={"tools": ("read_mailbox",), "capabilities": ("email_read",)}
                ),
            )
        }
    )

    assert [tool.name for tool in map_network(taken, reading()).tools] == ["read_mailbox"]


def test_a_question_that_an_edit_answered_disappears() -> None:
    before = map_network(line(agent("reader", "read requests"), PAYER), reading())
    gated = before.model_copy(
        update={
            "agents": (before.agents[0], MANAGER, before.agents[1]),
            "connections": (
                Connection(source="reader", target="manager", kind="approve"),
                Connection(source="manager", target="payer"),
            ),
        }
    )

    after = map_network(gated, reading())

    assert (after.questions, after.notes) == ((), ())


MODELS = (
    (agent("m", kind="human"), None),
    (agent("a", "classify the ticket and route it"), "small"),
    (agent("a", "draft the answer"), "medium"),
    (agent("a", "plan the work of the others"), "large"),
    (agent("a", "review the contract clauses"), "large"),
    (agent("a", "extract the data from the contract"), "small"),
    (agent("a", "diagnose the outage"), "reasoning"),
    (agent("a", "find the root cause"), "reasoning"),
    (agent("a", "route it", is_verifier=True), "medium"),
    (
        agent("a", "draft the answer", model_class="small", model_reason="asked for by a person"),
        "small",
    ),
)


@pytest.mark.parametrize(("spec", "wanted"), MODELS, ids=[str(n) for n in range(len(MODELS))])
def test_the_duty_chooses_the_model_class_and_gives_a_reason(
    spec: AgentSpec, wanted: str | None
) -> None:
    mapped = map_network(line(spec), reading()).agents[0]

    assert mapped.model_class == wanted
    assert mapped.model_reason


def test_a_plan_wants_a_large_model_only_where_somebody_follows_it() -> None:
    planner, clerk = agent("a", "plan the work"), agent("b", "plan the visit")

    mapped = map_network(line(planner, clerk), reading())

    assert [a.model_class for a in mapped.agents] == ["large", "medium"]


def test_who_calls_several_helpers_is_large() -> None:
    plan = line(agent("lead", "route the work"), agent("a", "read"), agent("b", "read"))
    calls = tuple(Connection(source="lead", target=name, kind="call") for name in ("a", "b"))

    mapped = map_network(plan.model_copy(update={"connections": calls}), reading())

    assert mapped.agents[0].model_class == "large"


def test_skills_are_short_verb_object_phrases_from_steps_and_duties() -> None:
    step = Step(
        id="s1", order=1, name="check the order history", verb="check", object="order history"
    )
    clerk = agent("a", "match the claim against the policy; write a reply", steps=("s1",))

    mapped = map_network(line(clerk), reading(step))

    assert mapped.agents[0].skills == ("check order history", "match claim", "write reply")


@pytest.mark.parametrize(
    ("duty", "wanted"),
    [
        ("looks up orders, order history and shipments", ("look up orders",)),
        ("the likely cause diagnosed", ()),
        ("writes the report, edits the text", ("write report", "edit text")),
        ("write a post-mortem; write the post mortem", ("write post-mortem",)),
        ("it recommends what to do", ()),
    ],
)
def test_a_skill_begins_with_a_verb_and_is_said_once(duty: str, wanted: tuple[str, ...]) -> None:
    assert map_network(line(agent("a", duty)), reading()).agents[0].skills == wanted


async def test_the_agent_follows_its_cause_and_shows_the_network_first() -> None:
    heard = ArchitecturePlanned(
        event_id=UUID(int=1),
        simulation_id="s",
        occurred_at=T0,
        revision=3,
        request=ScenarioRequest(scenario_id="s", text="x"),
        interpretation=reading(),
        network=line(PAYER),
    )
    said = await MapperAgent(now=lambda: T0).map(heard)

    again = await MapperAgent(now=lambda: T0).map(heard)

    assert said == again
    assert (said.cause_id, said.revision) == (heard.event_id, 3)
    assert [(e.event_type, e.source, e.event_id) for e in said.stream] == [
        ("tools_mapped", "ToolSkillMapperAgent", "r3.tools.1")
    ]
    assert said.stream[0].payload["network"]["tools"][0]["name"] == "issue_refund"


NEEDS = st.lists(
    st.sampled_from([*sorted(capabilities()), "quantum ledger"]), max_size=5, unique=True
)
DUTY = st.sampled_from(
    ["read it", "pay the refund and book it", "publish posts", "deploy and check", ""]
)


@given(st.lists(st.tuples(NEEDS, DUTY, st.booleans()), min_size=1, max_size=5))
def test_every_tool_is_owned_every_need_is_met_and_mapping_again_changes_nothing(
    rows: list[tuple[list[str], str, bool]],
) -> None:
    plan = line(
        *(
            agent(f"a{n}", duty, needs=tuple(needs), is_verifier=verifies)
            for n, (needs, duty, verifies) in enumerate(rows)
        )
    )

    mapped = map_network(plan, reading())

    held = {(a.id, name) for a in mapped.agents for name in a.tools}
    carried = {tool.name: tool.capability for tool in mapped.tools}
    assert {(owner, tool.name) for tool in mapped.tools for owner in tool.used_by} == held
    assert {
        (e.source, e.target) for e in mapped.connections if e.kind in {"tool", "memory"}
    } == held
    assert all({carried[name] for name in a.tools} == set(a.capabilities) for a in mapped.agents)
    assert map_network(mapped, reading()) == mapped
