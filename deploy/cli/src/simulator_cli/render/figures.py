"""The run's figures on one page: baseline, with all failures, with mitigations; then load, remarks and effects."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.contracts.failures import FailurePlan
from common.contracts.network import Network
from common.contracts.run import Figures, RunResult
from common.contracts.values import Band
from simulator_cli.render.effects import best_mitigation, gains, impacts
from simulator_cli.render.load import utilisation
from simulator_cli.render.remarks import bottleneck, conditions, outcomes, sensitivity, time_spent
from simulator_cli.render.tables import bare_table
from simulator_cli.render.units import (
    duration,
    duration_band,
    money,
    money_band,
    number,
    points,
    share_band,
    signed,
)

type Row = tuple[str, Callable[[Figures], str], Callable[[Figures, Figures], str] | None]


def figures_view(
    run: RunResult, network: Network | None, failures: FailurePlan | None
) -> RenderableType:
    """All that the run measured, most wanted first."""
    names = {agent.id: agent.name for agent in network.agents} if network else {}
    parts: list[RenderableType] = [comparison(run)]
    if run.baseline.agents:
        parts.append(utilisation(run.baseline.agents, names))
    remarks = (bottleneck(run, names), time_spent(run), outcomes(run), sensitivity(run))
    parts += [line for line in remarks if line is not None]
    if run.failures:
        parts.append(impacts(run, failures))
    if run.mitigated:
        parts.append(gains(run, failures))
    parts.append(conditions(run))
    return Group(*parts)


def comparison(run: RunResult) -> Table:
    """Latency, success and cost side by side, with the differences to the baseline."""
    mitigated = best_mitigation(run)
    shown = [("baseline", run.baseline)]
    if run.all_failures:
        shown.append(("with failures", run.all_failures.figures))
    if mitigated:
        shown.append(("with mitigations", mitigated.figures))
    table = bare_table()
    table.add_column("", style="bold", min_width=10)
    for title, _ in shown:
        table.add_column(title, ratio=1, justify="right")
    for label, value, delta in _rows():
        cells = [Text(value(run.baseline))]
        cells += [_cell(figures, run.baseline, value, delta) for _, figures in shown[1:]]
        table.add_row(label, *cells)
    return table


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
