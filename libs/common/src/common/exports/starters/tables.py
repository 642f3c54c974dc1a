"""The part that all starters share: tool stubs, agents and edges as tables of literals."""

import re

from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.report import Report
from common.exports.escaping import comment, identifiers, literal
from common.exports.mermaid import edge_label

CARDS = '''
@dataclass(frozen=True)
class Card:
    """Who an agent is. `quorum`: how many arriving results it waits for (None: all that can still come)."""

    name: str
    role: str
    duties: tuple[str, ...] = ()
    model: str | None = None
    tools: tuple[Callable[..., str], ...] = ()
    is_person: bool = False
    is_verifier: bool = False
    quorum: int | None = None

    @property
    def instructions(self) -> str:
        duties = "".join(f"\\n- {duty}" for duty in self.duties)
        return f"You are {self.name}: {self.role}.{duties}"


@dataclass(frozen=True)
class Edge:
    """One arrow. `max_iterations` marks the way back after a rejection and bounds it; `when` is an exclusive choice."""

    source: str
    target: str
    kind: str
    label: str = ""
    when: str | None = None
    max_iterations: int | None = None
'''


def heading(report: Report, network: Network, install: str) -> str:
    """The module docstring's facts as comments, so that no text can close a docstring."""
    lines = [
        f"# {comment(report.title)}",
        "#",
        f"# Starter for: {install}",
        f"# Made from simulation {report.simulation_id}, revision {report.revision}; pattern: {network.pattern}.",
        f"# Why this pattern: {comment(network.pattern_reason)}",
        "# To do: implement the tools below (each raises NotImplementedError), set the models, run this file.",
    ]
    return "\n".join(lines) + "\n"


def tables(network: Network, code: str) -> str:
    """Tools, agents and edges; no tool stub gets a name that `code`, the rest of the file, uses."""
    taken = re.findall(r"\w+", CARDS + code)
    names = identifiers((tool.name for tool in network.tools), taken, "tool")
    parts = [
        _models(network),
        *(_tool(tool, names[tool.name]) for tool in network.tools),
        CARDS.strip("\n"),
        _agents(network, names),
        _edges(network),
        f"ENTRY: tuple[str, ...] = {_strings(_entry(network))}",
    ]
    return "\n\n\n".join(parts)


def _entry(network: Network) -> tuple[str, ...]:
    known = {agent.id for agent in network.agents}
    found = tuple(ref for ref in network.entry if ref in known)
    return found or tuple(agent.id for agent in network.agents[:1])


def _models(network: Network) -> str:
    # Names of one provider's classes from simonw/llm-prices@723ef0b (2026-08-05); any other will do.
    defaults = {
        "small": "gpt-5.4-nano",
        "medium": "gpt-5.4-mini",
        "large": "gpt-5.4",
        "reasoning": "gpt-5.5",
    }
    used = {agent.model_class for agent in network.agents if agent.model_class} or {"medium"}
    lines = ["MODELS = {  # by class; set what you use"]
    for name, model in defaults.items():
        if name in used:
            lines.append(f'    "{name}": os.environ.get("MODEL_{name.upper()}", "{model}"),')
    return "\n".join([*lines, "}"])


def _tool(tool: ToolSpec, name: str) -> str:
    about = tool.description or tool.capability
    needs = [f"capability {tool.capability}", f"effect: {tool.side_effect}"]
    if tool.mcp_server:
        needs.append(f"MCP server {tool.mcp_server}")
    if tool.credentials:
        needs.append(f"credentials: {', '.join(tool.credentials)}")
    lines = [f"def {name}(request: str) -> str:", f"    {literal(about or tool.name)}"]
    if tool.side_effect == "irreversible":
        lines.append(
            "    # This cannot be undone: send an idempotency key, and keep a person's approval before it."
        )
    todo = f"Connect the tool “{tool.name}” ({'; '.join(needs)})."
    lines.append(f"    raise NotImplementedError({literal(todo)})")
    return "\n".join(lines)


def _agents(network: Network, tools: dict[str, str]) -> str:
    lines = ["CARDS: dict[str, Card] = {"]
    for agent in network.agents:
        lines.append(f"    {literal(agent.id)}: Card(")
        lines += [f"        {line}," for line in _card(agent, tools)]
        lines.append("    ),")
    return "\n".join([*lines, "}"])


def _card(agent: AgentSpec, tools: dict[str, str]) -> list[str]:
    lines = [f"name={literal(agent.name)}", f"role={literal(agent.role)}"]
    if agent.responsibilities:
        lines.append(f"duties={_strings(agent.responsibilities)}")
    if agent.kind == "human":
        lines.append("is_person=True")
    else:
        lines.append(
            f'model=MODELS["{agent.model_class or "medium"}"]'
            if agent.model_class
            else "model=None"
        )
    held = [tools[name] for name in agent.tools if name in tools]
    if held:
        lines.append(f"tools=({', '.join(held)},)")
    if agent.is_verifier:
        lines.append("is_verifier=True")
    if agent.join != "all":
        lines.append(f"quorum={agent.quorum or 1}")
    return lines


def _edges(network: Network) -> str:
    agents = {agent.id for agent in network.agents}
    lines = ["EDGES: tuple[Edge, ...] = ("]
    for edge in network.connections:
        if edge.source in agents and edge.target in agents:
            lines.append(f"    Edge({', '.join(_edge(edge))}),")
    return "\n".join([*lines, ")"])


def _edge(edge: Connection) -> list[str]:
    words = [literal(edge.source), literal(edge.target), literal(edge.kind)]
    label = edge_label(edge)
    if label:
        words.append(f"label={literal(label)}")
    if edge.max_iterations:
        words.append(f"max_iterations={edge.max_iterations}")
    elif edge.share is not None:
        words.append(
            f"when={literal(edge.when or edge.label or f'the case belongs to {edge.target}')}"
        )
    return words


def _strings(texts: tuple[str, ...]) -> str:
    inner = ", ".join(literal(text) for text in texts)
    return f"({inner},)" if texts else "()"
