"""Sentences about a run: its bottleneck, where time goes, how tasks end, what the figures depend on."""

from rich.console import Group, RenderableType
from rich.text import Text

from common.contracts.run import RunResult, Sensitivity
from simulator_cli.render.tables import hanging
from simulator_cli.render.units import count, duration, money, number, share

MAX_SENSITIVITIES = 3
MIN_SHARE_OF_TIME = 0.005
"""Causes that take less of a mean task's time are left out."""


def bottleneck(run: RunResult, names: dict[str, str]) -> Text | None:
    """What fills first, and what relieving it would gain and cost."""
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


def time_spent(run: RunResult) -> Text | None:
    """Where the seconds of a mean task go, the largest first, crumbs left out."""
    parts = sorted(run.baseline.time_lost_s.items(), key=lambda item: -item[1])
    least_s = MIN_SHARE_OF_TIME * sum(run.baseline.time_lost_s.values())
    shown = [f"{cause} {duration(s)}" for cause, s in parts if s > 0 and s >= least_s]
    if not shown:
        return None
    return Text.assemble(("Time of a mean task ", "bold"), ", ".join(shown), ".")


def outcomes(run: RunResult) -> Text | None:
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


def sensitivity(run: RunResult) -> RenderableType | None:
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


def conditions(run: RunResult) -> Text:
    """What the figures hold for, so that they can be had again."""
    parts = [
        f"{count(run.tasks, 'task')} × {count(run.replications, 'replication')}, seed {run.seed}, "
        f"{number(run.arrival_rate_per_min, 2)} tasks/min ({run.arrival_rate_source}); "
        "brackets are 95 % intervals; differences are to the baseline, "
        "gains of mitigations to the run with the same failures."
    ]
    law = run.baseline.littles_law
    if law is not None:
        verdict = "holds" if law.holds else "does NOT hold"
        parts.append(f"Little's law {verdict} (off by {share(abs(law.relative_error))}).")
    return Text(" ".join(parts), style="dim")
