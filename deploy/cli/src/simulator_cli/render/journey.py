"""The sampled task's way through the network as a timeline."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from common.contracts.failures import FailurePlan
from common.contracts.network import Network
from common.contracts.run import JourneyStep
from simulator_cli.render.units import count, duration

MAX_LINES = 18
_MARK = {
    "agent_complete": ("●", "cyan"),
    "tool_used": ("⚙", "magenta"),
    "model_call": ("◆", "blue"),
    "human_wait": ("☻", "yellow"),
    "failure_mode_triggered": ("✗", "bold red"),
    "failure_recovered": ("✓", "bold green"),
}
_WORTH: tuple[frozenset[str], ...] = (
    frozenset({"agent_complete", "human_wait", "failure_mode_triggered", "failure_recovered"}),
    frozenset({"tool_used"}),
    frozenset({"model_call"}),
)
"""What is shown first when not all fits: who worked and what broke, then tools, then model calls."""


@dataclass(frozen=True)
class Journey:
    """A line per step: when, who, how long, and a bar on the task's own clock."""

    steps: tuple[JourneyStep, ...]
    network: Network | None = None
    failures: FailurePlan | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        chosen = chosen_steps(self.steps)
        if not chosen:
            yield Text("No task was sampled.", style="dim")
            return
        names = self._names()
        clock = Clock.of(self.steps, width=max(10, min(40, options.max_width - 56)))
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(justify="right", width=9, no_wrap=True)
        table.add_column(ratio=1)
        table.add_column(justify="right", width=8, no_wrap=True)
        table.add_column(width=clock.width, no_wrap=True)
        working: str | None = None
        for step in chosen:
            agent_id = step.ref if step.kind == "agent_complete" else step.agent_id
            is_continued = agent_id == working and step.kind != "agent_complete"
            table.add_row(*_line(step, names, clock, is_continued=is_continued))
            working = agent_id
        yield table
        left = sum(step.kind in _MARK for step in self.steps) - len(chosen)
        if left > 0:
            yield Text(f"{count(left, 'smaller step')} left out: see the trace.", style="dim")

    def _names(self) -> dict[str, str]:
        names = {agent.id: agent.name for agent in self.network.agents} if self.network else {}
        if self.failures:
            names |= {mode.id: mode.name for mode in self.failures.modes}
        return names


@dataclass(frozen=True, slots=True)
class Clock:
    """Maps simulated seconds to columns of the bar."""

    start_s: float
    end_s: float
    width: int

    @classmethod
    def of(cls, steps: tuple[JourneyStep, ...], *, width: int) -> "Clock":
        return cls(
            start_s=min(step.sim_time_s for step in steps),
            end_s=max(began_s(step) + (step.duration_s or 0.0) for step in steps),
            width=width,
        )

    def bar(self, begin_s: float, end_s: float) -> str:
        """Blanks up to the beginning, then at least one mark."""
        span = (self.end_s - self.start_s) or 1.0
        first = min(self.width - 1, int((begin_s - self.start_s) / span * self.width))
        last = min(self.width, max(first + 1, round((end_s - self.start_s) / span * self.width)))
        return " " * first + "━" * (last - first)


def chosen_steps(steps: tuple[JourneyStep, ...], limit: int = MAX_LINES) -> tuple[JourneyStep, ...]:
    """The steps worth a line, at most `limit`, in the order in which they began."""
    chosen: list[JourneyStep] = []
    for kinds in _WORTH:
        fitting = [step for step in steps if step.kind in kinds]
        if len(chosen) + len(fitting) > limit:
            chosen += fitting[: limit - len(chosen)] if not chosen else []
            break
        chosen += fitting
    return tuple(sorted(chosen, key=_order))


def _order(step: JourneyStep) -> tuple[float, bool, int]:
    """By beginning; an agent stands before what it did, though its completion is told after."""
    return began_s(step), step.kind != "agent_complete", step.index


def began_s(step: JourneyStep) -> float:
    """When the step began: an `agent_complete` is told at its end, all others at their beginning."""
    if step.kind == "agent_complete" and step.duration_s is not None:
        return step.sim_time_s - step.duration_s
    return step.sim_time_s


def _line(
    step: JourneyStep, names: dict[str, str], clock: Clock, *, is_continued: bool
) -> tuple[str, Text, str, Text]:
    """`is_continued`: the line above is about the same agent, which need not be named again."""
    mark, style = _MARK[step.kind]
    begin_s = began_s(step)
    end_s = begin_s + (step.duration_s or 0.0)
    if step.status != "ok":
        style = "bold red"
    return (
        duration(begin_s - clock.start_s),
        Text.assemble(
            "  " if is_continued else "",
            (f"{mark} ", style),
            _what(step, names, with_agent=not is_continued),
        ),
        "" if step.duration_s is None else duration(step.duration_s),
        Text(clock.bar(begin_s, end_s), style=style),
    )


def _what(step: JourneyStep, names: dict[str, str], *, with_agent: bool) -> str:
    text = names.get(step.ref, step.ref)
    agent = names.get(step.agent_id, step.agent_id) if step.agent_id else None
    if with_agent and agent and agent != text:
        text += f" ({agent})"
    if step.kind == "human_wait":
        text += " decides"
    if step.attempt > 1:
        text += f", attempt {step.attempt}"
    is_plain = step.status == "ok" or step.kind == "failure_mode_triggered"
    return text if is_plain else f"{text}: {step.status}"
