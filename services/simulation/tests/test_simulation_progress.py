"""What is shown while the run is under way."""

from datetime import UTC, datetime
from uuid import UUID

from common.contracts.events import FailuresSelected
from common.contracts.failures import FailurePlan
from common.contracts.network import AgentSpec, Network
from common.contracts.scenario import Found, Interpretation, ScenarioRequest, SimulationOptions
from common.contracts.stream import StreamEvent
from simulation.agent import SimulationAgent

T0 = datetime(2026, 1, 1, tzinfo=UTC)
JOB = FailuresSelected(
    event_id=UUID(int=7),
    simulation_id="s1",
    occurred_at=T0,
    request=ScenarioRequest(
        scenario_id="c1", text="Letters come in.", options=SimulationOptions(tasks=40)
    ),
    interpretation=Interpretation(
        is_scenario=True, title="Letters", goal=Found(name="answer"), industry=Found(name="retail")
    ),
    network=Network(
        agents=(AgentSpec(id="reader", name="Reader", role="reads"),),
        pattern="single",
        pattern_reason="one duty",
        entry=("reader",),
        exit=("reader",),
    ),
    failures=FailurePlan(),
)


class Screen:
    def __init__(self, breaks: bool = False) -> None:
        self.shown: list[tuple[int, float, StreamEvent]] = []
        self.breaks = breaks

    async def show(
        self, job: FailuresSelected, index: int, done: float, event: StreamEvent
    ) -> None:
        if self.breaks:
            raise ConnectionError("the bus is away")
        self.shown.append((index, done, event))


async def test_the_first_figures_are_those_of_the_result_and_come_before_it() -> None:
    screen = Screen()
    result = await SimulationAgent(now=lambda: T0, show=screen.show, clock=lambda: 0.0).run(JOB)

    ((index, done, event),) = screen.shown
    assert index == 1
    assert 0 < done < 1
    early = event.payload["figures"]
    final = result.run.baseline.model_dump(mode="json")
    assert early["latency_s"] == final["latency_s"]
    assert early["success"] == final["success"]


async def test_a_long_run_shows_its_progress_rising() -> None:
    screen, seconds = Screen(), iter(range(0, 1000, 2))
    await SimulationAgent(now=lambda: T0, show=screen.show, clock=lambda: float(next(seconds))).run(
        JOB
    )

    done = [share for _, share, _ in screen.shown]
    assert len(done) >= 2
    assert done == sorted(done)
    assert [index for index, _, _ in screen.shown] == list(range(1, len(done) + 1))


async def test_progress_that_cannot_be_shown_harms_nothing() -> None:
    agent = SimulationAgent(now=lambda: T0, show=Screen(breaks=True).show)
    quiet = SimulationAgent(now=lambda: T0)

    assert await agent.run(JOB) == await quiet.run(JOB)
