"""The run in tables: figures with bands, failures ranked, mitigations with gain and price, sensitivity."""

from common.contracts.failures import FailureMode
from common.contracts.network import Network
from common.contracts.report import Report
from common.contracts.run import FailureOutcome, Figures
from common.exports.assumptions import assumption
from common.exports.escaping import code
from common.exports.escaping import markdown as safe
from common.exports.markdown_table import blocks, bullets, table
from common.exports.numbers import UNKNOWN, Form, changed, with_band, written

_TOP_DETAILS = 5
_STAGED = " Runs marked † contain one incident on purpose, so that its damage shows; weigh it by how seldom one comes."


def name_of(network: Network | None, ref: str) -> str:
    """An agent's name where there is one, `A → B` of an edge, else the ref."""
    if "->" in ref:
        source, _, target = ref.partition("->")
        return f"{name_of(network, source)} → {name_of(network, target)}"
    agents = network.agents if network else ()
    return safe(next((a.name for a in agents if a.id == ref), ref))


def figures(report: Report) -> str:
    run = report.run
    if run is None:
        return ""
    base = run.baseline
    last = run.all_failures.figures if run.all_failures else None
    rows = [(label, *cells) for label, *cells in _headline_rows(base, last)]
    head = ["Figure", "Without failures"] + (["With all failures"] if last else [])
    return blocks(
        "## The figures",
        f"{run.replications} replications of a seeded simulation (seed {run.seed}, {run.tasks} tasks, "
        f"{written(run.arrival_rate_per_min, 'number')} per minute: {safe(run.arrival_rate_source)}). "
        "In brackets the 95 % confidence interval.",
        table(head, rows),
        _per_agent(report.network, base),
        _time(base),
        _bottleneck(report.network, base),
        _check(base),
    )


def _headline_rows(base: Figures, last: Figures | None) -> list[list[str]]:
    columns = [base] + ([last] if last else [])
    return [
        ["Tasks that end well", *(with_band(f.success, "share") for f in columns)],
        ["Time, median", *(with_band(f.latency_s.p50, "seconds") for f in columns)],
        [
            "Time, slowest in twenty (p95)",
            *(with_band(f.latency_s.p95, "seconds") for f in columns),
        ],
        [
            "Time, slowest in a hundred (p99)",
            *(with_band(f.latency_s.p99, "seconds") for f in columns),
        ],
        ["Throughput per minute", *(with_band(f.throughput_per_min, "number") for f in columns)],
        ["Cost per task", *(_cost(f, monthly=False) for f in columns)],
        ["Cost per month", *(_cost(f, monthly=True) for f in columns)],
        ["Tokens per task, in / out", *(_tokens(f) for f in columns)],
        ["Outcomes", *(_outcomes(f) for f in columns)],
    ]


def _cost(f: Figures, *, monthly: bool) -> str:
    band = f.cost_usd_per_month if monthly else f.cost_usd_per_task
    text = with_band(band, "usd")
    return f"at least {text}" if f.cost_is_lower_bound and band else text


def _tokens(f: Figures) -> str:
    return f"{written(f.tokens_in_per_task, 'count')} / {written(f.tokens_out_per_task, 'count')}"


def _outcomes(f: Figures) -> str:
    return ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in f.outcomes.items() if count
    )


def _per_agent(network: Network | None, base: Figures) -> str:
    rows = [
        (
            name_of(network, f.agent_id),
            with_band(f.utilisation, "share"),
            written(f.queue_mean, "number"),
            written(f.wait_s_mean, "seconds"),
            written(f.service_s_mean, "seconds"),
            written(f.visits_per_task, "number"),
            UNKNOWN if f.cost_usd_per_task is None else written(f.cost_usd_per_task, "usd"),
        )
        for f in base.agents
    ]
    head = (
        "Agent",
        "Busy",
        "In line",
        "Wait",
        "Work per visit",
        "Visits per task",
        "Cost per task",
    )
    return table(head, rows)


def _time(base: Figures) -> str:
    lost = [
        (c, s) for c, s in sorted(base.time_lost_s.items(), key=lambda i: (-i[1], i[0])) if s > 0
    ]
    if not lost:
        return ""
    text = ", ".join(f"{cause} {written(seconds, 'seconds')}" for cause, seconds in lost)
    return f"**Where a task's time goes, on average:** {text}."


def _bottleneck(network: Network | None, base: Figures) -> str:
    limit = base.bottleneck
    if limit is None:
        return ""
    text = f"**Bottleneck:** {name_of(network, limit.ref)}, {safe(limit.reason).rstrip('.')}."
    if not limit.relief:
        return text
    text += f" Relief: {safe(limit.relief).rstrip('.')}"
    if limit.latency_p95_gain_s is not None:
        text += f", which takes {written(limit.latency_p95_gain_s, 'seconds')} off p95"
    return f"{text}; {_price(limit.cost_usd_per_month)}."


def _price(usd_per_month: float | None) -> str:
    if usd_per_month is None:
        return "its price is not known"
    if usd_per_month == 0:
        return "no extra price, because agents are paid by the call"
    return f"price {written(usd_per_month, 'usd')} a month"


def _check(base: Figures) -> str:
    law = base.littles_law
    if law is None:
        return ""
    if not law.holds:
        return (
            f"**Little's law does not hold** (relative error {written(law.relative_error, 'share')}): "
            "do not trust these figures."
        )
    return "Little's law (L = λW) holds on this run, so tasks, times and queues add up."


def failures(report: Report) -> str:
    plan = report.failures
    if plan is None:
        return ""
    if not plan.modes:
        return blocks("## What can go wrong", "No failure was injected into this run.")
    outcomes = {o.failure_id: o for o in report.run.failures} if report.run else {}
    rows = [
        _failure_row(n, mode, outcomes.get(mode.id), report.network)
        for n, mode in enumerate(plan.modes, 1)
    ]
    head = (
        "#", "Failure", "Where", "Simulated rate", "S·O·D = risk",
        "Tasks hit", "Good outcomes", "Slow end (p95)", "Noticed",
    )  # fmt: skip
    return blocks(
        "## What can go wrong",
        "Ranked by risk priority: severity × occurrence × detection, each from 1 to 10 (10 is worst). "
        "Rates marked * are assumptions; the order is sounder than the size."
        + (_STAGED if any(mode.effect == "outage" for mode in plan.modes) else ""),
        table(head, rows, right=(0,)),
        "### The worst in detail",
        *(_detail(mode) for mode in plan.modes[:_TOP_DETAILS]),
    )


def _failure_row(
    rank: int, mode: FailureMode, outcome: FailureOutcome | None, network: Network | None
) -> tuple[str, ...]:
    places = ", ".join(dict.fromkeys(name_of(network, t.ref) for t in mode.targets))
    mark = r"\*" if mode.likelihood.is_assumed else ""
    rate = f"{written(mode.likelihood.simulated_per_opportunity, 'share')}{mark}"
    risk = f"{mode.severity}·{mode.occurrence}·{mode.detection} = {mode.risk_priority}"
    if outcome is None:
        return (str(rank), safe(mode.name), places, rate, risk, "–", "–", "–", "–")
    if outcome.tasks_hit == 0:
        return (str(rank), safe(mode.name), places, rate, risk, "too rare to strike", "–", "–", "–")
    seen = outcome.detected_share
    return (
        str(rank),
        safe(mode.name),
        places,
        rate,
        risk,
        written(outcome.tasks_hit, "share") + (" †" if mode.effect == "outage" else ""),
        changed(outcome.delta_success, "points"),
        changed(outcome.delta_latency_p95_s, "seconds"),
        "–" if seen is None else written(seen, "share"),
    )


def _detail(mode: FailureMode) -> str:
    published = ""
    if mode.likelihood.value is not None:
        basis = mode.likelihood.basis.replace("_", " ")
        form: Form = "number" if mode.likelihood.basis == "per_hour" else "share"
        published = f"published {written(mode.likelihood.value, form)} {basis}; "
    lines = [
        f"*Why here:* {safe(mode.reason)}",
        f"*Set off by:* {safe(mode.trigger)}",
        f"*You would see:* {safe(mode.detection_signal)}",
        f"*What helps:* {safe('; '.join(m.name for m in mode.mitigations))}",
        f"*Rate:* {published}{safe(mode.likelihood.source)}",
    ]
    heading = f"**{safe(mode.name)}** ({safe(mode.mode_id)}, {safe(mode.taxonomy)}) — {safe(mode.description)}"
    return blocks(heading, bullets(lines))


def mitigations(report: Report) -> str:
    if report.run is None or not report.run.mitigated:
        return ""
    modes = {m.id: m for m in report.failures.modes} if report.failures else {}
    known = {m.id: m.name for mode in modes.values() for m in mode.mitigations}
    rows = [
        (
            safe("; ".join(known.get(ref, ref) for ref in tried.mitigations)),
            safe(", ".join(modes[ref].name if ref in modes else ref for ref in tried.failure_ids)),
            with_band(tried.figures.success, "share"),
            changed(tried.gain_success, "points"),
            changed(tried.delta_latency_p95_s, "seconds"),
            changed(tried.delta_cost_usd_per_task, "usd"),
        )
        for tried in sorted(report.run.mitigated, key=lambda m: -m.gain_success.value)
    ]
    head = ("What is done", "Against", "Then end well", "Gain", "Slow end (p95)", "Cost per task")
    return blocks(
        "## What helps, and what it costs",
        "Each row is a run with the failure and its mitigation against the run with the failure alone, "
        "with the same random numbers. A gain whose interval includes 0 may be chance.",
        table(head, rows),
    )


def sensitivity(report: Report) -> str:
    if report.run is None or not report.run.sensitivity:
        return ""
    rows = [
        (
            f"{safe(assumption(s.parameter))} ({code(s.parameter)})",
            f"{written(s.low, 'number')} … {written(s.high, 'number')}",
            f"{written(s.success_low, 'share')} … {written(s.success_high, 'share')}",
            f"{written(s.latency_p95_low_s, 'seconds')} … {written(s.latency_p95_high_s, 'seconds')}",
        )
        for s in report.run.sensitivity
    ]
    return blocks(
        "## Which assumptions move the result",
        "Measure these first; everything else matters less.",
        table(("Assumption", "From … to", "Tasks that end well", "Slow end (p95)"), rows),
    )
