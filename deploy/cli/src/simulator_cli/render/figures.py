"""The run's figures: baseline, with all failures, with the mitigations; load per agent; what struck hardest."""

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.contracts.failures import FailurePlan
from common.contracts.network import Network
from common.contracts.run import (
    AgentFigures,
    FailureOutcome,
    Figures,
    MitigationOutcome,
    RunResult,
    Sensitivity,
)
from common.contracts.values import Band
from simulator_cli.render.lists import hanging
from simulator_cli.render.units import (
    UNKNOWN,
    count,
    duration,
    duration_band,
    money,
    money_band,
    number,
    points,
    share,
    share_band,
    shorten,
    signed,
)

BAR_WIDTH = 20
MAX_SENSITIVITIES = 3
NONE_HIT = "—"
"""There is nothing to recover or detect in a run that the failure did not hit."""
MIN_SHARE_OF_TIME = 0.005
_FULL = "█"
_EMPTY = "░"

type Row = tuple[str, Callable[[Figures], str], Callable[[Figures, Figures], str] | None]


def figures_view(
    run: RunResult, network: Network | None, failures: FailurePlan | None
) -> RenderableType:
    """All that the run measured, most wanted first."""
    names = {agent.id: agent.name for agent in network.agents} if network else {}
    parts: list[RenderableType] = [comparison(run)]
    if run.baseline.agents:
        parts.append(utilisation(run.baseline.agents, names))
    remarks = (_bottleneck(run, names), _time_lost(run), _outcomes(run), _sensitivity(run))
    parts += [line for line in remarks if line is not None]
    if run.failures:
        parts.append(impacts(run, failures))
    if run.mitigated:
        parts.append(gains(run, failures))
    parts.append(_conditions(run))
    return Group(*parts)


def best_mitigation(run: RunResult) -> MitigationOutcome | None:
    """The set against the most failures; among equals the one that gains the most success."""
    return max(
        run.mitigated, key=lambda m: (len(m.failure_ids), m.gain_success.value), default=None
    )


def comparison(run: RunResult) -> Table:
    """Latency, success and cost side by side, with the differences to the baseline."""
    mitigated = best_mitigation(run)
    shown = [("baseline", run.baseline)]
    if run.all_failures:
        shown.append(("with failures", run.all_failures.figures))
    if mitigated:
        shown.append(("with mitigations", mitigated.figures))
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", style="bold", min_width=10)
    for title, _ in shown:
        table.add_column(title, ratio=1, justify="right")
    for label, value, delta in _rows():
        cells = [Text(value(run.baseline))]
        cells += [_cell(figures, run.baseline, value, delta) for _, figures in shown[1:]]
        table.add_row(label, *cells)
    return table


def utilisation(agents: Sequence[AgentFigures], names: dict[str, str]) -> Table:
    """One bar per agent: the share of its servers that are busy."""
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Busy in the baseline", ratio=1)
    table.add_column("", width=BAR_WIDTH, no_wrap=True)
    table.add_column("", justify="right", min_width=6, no_wrap=True)
    table.add_column("wait p95", justify="right", min_width=8, no_wrap=True)
    table.add_column("per task", justify="right", min_width=8, no_wrap=True)
    for agent in agents:
        table.add_row(
            Text(names.get(agent.agent_id, agent.agent_id)),
            bar(agent.utilisation.value),
            share(agent.utilisation.value),
            duration(agent.wait_s_p95),
            money(agent.cost_usd_per_task),
        )
    return table


def bar(value: float, width: int = BAR_WIDTH) -> Text:
    """A share as a bar: green, yellow from 60 %, red from 85 % (where queues begin to explode)."""
    filled = min(width, max(0, round(value * width)))
    if value > 0 and filled == 0:
        filled = 1
    style = "red" if value >= 0.85 else "yellow" if value >= 0.6 else "green"
    return Text.assemble((_FULL * filled, style), (_EMPTY * (width - filled), "dim"))


def impacts(run: RunResult, failures: FailurePlan | None) -> Table:
    """Each failure injected alone, against the paired run without it."""
    names = {mode.id: mode.name for mode in failures.modes} if failures else {}
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
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
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
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


def _rows() -> tuple[Row, ...]:
    return (
        ("p50", lambda f: duration_band(f.latency_s.p50), _seconds(lambda f: f.latency_s.p50)),
        ("p95", lambda f: duration_band(f.latency_s.p95), _seconds(lambda f: f.latency_s.p95)),
        ("p99", lambda f: duration_band(f.latency_s.p99), _seconds(lambda f: f.latency_s.p99)),
        (
            "success",
            lambda f: share_band(f.success),
            lambda f, base: points(f.success.value - base.success.value),
        ),
        ("cost/task", _cost_per_task, _dollars),
        (
            "cost/month",
            lambda f: money(_value(f.cost_usd_per_month), is_lower_bound=f.cost_is_lower_bound),
            None,
        ),
        ("tasks/min", lambda f: number(f.throughput_per_min.value, 2), None),
        (
            "tokens/task",
            lambda f: f"{number(f.tokens_in_per_task)} in, {number(f.tokens_out_per_task)} out",
            None,
        ),
    )


def _seconds(pick: Callable[[Figures], Band]) -> Callable[[Figures, Figures], str]:
    return lambda figures, base: signed(pick(figures).value - pick(base).value, duration)


def _cost_per_task(figures: Figures) -> str:
    return money_band(figures.cost_usd_per_task, is_lower_bound=figures.cost_is_lower_bound)


def _dollars(figures: Figures, base: Figures) -> str:
    """No difference is stated when one of the two costs is not known."""
    if figures.cost_usd_per_task is None or base.cost_usd_per_task is None:
        return ""
    return signed(figures.cost_usd_per_task.value - base.cost_usd_per_task.value, money)


def _value(band: Band | None) -> float | None:
    return None if band is None else band.value


def _cell(
    figures: Figures,
    base: Figures,
    value: Callable[[Figures], str],
    delta: Callable[[Figures, Figures], str] | None,
) -> Text:
    change = delta(figures, base) if delta else ""
    text = Text(value(figures))
    if change:
        text.append(f"\n{change}", style="dim")
    return text


def _difference(band: Band | None, unit: Callable[[float], str]) -> str:
    return UNKNOWN if band is None else signed(band.value, unit)


def _bottleneck(run: RunResult, names: dict[str, str]) -> Text | None:
    found = run.baseline.bottleneck
    if found is None:
        return None
    text = Text.assemble(
        ("Bottleneck ", "bold"),
        (names.get(found.ref, found.ref), "bold red"),
        f": {found.reason.rstrip('.')}.",
    )
    gain = found.latency_p95_gain_s
    if found.relief:
        text.append(f" {found.relief}", style="green")
        if gain is not None and gain > 0:
            text.append(f" would take {duration(gain)} off the p95", style="green")
        elif gain is not None:
            text.append(" would not shorten the p95", style="green")
        text.append(f", cost per month {money(found.cost_usd_per_month)}.", style="green")
    return text


def _time_lost(run: RunResult) -> Text | None:
    """Where the seconds of a mean task go, the largest first, crumbs left out."""
    parts = sorted(run.baseline.time_lost_s.items(), key=lambda item: -item[1])
    least_s = MIN_SHARE_OF_TIME * sum(run.baseline.time_lost_s.values())
    shown = [f"{cause} {duration(s)}" for cause, s in parts if s > 0 and s >= least_s]
    if not shown:
        return None
    return Text.assemble(("Time of a mean task ", "bold"), ", ".join(shown), ".")


def _outcomes(run: RunResult) -> Text | None:
    """How the tasks ended, in the baseline and with all failures."""
    shown = [("baseline", run.baseline)]
    if run.all_failures:
        shown.append(("with failures", run.all_failures.figures))
    told = [
        f"{title}: {', '.join(f'{name} {n:,}' for name, n in figures.outcomes.items() if n)}"
        for title, figures in shown
        if figures.outcomes
    ]
    return Text.assemble(("Tasks ended ", "bold"), "; ".join(told), ".") if told else None


def _sensitivity(run: RunResult) -> RenderableType | None:
    """The assumptions that move the result most, and what they move."""
    widest = sorted(run.sensitivity, key=lambda item: -item.swing)[:MAX_SENSITIVITIES]
    rows = [("·", Text(f"{item.parameter} {_moves(item)}")) for item in widest]
    return Group(Text("Most sensitive to", style="bold"), hanging(rows)) if rows else None


def _moves(item: Sensitivity) -> str:
    """`0.5 → 2: success 96 % → 80 %`; what stays the same is left out."""
    effects = (
        ("p95", duration(item.latency_p95_low_s), duration(item.latency_p95_high_s)),
        ("success", share(item.success_low), share(item.success_high)),
    )
    told = ", ".join(f"{what} {low} → {high}" for what, low, high in effects if low != high)
    return f"{number(item.low)} → {number(item.high)}: {told or 'no visible change'}"


def _detected(outcome: FailureOutcome) -> str:
    """Mean time until it is noticed; a mode that nothing detects says so."""
    if not outcome.tasks_hit:
        return NONE_HIT
    if outcome.time_to_detect_s is not None:
        return duration(outcome.time_to_detect_s.value)
    return "never" if outcome.detected_share == 0 else UNKNOWN


def _conditions(run: RunResult) -> Text:
    """What the figures hold for, so that they can be had again."""
    parts = [
        f"{count(run.tasks, 'task')} × {count(run.replications, 'replication')}, seed {run.seed}, "
        f"{number(run.arrival_rate_per_min, 2)} tasks/min ({run.arrival_rate_source}); "
        "brackets are 95 % intervals, differences are to the baseline."
    ]
    law = run.baseline.littles_law
    if law is not None:
        verdict = "holds" if law.holds else "does NOT hold"
        parts.append(f"Little's law {verdict} (off by {share(abs(law.relative_error))}).")
    return Text(" ".join(parts), style="dim")
