"""Progress of a simulation from the frames heard: which stage is done, how long it took, what it found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from common.contracts.events import STAGES, Stage
from common.contracts.stream import Frame
from simulator_cli.render.units import count, duration, money, share, shorten

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
    reason: str | None = None

    def hear(self, frame: Frame) -> "Progress":
        """The state after one more frame. A new revision begins again at its first stage."""
        state = self
        if frame.revision > state.revision or frame.event_type == "architecture_edited":
            state = replace(
                state, revision=frame.revision, done=(), outcome="running", last=frame.timestamp
            )
        if frame.event_type in _OUTCOME:
            reason = frame.payload.get("reason") or frame.payload.get("message")
            return replace(state, outcome=_OUTCOME[frame.event_type], reason=reason)
        stage = stage_of(frame)
        if stage is None or "progress" in frame.payload:  # of a stage under way: no answer yet
            return replace(state, last=state.last or frame.timestamp)
        if any(found.stage == stage for found in state.done):
            return replace(state, done=tuple(_told(found, stage, frame) for found in state.done))
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


def _told(found: StageDone, stage: Stage, frame: Frame) -> StageDone:
    """A stage says what it found in one of its events, not always in the first."""
    if found.note or found.stage != stage:
        return found
    return replace(found, note=note(frame))


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
    tell = _NOTES.get(frame.event_type)
    return tell(frame.payload) if tell else ""


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
    """A finished stage on one line of at most `width` columns, for screens and pipes alike."""
    took = "" if entry.took_s is None else duration(entry.took_s)
    text = Text.assemble(
        ("✓ ", "green"),
        f"{TITLES[entry.stage]:<25}",
        (f"{took:>7}  ", "dim"),
        shorten(entry.note, 100),
    )
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


def _figures(baseline: Mapping[str, Any]) -> str:
    """p95, success and cost of the baseline, as far as they are known."""
    p95_s = _mapping(_mapping(baseline, "latency_s"), "p95").get("value")
    success = _mapping(baseline, "success").get("value")
    cost_usd = _mapping(baseline, "cost_usd_per_task").get("value")
    parts = []
    if isinstance(p95_s, int | float):
        parts.append(f"p95 {duration(p95_s)}")
    if isinstance(success, int | float):
        parts.append(f"success {share(success)}")
    if parts:
        is_lower_bound = bool(baseline.get("cost_is_lower_bound"))
        parts.append(f"{money(cost_usd, is_lower_bound=is_lower_bound)} per task")
    return " · ".join(parts)


def _tools(network: Mapping[str, Any]) -> str:
    return count(len(_list(network, "tools")), "tool")


def _mapping(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = payload.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(payload: Mapping[str, Any], key: str) -> list[Any]:
    value = payload.get(key)
    return value if isinstance(value, list) else []


_NOTES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "scenario_interpreted": lambda payload: _reading(_mapping(payload, "interpretation")),
    "architecture_planned": lambda payload: _network(_mapping(payload, "network")),
    "tools_mapped": lambda payload: _tools(_mapping(payload, "network")),
    "failures_selected": lambda payload: _failures(payload.get("failures")),
    "observability": lambda payload: _figures(_mapping(_mapping(payload, "run"), "baseline")),
    "narrative": lambda payload: str(payload.get("headline") or ""),
}
