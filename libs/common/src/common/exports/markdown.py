"""The report a person sends on: summary, network, figures, failures, mitigations, story, assumptions."""

from common.contracts.network import Alternative, Network
from common.contracts.report import Report
from common.exports.escaping import code, markdown_block
from common.exports.escaping import markdown as safe
from common.exports.markdown_run import failures, figures, mitigations, sensitivity
from common.exports.markdown_story import alerts, method, open_points, sources, story, summary
from common.exports.markdown_table import blocks, table
from common.exports.mermaid import flowchart
from common.exports.numbers import UNKNOWN, with_band

_FENCE = "```"


def export_markdown(report: Report) -> str:
    """Whatever is known so far; sections whose stage is not accepted yet are left out and named at the top."""
    parts = [
        _head(report),
        summary(report),
        _scenario(report),
        _network(report.network) if report.network else "",
        figures(report),
        failures(report),
        mitigations(report),
        sensitivity(report),
        story(report),
        alerts(report),
        open_points(report),
        method(report),
        sources(report),
    ]
    return blocks(*parts) + "\n"


def _head(report: Report) -> str:
    line = (
        f"Rehearsal of an agent network before it is built · simulation `{report.simulation_id}` · "
        f"revision {report.revision} · {report.status} · {report.created_at:%Y-%m-%d %H:%M} UTC"
    )
    missing = [
        name
        for name, part in (
            ("the network", report.network),
            ("the failures", report.failures),
            ("the run", report.run),
            ("the story", report.narrative),
        )
        if part is None
    ]
    note = f"**Not there yet:** {', '.join(missing)}." if missing else ""
    return blocks(f"# {safe(report.title)}", line, note)


def _scenario(report: Report) -> str:
    paragraphs = [p for p in report.scenario_text.splitlines() if p.strip()]
    quoted = "\n>\n".join(f"> {markdown_block(p)}" for p in paragraphs)
    told = " ".join(report.scenario_text.split())
    goal = report.interpretation.goal.name if report.interpretation else ""
    is_new = bool(goal) and " ".join(goal.split()).rstrip(".") not in told
    goal = f"**Goal as understood:** {safe(goal)}" if is_new else ""
    return blocks("## The scenario", quoted, goal)


def _network(network: Network) -> str:
    return blocks(
        "## The network",
        f"**Pattern: {network.pattern.replace('_', ' ')}.** {safe(network.pattern_reason)}",
        f"{_FENCE}mermaid\n{flowchart(network)}{_FENCE}",
        _agents(network),
        _tools(network),
        _alternatives(network.alternatives),
    )


def _agents(network: Network) -> str:
    rows = [
        (
            safe(agent.name),
            safe("; ".join(agent.responsibilities[:3]) or agent.role),
            "person" if agent.kind == "human" else safe(agent.model_class or "no model"),
            ", ".join(code(name) for name in agent.tools) or "–",
            str(agent.concurrency),
        )
        for agent in network.agents
    ]
    return table(("Agent", "What it does", "Model class", "Tools", "At a time"), rows, right=(4,))


def _tools(network: Network) -> str:
    rows = [
        (
            code(tool.name),
            safe(tool.description or tool.capability),
            "**irreversible**" if tool.side_effect == "irreversible" else tool.side_effect,
            safe(tool.mcp_server or "–"),
        )
        for tool in network.tools
    ]
    return table(("Tool", "What it does", "Effect", "MCP server"), rows)


def _alternatives(alternatives: tuple[Alternative, ...]) -> str:
    rows = []
    for other in alternatives:
        forecast = other.forecast
        rows.append(
            (
                safe(other.name),
                safe(other.reason),
                safe(other.trade_off) or "–",
                with_band(forecast.success if forecast else None, "share"),
                with_band(forecast.latency_p95_s if forecast else None, "seconds"),
                with_band(forecast.cost_usd_per_task if forecast else None, "usd"),
            )
        )
    head = (
        "Alternative",
        "Why it was considered",
        "Trade-off",
        "Success",
        "Slow end (p95)",
        "Cost per task",
    )
    known = any(cell != UNKNOWN for row in rows for cell in row[3:])
    if not known:
        return (
            blocks("### Alternatives considered", table(head[:3], [row[:3] for row in rows]))
            if rows
            else ""
        )
    return blocks("### Alternatives considered", table(head, rows))
