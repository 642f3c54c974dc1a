"""The simulation worker: hears chosen failures, says a finished run."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from common.contracts.events import FailuresSelected, RunCompleted
from common.contracts.failures import FailureMode, FailurePlan, Likelihood, Target
from common.contracts.network import AgentSpec, Connection, Network, Payload, ToolSpec
from common.contracts.scenario import (
    Found,
    Interpretation,
    Quantity,
    ScenarioRequest,
    SimulationOptions,
)
from common.errors import DomainError
from simulation import rules
from simulation.agent import SimulationAgent

T0 = datetime(2026, 1, 1, tzinfo=UTC)
NETWORK = Network(
    agents=(
        AgentSpec(id="reader", name="Reader", role="reads", model_class="small", tools=("inbox",)),
        AgentSpec(id="writer", name="Writer", role="writes"),
    ),
    tools=(ToolSpec(name="inbox", capability="email"),),
    connections=(
        Connection(
            source="reader",
            target="writer",
            payload=Payload(name="letter", fields={"subject": "string"}),
        ),
    ),
    pattern="sequential",
    pattern_reason="fixed order",
    entry=("reader",),
    exit=("writer",),
)
TOOL_DOWN = FailureMode(
    id="S2@inbox",
    mode_id="S2",
    name="Tool fails",
    description="The tool answers with an error.",
    taxonomy="AgentErrorTaxonomy",
    targets=(Target(kind="tool", ref="inbox"),),
    effect="error",
    likelihood=Likelihood(simulated_per_opportunity=0.3, source="assumed"),
    severity=4,
    occurrence=5,
    detection=2,
    risk_priority=40,
    trigger="load",
    detection_signal="error.type",
    reason="it is used",
)


def interpretation(*quantities: Quantity) -> Interpretation:
    return Interpretation(
        is_scenario=True,
        title="Letters",
        goal=Found(name="answer letters"),
        industry=Found(name="retail"),
        quantities=quantities,
    )


def volume(base: float | None, unit: str | None = "per_min", confidence: float = 1.0) -> Quantity:
    return Quantity(
        name="letters",
        kind="volume",
        value=1.0,
        unit="per hour",
        base_value=base,
        base_unit=unit,
        confidence=confidence,
    )


def heard(options: SimulationOptions, *quantities: Quantity) -> FailuresSelected:
    return FailuresSelected(
        event_id=UUID(int=7),
        simulation_id="s1",
        occurred_at=T0,
        request=ScenarioRequest(scenario_id="c1", text="Letters come in.", options=options),
        interpretation=interpretation(*quantities),
        network=NETWORK,
        failures=FailurePlan(modes=(TOOL_DOWN,)),
    )


async def run(options: SimulationOptions, *quantities: Quantity) -> RunCompleted:
    return await SimulationAgent(now=lambda: T0).run(heard(options, *quantities))


async def test_the_same_event_heard_twice_gives_the_same_event_byte_for_byte() -> None:
    first, second = await run(SimulationOptions()), await run(SimulationOptions())

    assert first.model_dump_json() == second.model_dump_json()
    assert (first.simulation_id, first.cause_id) == ("s1", UUID(int=7))


async def test_the_journey_comes_first_in_order_of_time_and_the_figures_last() -> None:
    said = await run(SimulationOptions())

    *journey, last = said.stream
    times = [event.sim_time_s or 0.0 for event in journey]
    assert last.event_type == "observability"
    assert last.payload["run"]["baseline"]["success"]["value"] == said.run.baseline.success.value
    assert times == sorted(times)
    assert {"agent_start", "data_flow", "tool_used", "agent_complete"} <= {
        event.event_type for event in journey
    }


async def test_the_sampled_task_shows_a_failure_and_what_saved_it() -> None:
    said = await run(SimulationOptions())

    kinds = [event.event_type for event in said.stream]
    struck, saved = kinds.index("failure_mode_triggered"), kinds.index("failure_recovered")
    assert struck < saved
    assert said.stream[struck].payload["failure_id"] == TOOL_DOWN.id


async def test_what_flows_is_shown_with_its_shape() -> None:
    said = await run(SimulationOptions())

    flow = next(event for event in said.stream if event.event_type == "data_flow")
    assert (flow.payload["source"], flow.payload["target"]) == ("reader", "writer")
    assert (flow.payload["payload"], flow.payload["schema"]) == ("letter", {"subject": "string"})


async def test_the_rate_asked_for_goes_before_the_one_read() -> None:
    asked = await run(SimulationOptions(arrival_rate_per_min=2.5), volume(1.0))
    read = await run(SimulationOptions(), volume(1.0))
    neither = await run(SimulationOptions())

    assert asked.run.arrival_rate_per_min == 2.5
    assert read.run.arrival_rate_per_min == 1.0
    assert "assumed" in neither.run.arrival_rate_source
    assert neither.run.arrival_rate_per_min not in (1.0, 2.5)


async def test_an_override_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(DomainError, match=r"agent\.reader\.speed"):
        await run(SimulationOptions(overrides={"agent.reader.speed": 3}))


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        ((), None),
        ((volume(3.0),), 3.0),
        ((volume(3.0, confidence=0.4), volume(5.0, confidence=0.9)), 5.0),
        ((volume(None),), None),
        ((volume(3.0, "count"),), None),
        ((volume(0.0),), None),
    ],
    ids=["none", "one", "surest", "no base value", "other unit", "zero"],
)
def test_the_volume_is_the_surest_positive_one_in_tasks_per_minute(
    quantities: tuple[Quantity, ...], expected: float | None
) -> None:
    assert rules.volume_per_min(interpretation(*quantities)) == expected
