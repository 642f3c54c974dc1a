"""The network as a Graphviz graph."""

from common.contracts.network import Connection
from common.contracts.report import Report
from common.exports.escaping import dot as quoted
from common.exports.mermaid import edge_label
from common.exports.readiness import network_of


def export_dot(report: Report) -> str:
    """`digraph` with agents as boxes, people as ellipses, verifiers as hexagons, tools as cylinders.

    Raises:
        ExportNotReady: the network is not planned yet.
    """
    network = network_of(report)
    lines = [
        f"digraph {quoted(report.title)} {{",
        "  rankdir=LR;",
        '  node [fontname="Helvetica", style="rounded,filled", fillcolor="white"];',
        '  edge [fontname="Helvetica", fontsize=10];',
    ]
    for agent in network.agents:
        shape = "ellipse" if agent.kind == "human" else "hexagon" if agent.is_verifier else "box"
        lines.append(
            f"  {_agent(agent.id)} [label={quoted(agent.name)}, shape={shape}, tooltip={quoted(agent.role)}];"
        )
    for tool in network.tools:
        color = "#fde2e1" if tool.side_effect == "irreversible" else "#eef3fb"
        lines.append(
            f'  {_tool(tool.name)} [label={quoted(tool.name)}, shape=cylinder, fillcolor="{color}"];'
        )
    agents = {agent.id for agent in network.agents}
    tools = {tool.name for tool in network.tools}
    for edge in network.connections:
        if edge.source in agents and edge.target in agents | tools:
            target = _agent(edge.target) if edge.target in agents else _tool(edge.target)
            lines.append(f"  {_agent(edge.source)} -> {target} [{_style(edge)}];")
    return "\n".join([*lines, "}"]) + "\n"


def _agent(ref: str) -> str:
    return quoted(f"agent {ref}", 300)


def _tool(name: str) -> str:
    return quoted(f"tool {name}", 300)


def _style(edge: Connection) -> str:
    style = "dashed" if edge.kind in ("tool", "memory") or edge.max_iterations else "solid"
    both = ", dir=both" if edge.kind == "call" else ""
    return f"label={quoted(edge_label(edge))}, style={style}{both}"
