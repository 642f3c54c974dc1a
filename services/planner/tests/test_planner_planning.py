"""What holds for every planned network, and what some scenarios must lead to."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.events import ArchitectureEdited, ScenarioInterpreted
from common.contracts.network import Connection, Forecast, Network, ToolSpec
from common.contracts.scenario import (
    Found,
    Interpretation,
    ScenarioRequest,
    SimulationOptions,
    Step,
)
from common.contracts.values import Band
from planner.agent import PlannerAgent
from planner.review.invariants import broken
from planner.rules.gates import IRREVERSIBLE
from planner.rules.occupations import functions
from planner.rules.planning import plan, replanned

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
VERBS = sorted(functions())
CAPABILITIES = [
    "payment_api",
    "deployment_ops",
    "trading_execution",
    "purchase_order",
    "email_send",
    "web_search",
    "crm",
]
SIGNALS = [
    "parallel",
    "router",
    "handoff",
    "supervisor",
    "hierarchical",
    "evaluator_loop",
    "group_chat",
    "blackboard",
    "human",
    "quality",
]
PATTERN_WITH = {
    "parallel": "parallel",
    "router": "router",
    "handoff": "handoff",
    "supervisor": "supervisor",
    "hierarchical": "hierarchical",
    "evaluator_loop": "evaluator_loop",
    "group_chat": "group_chat",
    "blackboard": "blackboard",
}


def a_step(
    number: int,
    verb: str,
    thing: str = "invoice",
    capabilities: tuple[str, ...] = (),
    group: str | None = None,
) -> Step:
    return Step(
        name=f"{verb} {thing}",
        id=f"s{number}",
        order=number,
        verb=verb,
        object=thing,
        capabilities=capabilities,
        parallel_group=group,
    )


def read(*steps: Step, **signals: float) -> Interpretation:
    return Interpretation(
        is_scenario=True,
        title="t",
        goal=Found(name="g"),
        industry=Found(name="finance"),
        steps=steps,
        signals=signals,
    )


@st.composite
def interpretations(draw: st.DrawFn) -> Interpretation:
    things = st.sampled_from(
        ["invoice", "contract", "customer message", "patient record", "code", "market", "", "offer"]
    )
    count = draw(st.integers(1, 12))
    steps = [
        a_step(
            n,
            draw(st.sampled_from(VERBS)),
            draw(things),
            tuple(draw(st.lists(st.sampled_from(CAPABILITIES), max_size=2, unique=True))),
            draw(st.sampled_from([None, None, "list1", "p2"])),
        )
        for n in range(1, count + 1)
    ]
    signals = draw(st.dictionaries(st.sampled_from(SIGNALS), st.floats(0, 1), max_size=4))
    approvals = (Found(name="large ones approved by a manager"),) if draw(st.booleans()) else ()
    return read(*steps, **signals).model_copy(update={"approvals": approvals})


@given(interpretations(), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_every_network_is_sound_and_within_the_limit(
    interpretation: Interpretation, most: int
) -> None:
    network = plan(interpretation, max_agents=most)

    assert broken(network, max_agents=most) == ()


@given(interpretations())
@settings(max_examples=60, deadline=None)
def test_the_same_interpretation_gives_the_same_network(interpretation: Interpretation) -> None:
    assert plan(interpretation) == plan(interpretation)


@given(interpretations())
@settings(max_examples=80, deadline=None)
def test_whoever_acts_irreversibly_stands_behind_a_person(interpretation: Interpretation) -> None:
    network = with_risky_tools(plan(interpretation))

    assert broken(network) == ()


def with_risky_tools(network: Network) -> Network:
    """The network with a tool for each capability that cannot be taken back, as the mapper would add it."""
    owners = {
        capability: [a.id for a in network.agents if capability in a.capabilities]
        for capability in sorted(IRREVERSIBLE)
    }
    tools = tuple(
        ToolSpec(name=name, capability=name, side_effect="irreversible", used_by=tuple(ids))
        for name, ids in owners.items()
        if ids
    )
    agents = tuple(
        a.model_copy(update={"tools": tuple(t.name for t in tools if a.id in t.used_by)})
        for a in network.agents
    )
    edges = tuple(
        Connection(source=owner, target=tool.name, kind="tool")
        for tool in tools
        for owner in tool.used_by
    )
    return network.model_copy(
        update={"agents": agents, "tools": tools, "connections": (*network.connections, *edges)}
    )


@pytest.mark.parametrize("signal", sorted(PATTERN_WITH))
def test_a_strong_signal_gives_its_pattern(signal: str) -> None:
    steps = [
        a_step(n, verb, f"{thing} letter")
        for n, (verb, thing) in enumerate(
            [
                ("classify", "customer"),
                ("research", "market"),
                ("write", "offer"),
                ("verify", "contract"),
                ("summarize", "legal"),
            ],
            1,
        )
    ]

    network = plan(read(*steps, **{signal: 0.95}))

    assert network.pattern == PATTERN_WITH[signal]
    assert network.pattern_reason


def test_without_a_signal_the_order_of_the_steps_decides() -> None:
    network = plan(
        read(a_step(1, "extract"), a_step(2, "write", "report"), a_step(3, "translate", "report"))
    )

    assert network.pattern == "sequential"
    assert [(e.source, e.target) for e in network.connections if e.max_iterations is None] == [
        (one.id, two.id) for one, two in zip(network.agents, network.agents[1:], strict=False)
    ]


def test_one_role_is_a_single_agent() -> None:
    network = plan(read(a_step(1, "answer", "question")))

    assert (network.pattern, len(network.agents)) == ("single", 1)


def test_a_limit_splits_the_flow_and_only_what_is_above_it_waits_for_the_person() -> None:
    steps = (
        a_step(1, "verify", "refund"),
        a_step(2, "pay", "refund", ("payment_api",)),
        a_step(3, "notify", "customer"),
    )
    interpretation = read(*steps, human=0.9).model_copy(
        update={"approvals": (Found(name="large ones approved by a manager"),)}
    )

    network = plan(interpretation)

    people = [agent for agent in network.agents if agent.kind == "human"]
    approve = [e for e in network.connections if e.kind == "approve"]
    assert [person.name for person in people] == ["Manager (human)"]
    assert len(approve) == 1
    assert approve[0].when is not None
    assert "large" in approve[0].when
    siblings = [
        e for e in network.connections if e.source == approve[0].source and e.share is not None
    ]
    assert sum(e.share or 0 for e in siblings) == pytest.approx(1.0)


def test_what_checks_a_payment_does_not_hold_it() -> None:
    network = plan(
        read(
            a_step(1, "verify", "refund", ("payment_api",)),
            a_step(2, "pay", "refund", ("payment_api",)),
        )
    )

    holders = [agent for agent in network.agents if "payment_api" in agent.capabilities]
    assert len(holders) == 1
    assert "s2" in holders[0].steps


def test_no_scenario_gets_one_agent_that_asks() -> None:
    nothing = Interpretation(
        is_scenario=False, title="t", goal=Found(name="g"), industry=Found(name="general")
    )

    network = plan(nothing)

    assert [agent.role for agent in network.agents] == ["Scenario Clarifier"]


def test_alternatives_are_forecast_by_the_injected_run() -> None:
    def forecast(network: Network) -> Forecast:
        size = float(len(network.agents))
        return Forecast(
            latency_p50_s=Band(value=size, low=size, high=size), agents=len(network.agents)
        )

    network = plan(read(a_step(1, "extract"), a_step(2, "write", "report")), forecast=forecast)

    assert network.forecast == forecast(network)
    assert len(network.alternatives) >= 2
    assert all(
        a.forecast and a.forecast.latency_p50_s and a.trade_off for a in network.alternatives
    )
    assert network.pattern not in {a.pattern for a in network.alternatives}


def test_an_edited_network_is_kept_and_only_what_follows_is_made_anew() -> None:
    network = plan(
        read(a_step(1, "extract"), a_step(2, "write", "report"), a_step(3, "translate", "report"))
    )
    first, second, third = network.agents
    edges = tuple(e for e in network.connections if third.id not in (e.source, e.target))
    edited = network.model_copy(
        update={"agents": (first, second), "connections": edges, "exit": (third.id,)}
    )

    kept = replanned(edited)

    assert [agent.role for agent in kept.agents] == [first.role, second.role]
    assert kept.connections == edges
    assert kept.exit == (second.id,)
    assert kept.agents[1].dependencies == (first.id,)


async def test_the_agent_follows_its_cause_and_respects_max_agents() -> None:
    steps = tuple(
        a_step(n, verb, thing)
        for n, (verb, thing) in enumerate(
            [
                ("research", "market"),
                ("analyze", "contract"),
                ("write", "offer"),
                ("verify", "invoice"),
                ("notify", "customer"),
            ],
            1,
        )
    )
    heard = ScenarioInterpreted(
        event_id=UUID(int=9),
        simulation_id="sim-1",
        occurred_at=NOW,
        interpretation=read(*steps),
        request=ScenarioRequest(scenario_id="s", text="t", options=SimulationOptions(max_agents=2)),
    )
    agent = PlannerAgent(now=lambda: NOW)

    said = await agent.plan(heard)
    edited = ArchitectureEdited(
        event_id=UUID(int=10),
        simulation_id="sim-1",
        occurred_at=NOW,
        revision=2,
        request=heard.request,
        interpretation=heard.interpretation,
        network=said.network,
    )
    again = await agent.plan(edited)

    assert said == await agent.plan(heard)
    assert len(said.network.agents) == 2
    assert [event.event_type for event in said.stream] == ["architecture_planned"]
    assert (again.revision, again.network.agents) == (2, said.network.agents)


@given(interpretations(), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_every_alternative_that_is_forecast_is_sound_too(
    interpretation: Interpretation, most: int
) -> None:
    seen: list[tuple[str, ...]] = []

    def forecast(network: Network) -> Forecast:
        seen.append(broken(network))
        return Forecast(agents=len(network.agents))

    plan(interpretation, max_agents=most, forecast=forecast)

    assert len(seen) >= 3
    assert not any(seen)


def a_person(number: int, who: str, condition: str | None = None) -> Step:
    return Step(
        name=f"approval by {who}", id=f"s{number}", order=number, verb="approve", actor=who, condition=condition
    )  # fmt: skip


def test_a_named_person_stands_between_the_work_before_and_the_outward_work_after() -> None:
    network = plan(
        read(a_step(1, "extract", "permit"), a_step(2, "write", "permit"), a_person(3, "Engineer"),
             a_step(4, "notify", "builder"))
    )  # fmt: skip

    (person,) = [agent for agent in network.agents if agent.kind == "human"]
    before = [e.source for e in network.connections if e.target == person.id]
    after = [e.target for e in network.connections if e.source == person.id]
    steps = {agent.id: agent.steps for agent in network.agents}
    assert person.name == "Engineer (human)"
    assert [steps[i] for i in before] == [("s2",)]
    assert [steps[i] for i in after] == [("s4",)]


def test_an_amount_splits_the_flow_before_a_named_body() -> None:
    network = plan(
        read(a_step(1, "extract", "loan"), a_step(2, "score", "loan risk"),
             a_person(3, "Credit Committee", "above 90,000 EUR"), a_step(4, "notify", "customer"))
    )  # fmt: skip

    (asked,) = [e for e in network.connections if e.kind == "approve"]
    (passed,) = [e for e in network.connections if e.source == asked.source and e.kind != "approve"]
    assert (asked.when, passed.when) == ("above 90,000 EUR", "up to 90,000 EUR")
    assert (asked.share or 0) + (passed.share or 0) == pytest.approx(1.0)
    assert any("above 90,000 EUR" in assumption.text for assumption in network.assumptions)


def test_nobody_acts_irreversibly_before_the_person_whose_condition_follows_in_the_text() -> None:
    network = plan(
        read(a_step(1, "verify", "refund"), a_step(2, "pay", "refund", ("payment_api",)),
             a_person(3, "Manager", "large ones"), a_step(4, "notify", "customer"))
    )  # fmt: skip

    (payer,) = [agent.id for agent in network.agents if "payment_api" in agent.capabilities]
    people = [agent.id for agent in network.agents if agent.kind == "human"]
    assert len(people) == 1
    assert [e.target for e in network.connections if e.source == people[0]] == [payer]


def test_who_releases_what_nobody_is_named_for_is_an_assumption() -> None:
    network = plan(read(a_step(1, "extract"), a_step(2, "pay", "invoice", ("payment_api",))))

    (person,) = [agent.name for agent in network.agents if agent.kind == "human"]
    assert person == "Finance Manager (human)"
    assert any("Finance Manager" in assumption.text for assumption in network.assumptions)


def test_a_judge_stands_behind_the_work_and_before_its_publication() -> None:
    network = plan(
        read(a_step(1, "research", "market"), a_step(2, "write", "article"),
             a_step(3, "publish", "article"), evaluator_loop=0.95)
    )  # fmt: skip

    (judge,) = [agent for agent in network.agents if agent.is_verifier]
    back = [e for e in network.connections if e.max_iterations is not None]
    order = {agent.id: n for n, agent in enumerate(network.agents)}
    after = [e.target for e in network.connections if e.source == judge.id and e not in back]
    assert [agent.steps for agent in network.agents if agent.id in after] == [("s3",)]
    assert all(order[e.target] < order[e.source] for e in back)
    assert any("goes back" in assumption.text for assumption in network.assumptions)


def test_roles_of_the_text_keep_their_names_and_their_tree() -> None:
    def under(number: int, verb: str, name: str, lead: str | None = None) -> Step:
        group = f"duty{number}" + (f"<{lead}" if lead else "")
        return a_step(number, verb, "", (), group).model_copy(update={"actor": name})

    network = plan(
        read(
            under(1, "coordinate", "Festival Manager"),
            under(2, "coordinate", "Stage Lead"),
            under(3, "plan", "Sound Planner", "Stage Lead"),
            under(4, "coordinate", "Guest Lead"),
            under(5, "research", "Hotel Finder", "Guest Lead"),
            hierarchical=0.95,
        )
    )

    names = {agent.id: agent.name for agent in network.agents}
    calls = {(names[e.source], names[e.target]) for e in network.connections if e.kind == "call"}
    assert network.pattern == "hierarchical"
    assert calls == {
        ("Festival Manager", "Stage Lead"),
        ("Stage Lead", "Sound Planner"),
        ("Festival Manager", "Guest Lead"),
        ("Guest Lead", "Hotel Finder"),
    }
