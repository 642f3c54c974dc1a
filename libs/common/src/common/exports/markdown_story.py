"""The words of the report: summary, story with its sources, alerts, assumptions, questions, method."""

from common.contracts.report import Report
from common.exports.escaping import code, markdown_block
from common.exports.escaping import markdown as safe
from common.exports.markdown_run import name_of
from common.exports.markdown_table import blocks, bullets, table
from common.exports.numbers import UNKNOWN, changed, with_band


def summary(report: Report) -> str:
    """Five lines that stand alone."""
    headline = f"**{safe(report.narrative.headline)}.**" if report.narrative else ""
    lines = [*_network_line(report), *_run_lines(report)]
    return blocks("## In short", headline, bullets(lines)) if headline or lines else ""


def _network_line(report: Report) -> list[str]:
    network = report.network
    if network is None:
        return []
    people = sum(agent.kind == "human" for agent in network.agents)
    crew = f"{len(network.agents) - people} agents" + (
        f" and {people} {'person' if people == 1 else 'people'}" if people else ""
    )
    return [f"**Design:** {network.pattern.replace('_', ' ')}, {crew}, {len(network.tools)} tools."]


def _run_lines(report: Report) -> list[str]:
    run = report.run
    if run is None:
        return []
    base = run.baseline
    least = "at least " if base.cost_is_lower_bound and base.cost_usd_per_task else ""
    lines = [
        f"**Good outcomes:** {with_band(base.success, 'share')} without failures"
        + (
            f", {with_band(run.all_failures.figures.success, 'share')} with all of them."
            if run.all_failures
            else "."
        ),
        f"**Time:** {with_band(base.latency_s.p50, 'seconds')} in the middle, "
        f"{with_band(base.latency_s.p95, 'seconds')} for the slowest in twenty.",
        f"**Money:** {least}{with_band(base.cost_usd_per_task, 'usd')} per task, "
        f"{least}{with_band(base.cost_usd_per_month, 'usd')} per month."
        if base.cost_usd_per_task
        else f"**Money:** {UNKNOWN}, because a price is missing.",
    ]
    if base.bottleneck:
        lines.append(f"**Bottleneck:** {name_of(report.network, base.bottleneck.ref)}.")
    return [*lines, *_worst_and_best(report)]


def _worst_and_best(report: Report) -> list[str]:
    run = report.run
    lines = []
    struck = [o for o in run.failures if o.delta_success] if run else []
    worst = min(
        struck, key=lambda o: o.delta_success.value if o.delta_success else 0.0, default=None
    )
    names = {m.id: m.name for m in report.failures.modes} if report.failures else {}
    if worst and worst.delta_success and worst.delta_success.high < 0:
        name = safe(names.get(worst.failure_id, worst.failure_id))
        lines.append(
            f"**Worst failure:** {name}: {changed(worst.delta_success, 'points')} of good outcomes."
        )
    best = max(run.mitigated, key=lambda m: m.gain_success.value, default=None) if run else None
    if best and best.gain_success.low > 0:
        known = (
            {m.id: m.name for mode in report.failures.modes for m in mode.mitigations}
            if report.failures
            else {}
        )
        what = safe("; ".join(known.get(ref, ref) for ref in best.mitigations))
        lines.append(f"**Best change:** {what}: {changed(best.gain_success, 'points')}.")
    return lines


def story(report: Report) -> str:
    if report.narrative is None:
        return ""
    parts = [
        blocks(f"### {safe(chapter.title)}", markdown_block(chapter.text))
        for chapter in report.narrative.chapters
    ]
    return blocks("## The story of the run", *parts)


def alerts(report: Report) -> str:
    if report.narrative is None:
        return ""
    rows = [
        (
            "**page**" if alert.severity == "page" else "ticket",
            safe(alert.name),
            safe(alert.condition),
            safe(alert.metric) if " " in alert.metric else code(alert.metric),
            safe(alert.reason),
        )
        for alert in report.narrative.alerts
    ]
    text = table(("Urgency", "Alert", "When", "Signal", "Why"), rows)
    return blocks("## What to be woken up for", text) if text else ""


def open_points(report: Report) -> str:
    """Assumptions and questions of all stages, each once."""
    assumptions: dict[str, None] = {}
    questions: dict[str, None] = {}
    for part in (report.interpretation, report.network):
        if part is not None:
            assumptions |= dict.fromkeys(
                f"{safe(a.text)}" + (f" — {safe(a.why)}" if a.why else "") for a in part.assumptions
            )
            questions |= dict.fromkeys(
                f"{safe(q.text)}" + (f" *({safe(q.why)})*" if q.why else "") for q in part.questions
            )
    if report.run:
        assumptions |= dict.fromkeys(safe(text) for text in report.run.assumptions)
    return blocks(
        blocks("## Assumptions", bullets(assumptions)) if assumptions else "",
        blocks("## Open questions", bullets(questions)) if questions else "",
    )


def method(report: Report) -> str:
    lines = []
    for stage, by in report.provenance.items():
        who = f"{by.provider or ''} {by.model or ''}".strip() if by.engine == "llm" else "rules"
        why = f" ({safe(by.fallback_reason)})" if by.fallback_reason else ""
        lines.append(f"{safe(stage)}: {safe(by.agent or 'unknown')}, {safe(who or by.engine)}{why}")
    if report.run:
        lines.append(
            f"engine version {safe(report.run.engine_version)}, seed {report.run.seed}: "
            "the same seed gives the same figures"
        )
    if report.failures and report.failures.left_out:
        lines.append(
            f"{report.failures.considered} failures at places of this network were considered, "
            f"{len(report.failures.modes)} were injected"
        )
    return blocks("## How this was made", bullets(lines)) if lines else ""


def sources(report: Report) -> str:
    """Where each figure of the story stands, for whoever checks it."""
    if report.narrative is None:
        return ""
    rows = [
        (safe(chapter.title), safe(c.text), code(c.event_id), code(c.path))
        for chapter in report.narrative.chapters
        for c in chapter.citations
    ]
    text = table(("Chapter", "Figure", "Event", "Path in its payload"), rows)
    if not text:
        return ""
    return blocks("<details><summary>Where the story's figures stand</summary>", text, "</details>")
