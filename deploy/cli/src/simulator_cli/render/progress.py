"""Progress of a simulation from the frames heard: which stage is done, how long it took, what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from common.contracts.events import STAGES, Stage
from common.contracts.stream import Frame
from simulator_cli.render.units import count, duration, shorten

type Outcome = Literal["running", "completed", "failed", "cancelled"]

TITLES: dict[Stage, str] = {
    "interpretation": "Reading the scenario",
    "architecture": "Planning the network",
    "tools": "Mapping tools and skills",
    "failures": "Choosing failures",
    "run": "Running the network",
    "narrative": "Telling the story",
}
_STAGE_OF_SOURCE: dict[str, Stage] = {
    "ScenarioInterpreterAgent": "interpretation",
    "ArchitecturePlannerAgent": "architecture",
    "ToolSkillMapperAgent": "tools",
    "FailureSimulationAgent": "failures",
    "SimulationEngine": "run",
    "ObservabilityNarrativeAgent": "narrative",
}
_OUTCOME: dict[str, Outcome] = {
    "simulation_completed": "completed",
    "simulation_failed": "failed",
    "simulation_cancelled": "cancelled",
}


@dataclass(frozen=True)
class StageDone:
    """A stage that answered, `took_s` seconds after the one before it; `note` says what it found."""

    stage: Stage
    took_s: float | None
    note: str


@dataclass(frozen=True)
class Progress:
    """What is known after the frames heard so far. `hear` returns the next state and changes nothing."""

    outcome: Outcome = "running"
    revision: int = 1
    done: tuple[StageDone, ...] = ()
    last: datetime | None = None
    """When the stage before answered, by the server's clock."""
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str | None = None

    def hear(self, frame: Frame) -> "Progress":
        """The state after one more frame. A new revision begins again at its first stage."""
        state = self
        if frame.revision > state.revision or frame.event_type == "architecture_edited":
            state = replace(
                state, revision=frame.revision, done=(), outcome="running", last=frame.timestamp
            )
        counts = {**state.counts, frame.event_type: state.counts.get(frame.event_type, 0) + 1}
        state = replace(state, counts=counts)
        if frame.event_type in _OUTCOME:
            reason = frame.payload.get("reason") or frame.payload.get("message")
            return replace(state, outcome=_OUTCOME[frame.event_type], reason=reason)
        stage = stage_of(frame)
        if stage is None:
            return replace(state, last=state.last or frame.timestamp)
        if any(found.stage == stage for found in state.done):
            return state
        took_s = (frame.timestamp - state.last).total_seconds() if state.last else None
        entry = StageDone(stage, took_s, note(frame))
        return replace(state, done=(*state.done, entry), last=frame.timestamp)

    @property
    def current(self) -> Stage | None:
        """The stage that is being worked on; null when the simulation is over."""
        if self.outcome != "running":
            return None
        finished = {entry.stage for entry in self.done}
        return next((stage for stage in STAGES if stage not in finished), None)


def stage_of(frame: Frame) -> Stage | None:
    """By the event's id (`r<revision>.<stage>.<n>`), else by who said it; null for the gateway's own events."""
    parts = frame.event_id.split(".")
    if len(parts) == 3:
        for stage in STAGES:
            if parts[1] == stage:
                return stage
    return _STAGE_OF_SOURCE.get(frame.source)


def note(frame: Frame) -> str:
    """What the stage found, in a few words; empty when its payload does not say."""
    payload = frame.payload
    match frame.event_type:
        case "scenario_interpreted":
            return _reading(_mapping(payload, "interpretation"))
        case "architecture_planned":
            return _network(_mapping(payload, "network"))
        case "tools_mapped":
            return count(len(_list(_mapping(payload, "network"), "tools")), "tool")
        case "failures_selected":
            return _failures(payload.get("failures"))
        case _:
            return ""


def stage_line(entry: StageDone) -> Text:
    """One finished stage, for screens and pipes alike."""
    took = "" if entry.took_s is None else duration(entry.took_s)
    return Text.assemble(
        ("✓ ", "green"),
        f"{TITLES[entry.stage]:<25}",
        (f"{took:>7}  ", "dim"),
        shorten(entry.note, 100),
    )


@dataclass(frozen=True)
class ProgressView:
    """Finished stages, a spinner on the current one, the rest waiting. For a live screen."""

    state: Progress
    spinner: Spinner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from (line(entry, options.max_width) for entry in self.state.done)
        current = self.state.current
        if current:
            row = Table.grid(padding=(0, 1, 0, 0))
            row.add_row(self.spinner, Text(f"{TITLES[current]}…", style="bold"))
            yield row
        finished = {entry.stage for entry in self.state.done} | {current}
        if self.state.outcome == "running":
            waiting = [TITLES[stage] for stage in STAGES if stage not in finished]
            yield from (Text(f"  {title}", style="dim") for title in waiting)


def line(entry: StageDone, width: int) -> Text:
    """A finished stage on one line of at most `width` columns."""
    text = stage_line(entry)
    text.truncate(width, overflow="ellipsis")
    return text


def _reading(read: Mapping[str, Any]) -> str:
    industry = _mapping(read, "industry").get("name", "")
    steps, questions = len(_list(read, "steps")), len(_list(read, "questions"))
    parts = [str(industry), count(steps, "step")]
    if questions:
        parts.append(count(questions, "open question"))
    return " · ".join(part for part in parts if part)


def _network(network: Mapping[str, Any]) -> str:
    kinds = [agent.get("kind") for agent in _list(network, "agents") if isinstance(agent, dict)]
    people = kinds.count("human")
    parts = [
        str(network.get("pattern", "")).replace("_", " "),
        count(len(kinds) - people, "agent"),
        count(people, "person", "people") if people else "",
    ]
    return " · ".join(part for part in parts if part)


def _failures(plan: Any) -> str:
    if isinstance(plan, Mapping):
        chosen = count(len(_list(plan, "modes")), "failure mode")
        considered = plan.get("considered")
        return f"{chosen} of {considered} considered" if considered else chosen
    return count(len(plan), "failure mode") if isinstance(plan, list) else ""


def _mapping(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(payload: Mapping[str, Any], key: str) -> list[Any]:
    value = payload.get(key)
    return value if isinstance(value, list) else []
