"""What single failures do to the run and what mitigations win back, each against its paired run."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.contracts.failures import FailurePlan
from common.contracts.run import FailureOutcome, MitigationOutcome, RunResult
from common.contracts.values import Band
from simulator_cli.render.tables import bare_table
from simulator_cli.render.units import (
    UNKNOWN,
    count,
    duration,
    money,
    points,
    share,
    shorten,
    signed,
)

NONE_HIT = "—"
"""There is nothing to recover or detect in a run that the failure did not hit."""


def best_mitigation(run: RunResult) -> MitigationOutcome | None:
    """The set against the most failures; among equals the one that gains the most success."""
    return max(
        run.mitigated, key=lambda m: (len(m.failure_ids), m.gain_success.value), default=None
    )


def impacts(run: RunResult, failures: FailurePlan | None) -> Table:
    """Each failure injected alone, against the paired run without it."""
    names = {mode.id: mode.name for mode in failures.modes} if failures else {}
    table = bare_table()
    table.add_column("Failure injected alone", ratio=1)
    for title in ("tasks hit", "success", "p95", "recovered", "detected"):
        table.add_column(title, justify="right", min_width=9, no_wrap=True)
    for outcome in run.failures:
        table.add_row(
            Text(names.get(outcome.failure_id, outcome.failure_id)),
            share(outcome.tasks_hit),
            points(outcome.delta_success.value) if outcome.delta_success else UNKNOWN,
            _difference(outcome.delta_latency_p95_s, duration),
            share(outcome.recovered_share) if outcome.tasks_hit else NONE_HIT,
            _detected(outcome),
        )
    return table


def gains(run: RunResult, failures: FailurePlan | None) -> RenderableType:
    """Each mitigation that helps, and the best set, against the same run without it."""
    names = {mode.id: mode.name for mode in failures.modes} if failures else {}
    best = best_mitigation(run)
    helpful = [m for m in run.mitigated if m.gain_success.value > 0 or m == best]
    table = bare_table()
    table.add_column("Mitigation", ratio=1)
    for title in ("success", "p95", "per task"):
        table.add_column(title, justify="right", min_width=9, no_wrap=True)
    for outcome in sorted(helpful, key=lambda m: -m.gain_success.value):
        table.add_row(
            Text.assemble(shorten(outcome.name, 100), (_against(outcome, names), "dim")),
            points(outcome.gain_success.value),
            _difference(outcome.delta_latency_p95_s, duration),
            _difference(outcome.delta_cost_usd_per_task, money),
        )
    left = len(run.mitigated) - len(helpful)
    if not left:
        return table
    return Group(table, Text(f"{count(left, 'other')} gained no success.", style="dim"))


def _against(outcome: MitigationOutcome, names: dict[str, str]) -> str:
    if len(outcome.failure_ids) != 1:
        return f" (against {count(len(outcome.failure_ids), 'failure')})"
    return f" (against {names.get(outcome.failure_ids[0], outcome.failure_ids[0])})"


def _detected(outcome: FailureOutcome) -> str:
    """Mean time until it is noticed; a mode that nothing detects says so."""
    if not outcome.tasks_hit:
        return NONE_HIT
    if outcome.time_to_detect_s is not None:
        return duration(outcome.time_to_detect_s.value)
    return "never" if outcome.detected_share == 0 else UNKNOWN


def _difference(band: Band | None, unit: Callable[[float], str]) -> str:
    return UNKNOWN if band is None else signed(band.value, unit)
