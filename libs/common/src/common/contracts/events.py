"""The facts of a simulation on the bus: one class per subject, the subject written once, here.

Each stage's event carries all that the stages after it need, so workers hold no state and a lost message
can be made again from the record.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid5

from pydantic import Field

from common.contracts.failures import FailurePlan
from common.contracts.narrative import Narrative
from common.contracts.network import Network
from common.contracts.run import RunResult
from common.contracts.scenario import Interpretation, ScenarioRequest
from common.contracts.stream import StreamEvent
from common.contracts.values import ID_PATTERN, Provenance, Share, SimulationId, Value

Stage = Literal["interpretation", "architecture", "tools", "failures", "run", "narrative"]
STAGES: tuple[Stage, ...] = (
    "interpretation",
    "architecture",
    "tools",
    "failures",
    "run",
    "narrative",
)


class Event(Value):
    """A fact about one simulation.

    `event_id` is made from its cause and its subject, so a redelivered job repeats it and does not multiply it.
    `attempt` counts how often the reaper had the work done again; it is part of the message id, not of the event id.
    """

    subject: ClassVar[str]

    event_id: UUID
    cause_id: UUID | None = None
    simulation_id: SimulationId = Field(pattern=ID_PATTERN)
    revision: int = Field(default=1, ge=1)
    attempt: int = Field(default=0, ge=0)
    occurred_at: datetime
    provenance: Provenance = Provenance()

    @property
    def address(self) -> str:
        """The subject this event is published on."""
        return f"{self.subject}.{self.simulation_id}"

    @property
    def message_id(self) -> str:
        """What JetStream recognises a repeat by."""
        return f"{self.event_id}.{self.attempt}" if self.attempt else str(self.event_id)


def caused_by(cause: Event, event: type[Event]) -> UUID:
    """The id of the one `event` that `cause` leads to."""
    return uuid5(cause.event_id, event.subject)


class SimulationRequested(Event):
    """A person asked for a rehearsal; the gateway has stored it."""

    subject: ClassVar[str] = "sim.v1.simulation.requested"
    request: ScenarioRequest


class StageStarted(Event):
    """A worker has begun; shows progress and whom to ask."""

    subject: ClassVar[str] = "sim.v1.stage.started"
    stage: Stage
    worker: str
    instance: str


class StageProgressed(Event):
    """What a long stage can show before its result: figures as they form. It may be lost without harm."""

    subject: ClassVar[str] = "sim.v1.stage.progressed"
    stage: Stage
    worker: str
    index: int = Field(ge=1)
    """Counts from 1 in its job; it is part of the event id, so a repeated job repeats its progress."""
    done: Share
    stream: tuple[StreamEvent, ...] = ()


class StageFailed(Event):
    """A worker gave up; the simulation ends as failed with this reason."""

    subject: ClassVar[str] = "sim.v1.stage.failed"
    stage: Stage
    worker: str
    error: str
    """A stable code."""
    reason: str
    """For a person; never a traceback, an address or a secret."""


class StageCompleted(Event):
    """A stage's result and what it wants shown."""

    stage: ClassVar[Stage]
    request: ScenarioRequest
    stream: tuple[StreamEvent, ...] = ()


class ScenarioInterpreted(StageCompleted):
    """What the text says, with the spans it was read from."""

    subject: ClassVar[str] = "sim.v1.scenario.interpreted"
    stage: ClassVar[Stage] = "interpretation"
    interpretation: Interpretation


class ArchitecturePlanned(StageCompleted):
    """A network without tools yet: agents name the capabilities they need."""

    subject: ClassVar[str] = "sim.v1.architecture.planned"
    stage: ClassVar[Stage] = "architecture"
    interpretation: Interpretation
    network: Network


class ToolsMapped(StageCompleted):
    """The whole network: what `POST /simulate` answers."""

    subject: ClassVar[str] = "sim.v1.tools.mapped"
    stage: ClassVar[Stage] = "tools"
    interpretation: Interpretation
    network: Network


class ArchitectureEdited(StageCompleted):
    """A person changed the network: a new revision, whose pipeline goes on at the planner.

    `network` is the edited one; planner and mapper keep what the person changed.
    """

    subject: ClassVar[str] = "sim.v1.architecture.edited"
    stage: ClassVar[Stage] = "architecture"
    interpretation: Interpretation
    network: Network
    command: str = ""


class FailuresSelected(StageCompleted):
    """The failure modes that can strike this network, worst first."""

    subject: ClassVar[str] = "sim.v1.failures.selected"
    stage: ClassVar[Stage] = "failures"
    interpretation: Interpretation
    network: Network
    failures: FailurePlan


class RunCompleted(StageCompleted):
    """The figures of the seeded run, and one sampled task's journey."""

    subject: ClassVar[str] = "sim.v1.run.completed"
    stage: ClassVar[Stage] = "run"
    interpretation: Interpretation
    network: Network
    failures: FailurePlan
    run: RunResult


class ObservabilityNarrated(StageCompleted):
    """The last result. The gateway's projector turns its acceptance into `simulation.completed`."""

    subject: ClassVar[str] = "sim.v1.observability.narrated"
    stage: ClassVar[Stage] = "narrative"
    narrative: Narrative


class SimulationCompleted(Event):
    """The record is final. Said by the gateway, which alone knows that the last stage was accepted."""

    subject: ClassVar[str] = "sim.v1.simulation.completed"


class SimulationFailed(Event):
    """The record is final: a stage gave up, nothing moved any more, or the deadline passed."""

    subject: ClassVar[str] = "sim.v1.simulation.failed"
    error: str
    reason: str


class SimulationCancelled(Event):
    """The record is final: a person stopped it. Results still under way are dropped."""

    subject: ClassVar[str] = "sim.v1.simulation.cancelled"


SIMULATION_EVENTS: tuple[type[Event], ...] = (
    SimulationRequested,
    StageStarted,
    StageProgressed,
    StageFailed,
    ScenarioInterpreted,
    ArchitecturePlanned,
    ArchitectureEdited,
    ToolsMapped,
    FailuresSelected,
    RunCompleted,
    ObservabilityNarrated,
    SimulationCompleted,
    SimulationFailed,
    SimulationCancelled,
)
"""Every fact of the SIMULATIONS stream; `docs/events.md` and AsyncAPI are generated from this list."""


def shown(revision: int, stage: str, events: Sequence[StreamEvent]) -> tuple[StreamEvent, ...]:
    """Number what a stage wants shown: `event_id` becomes `r<revision>.<stage>.<n>`, n from 1."""
    return tuple(
        event.model_copy(update={"event_id": f"r{revision}.{stage}.{n}"})
        for n, event in enumerate(events, 1)
    )


def follow[E: StageCompleted](
    cause: SimulationRequested | StageCompleted,
    event: type[E],
    *,
    now: datetime,
    provenance: Provenance,
    stream: Sequence[StreamEvent] = (),
    **result: Any,
) -> E:
    """The completed stage that `cause` leads to: its ids, revision and request follow from the cause.

    `result` holds the fields that `event` adds (`interpretation`, `network`, …).
    """
    return event(
        event_id=caused_by(cause, event),
        cause_id=cause.event_id,
        simulation_id=cause.simulation_id,
        revision=cause.revision,
        attempt=cause.attempt,
        occurred_at=now,
        provenance=provenance,
        request=cause.request,
        stream=shown(cause.revision, event.stage, stream),
        **result,
    )
