"""The order of the stages, which result is accepted, and the event a stage waits for. Pure: no SQL, no bus."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID, uuid5

from common.contracts.events import (
    STAGES,
    ArchitectureEdited,
    ArchitecturePlanned,
    FailuresSelected,
    ObservabilityNarrated,
    RunCompleted,
    ScenarioInterpreted,
    SimulationRequested,
    Stage,
    StageCompleted,
    ToolsMapped,
)
from common.contracts.scenario import ScenarioRequest

RESULT_OF: dict[Stage, type[StageCompleted]] = {
    "interpretation": ScenarioInterpreted,
    "architecture": ArchitecturePlanned,
    "tools": ToolsMapped,
    "failures": FailuresSelected,
    "run": RunCompleted,
    "narrative": ObservabilityNarrated,
}

COLUMN_OF: dict[Stage, str] = {
    "interpretation": "interpretation",
    "architecture": "network",
    "tools": "network",
    "failures": "failures",
    "run": "run",
    "narrative": "narrative",
}
"""Where each stage's own result is kept; it is also the name of the field that carries it."""

TERMINAL_STATES = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a simulation's current revision is. `stage` is the last accepted result, None before the first."""

    status: str
    revision: int
    stage: Stage | None
    accepted_event_id: UUID


class Verdict(Enum):
    """What becomes of a stage's result."""

    ACCEPT = "accept"
    EARLY = "early"
    """Its cause will be accepted once it arrives; ask for it again."""
    TERMINAL = "terminal"
    SUPERSEDED = "superseded"
    """Of another revision."""
    LATE = "late"
    """This stage, or a later one, already has a result: the first one won."""
    STRANGER = "stranger"
    """It does not follow from what was accepted."""


def next_stage(stage: Stage | None) -> Stage | None:
    """The stage after `stage`; the first for None, None after the last."""
    if stage is None:
        return STAGES[0]
    position = STAGES.index(stage) + 1
    return STAGES[position] if position < len(STAGES) else None


def judge(standing: Standing, result: StageCompleted) -> Verdict:
    """Whether `result` is the one the pipeline waits for; the first with the right cause wins."""
    if standing.status in TERMINAL_STATES:
        return Verdict.TERMINAL
    if result.revision != standing.revision:
        return Verdict.SUPERSEDED
    awaited = next_stage(standing.stage)
    if awaited is None or STAGES.index(result.stage) < STAGES.index(awaited):
        return Verdict.LATE
    if result.cause_id != _cause_of(result.stage, standing, awaited):
        return Verdict.STRANGER
    return Verdict.ACCEPT if result.stage == awaited else Verdict.EARLY


def _cause_of(stage: Stage, standing: Standing, awaited: Stage) -> UUID:
    """The id its cause must have: ids follow from causes, so those of stages to come are known now."""
    cause = standing.accepted_event_id
    for between in STAGES[STAGES.index(awaited) : STAGES.index(stage)]:
        cause = uuid5(cause, RESULT_OF[between].subject)
    return cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is needed to say again what the next stage hears. Results are as stored (JSON)."""

    simulation_id: str
    revision: int
    origin: str
    stage: Stage | None
    accepted_event_id: UUID
    attempt: int
    request: ScenarioRequest
    results: Mapping[str, Any]
    """By column: interpretation, network, failures, run."""
    provenance: Mapping[str, Any]
    """By stage."""
    command: str | None = None


def awaited_event(
    record: Record, *, attempt: int, now: datetime
) -> SimulationRequested | StageCompleted:
    """The event whose reader has not answered, under its own id and a new attempt.

    Raises:
        ValueError: the last stage has its result, nobody is awaited.
    """
    envelope: dict[str, Any] = {
        "event_id": record.accepted_event_id,
        "simulation_id": record.simulation_id,
        "revision": record.revision,
        "attempt": attempt,
        "occurred_at": now,
        "request": record.request,
    }
    if record.stage is None:
        return SimulationRequested(**envelope)
    if next_stage(record.stage) is None:
        raise ValueError("the pipeline is through")
    shape = RESULT_OF[record.stage]
    if record.origin in {"edited", "restored"} and record.stage == "interpretation":
        shape = ArchitectureEdited
        envelope["command"] = record.command or ""
    carried = {name: record.results[name] for name in shape.model_fields if name in record.results}
    return shape.model_validate(
        envelope | {"provenance": record.provenance.get(record.stage) or {}} | carried
    )
