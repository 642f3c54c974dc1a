"""The network as a Mermaid flowchart."""

from common.contracts.network import AgentSpec, Connection, Network
from common.contracts.report import Report
from common.exports.escaping import mermaid as safe
from common.exports.readiness import network_of

_SHAPES = {"human": ('(["', '"])'), "verifier": ('{{"', '"}}'), "agent": ('["', '"]')}
_CLASSES = (
    "classDef human fill:#fff3cd,stroke:#b58900,color:#333",
    "classDef verifier fill:#e2f0d9,stroke:#548235,color:#333",
    "classDef tool fill:#eef3fb,stroke:#5b7db1,color:#333",
    "classDef irreversible fill:#fde2e1,stroke:#b3261e,color:#333",
)


def export_mermaid(report: Report) -> str:
    """`flowchart LR` with people round, verifiers as hexagons, tools as stores, ways back dotted.

    Raises:
        ExportNotReady: the network is not planned yet.
    """
    return flowchart(network_of(report))


def flowchart(network: Network) -> str:
    ids = {agent.id: f"a{n}" for n, agent in enumerate(network.agents)}
    tools = {tool.name: f"t{n}" for n, tool in enumerate(network.tools)}
    lines = ["flowchart LR"]
    lines += [f"    {_agent(ids[agent.id], agent)}" for agent in network.agents]
    for tool in network.tools:
        style = "irreversible" if tool.side_effect == "irreversible" else "tool"
        lines.append(f'    {tools[tool.name]}[("{safe(tool.name)}")]:::{style}')
    lines += _ends(network, ids)
    known = ids | tools
    for edge in network.connections:
        if edge.source in known and edge.target in known:
            lines.append(f"    {_edge(edge, known)}")
    return "\n".join([*lines, *(f"    {line}" for line in _CLASSES)]) + "\n"


def _agent(node: str, agent: AgentSpec) -> str:
    kind = "human" if agent.kind == "human" else "verifier" if agent.is_verifier else "agent"
    left, right = _SHAPES[kind]
    style = "" if kind == "agent" else f":::{kind}"
    return f"{node}{left}{safe(agent.name)}{right}{style}"


def _ends(network: Network, ids: dict[str, str]) -> list[str]:
    lines = []
    entries = [ids[ref] for ref in network.entry if ref in ids]
    exits = [ids[ref] for ref in network.exit if ref in ids]
    if entries:
        lines.append("    start((task)) --> " + " & ".join(entries))
    if exits:
        lines.append("    " + " & ".join(exits) + " --> done((result))")
    return lines


def _edge(edge: Connection, known: dict[str, str]) -> str:
    arrow = "-.->" if edge.kind in ("tool", "memory") or edge.max_iterations else "-->"
    if edge.kind == "call":
        arrow = "<-->"
    label = safe(edge_label(edge))
    text = f'|"{label}"|' if label else ""
    return f"{known[edge.source]} {arrow}{text} {known[edge.target]}"


def edge_label(edge: Connection) -> str:
    """What stands on an arrow: its condition, its share, its bound, else what flows."""
    if edge.kind == "tool":
        return ""
    parts = [edge.when or edge.label or (edge.payload.name if edge.payload else "")]
    if edge.share is not None:
        parts.append(f"{edge.share:.0%}")
    if edge.max_iterations:
        parts.append(f"at most {edge.max_iterations} times")
    if edge.kind in ("approve", "verify", "memory"):
        parts.insert(0, edge.kind)
    return ", ".join(part for part in parts if part)
