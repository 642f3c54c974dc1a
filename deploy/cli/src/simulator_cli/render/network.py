"""The network as a drawing: a box per agent in layers, arrows between them, and what each arrow carries."""

from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from common.contracts.network import AgentSpec, Connection, Network
from simulator_cli.render.arrows import connector
from simulator_cli.render.layers import Layout, agent_connections, layout
from simulator_cli.render.units import count, share, shorten

GAP = 2
MIN_BOX = 32
MAX_BOX = 58
WIDE = 100
"""From how many columns on tables show what is only convenient."""
_VERB = {
    "call": "⇄ asks",
    "handoff": "→",
    "publish": "→",
    "verify": "✓ checked by",
    "approve": "☑ approved by",
}


@dataclass(frozen=True)
class NetworkDrawing:
    """Draws `network` to the width it is given; from 48 columns upwards no line is wider."""

    network: Network

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plan = layout(self.network)
        rows = _rows(plan, options.max_width)
        yield _centred("task", options.max_width)
        yield _centred("▼", options.max_width)
        previous: list[tuple[str, int]] = []
        for row in rows:
            columns = _columns(row, options.max_width)
            centres = [(agent_id, left + width // 2) for agent_id, left, width in columns]
            if previous:
                yield Text("\n".join(connector(previous, centres, plan.forward)), style="cyan")
            yield _row(self.network, plan, columns, console)
            previous = centres
        yield _centred("▼", options.max_width)
        yield _centred("result", options.max_width)


def headline(network: Network) -> Text:
    """Pattern, size and why, in a sentence."""
    people = sum(agent.kind == "human" for agent in network.agents)
    parts = [
        count(len(network.agents) - people, "agent"),
        count(people, "person", "people") if people else "",
        count(len(network.tools), "tool"),
    ]
    text = Text()
    text.append(network.pattern.replace("_", " "), style="bold cyan")
    text.append(f" · {' · '.join(part for part in parts if part)}\n")
    text.append(network.pattern_reason, style="dim")
    return text


@dataclass(frozen=True)
class ToolsTable:
    """The tools with what they do and may change; who uses them where there is room (the boxes say it too)."""

    network: Network

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        is_wide = options.max_width >= WIDE
        table = Table(box=box.SIMPLE, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("Tool", style="bold", max_width=30, overflow="fold")
        table.add_column("Does", ratio=3)
        table.add_column("Effect", min_width=len("irreversible"), no_wrap=True)
        if is_wide:
            table.add_column("Used by", ratio=2, overflow="fold")
        names = {agent.id: agent.name for agent in self.network.agents}
        for tool in self.network.tools:
            users = tool.used_by or tuple(a.id for a in self.network.agents if tool.name in a.tools)
            cells = [
                Text(tool.name),
                Text(shorten(tool.description or tool.capability, 90)),
                Text(tool.side_effect, style="red" if tool.side_effect == "irreversible" else ""),
            ]
            if is_wide:
                cells.append(Text(", ".join(names.get(user, user) for user in users)))
            table.add_row(*cells)
        yield table


def _rows(plan: Layout, width: int) -> list[tuple[str, ...]]:
    """Layers, broken where more boxes stand side by side than the width allows."""
    per_row = max(1, (width + GAP) // (MIN_BOX + GAP))
    return [
        layer[start : start + size]
        for layer in plan.layers
        for size in [_even(len(layer), per_row)]
        for start in range(0, len(layer), size)
    ]


def _even(members: int, per_row: int) -> int:
    """Boxes per row so that broken layers have rows of nearly equal length."""
    rows = -(-members // per_row)
    return -(-members // rows)


def _columns(row: tuple[str, ...], width: int) -> list[tuple[str, int, int]]:
    """Agent id, left edge and width of each box of a row, the row centred."""
    size = min(MAX_BOX, (width + GAP) // len(row) - GAP)
    left = (width - len(row) * (size + GAP) + GAP) // 2
    return [(agent_id, left + n * (size + GAP), size) for n, agent_id in enumerate(row)]


def _row(
    network: Network, plan: Layout, columns: list[tuple[str, int, int]], console: Console
) -> Table:
    contents = [_content(network, plan, network.agent(agent_id)) for agent_id, _, _ in columns]
    heights = [
        len(content.wrap(console, width - 4))
        for content, (_, _, width) in zip(contents, columns, strict=True)
    ]
    grid = Table.grid(padding=0)
    grid.add_column(width=columns[0][1])
    cells: list[Panel | str] = [""]
    for content, (agent_id, _, width) in zip(contents, columns, strict=True):
        if len(cells) > 1:
            grid.add_column(width=GAP)
            cells.append("")
        grid.add_column(width=width)
        cells.append(
            _panel(network.agent(agent_id), plan.numbers[agent_id], content, width, max(heights))
        )
    grid.add_row(*cells)
    return grid


def _panel(agent: AgentSpec, number: int, content: Text, width: int, height: int) -> Panel:
    is_human = agent.kind == "human"
    style = "yellow" if is_human else "green" if agent.is_verifier else "cyan"
    title = Text(f"{number} {shorten(agent.name, width - 10)}", style="bold")
    return Panel(
        content,
        title=title,
        title_align="left",
        box=box.HEAVY if is_human else box.ROUNDED,
        border_style=style,
        width=width,
        height=height + 2,
    )


def _content(network: Network, plan: Layout, agent: AgentSpec) -> Text:
    """Kind, duty, tools, and the arrows that leave this agent."""
    incoming = [c for c in agent_connections(network) if c.target == agent.id]
    lines = [_person_line(agent, incoming) if agent.kind == "human" else _kind_line(agent)]
    duty = agent.responsibilities[0] if agent.responsibilities else agent.role
    if duty and duty.casefold() != agent.name.casefold():
        lines.append(Text(shorten(duty, 90), style="dim"))
    if agent.tools:
        lines.append(Text.assemble(("tools ", "dim"), (", ".join(agent.tools), "magenta")))
    edges = [c for c in agent_connections(network) if c.source == agent.id]
    lines += _edge_lines(edges, plan.numbers)
    if agent.id in network.exit:
        lines.append(Text("→ result", style="bold"))
    return Text("\n").join(lines)


def _person_line(agent: AgentSpec, incoming: list[Connection]) -> Text:
    """What a person is asked to do, and on which condition."""
    asked = [c for c in incoming if c.max_iterations is None]
    text = Text("person", style="bold yellow")
    if any(c.kind == "approve" for c in asked):
        text.append(" · approves")
    conditions = list(dict.fromkeys(_condition(c.when) for c in asked if c.when))
    if conditions:
        text.append(f" when {' or '.join(conditions)}")
    if agent.concurrency > 1:
        text.append(f" · {agent.concurrency} at once")
    return text


def _kind_line(agent: AgentSpec) -> Text:
    parts = [f"{agent.model_class} model" if agent.model_class else "no model"]
    if agent.is_verifier:
        parts.append("verifier")
    if agent.concurrency > 1:
        parts.append(f"{agent.concurrency} at once")
    if agent.join != "all":
        waits_for = "the first" if agent.join == "any" else f"{agent.quorum or 'a quorum'}"
        parts.append(f"waits for {waits_for}")
    return Text(" · ".join(parts), style="italic")


def _edge_lines(edges: list[Connection], numbers: dict[str, int]) -> list[Text]:
    """Arrows that differ only in their target share a line."""
    targets: dict[Connection, list[int]] = {}
    for edge in edges:
        alike = edge.model_copy(update={"target": "", "payload": None, "label": _flow(edge)})
        targets.setdefault(alike, []).append(numbers[edge.target])
    return [_edge_line(edge, ranges(sorted(places))) for edge, places in targets.items()]


def _edge_line(connection: Connection, targets: str) -> Text:
    """One arrow: where to, what, on which condition, for which share of tasks, how often at most."""
    if connection.max_iterations is not None:
        text = Text(f"↺ back to {targets}", style="bold red")
    else:
        text = Text(f"{_VERB.get(connection.kind, '→')} {targets}", style="bold")
    line = Text.assemble(text, f": {shorten(connection.label, 60)}" if connection.label else "")
    notes = [f"when {_condition(connection.when)}"] if connection.when else []
    if connection.share is not None:
        notes.append(f"{share(connection.share)} of tasks")
    if connection.max_iterations is not None:
        notes.append(f"at most {connection.max_iterations}×")
    if notes:
        line.append(f" ({', '.join(notes)})", style="yellow")
    return line


def _flow(connection: Connection) -> str:
    """What flows: the label, else the payload's name."""
    return connection.label or (connection.payload.name if connection.payload else "")


def ranges(numbers: list[int]) -> str:
    """Ascending numbers, runs of three or more as a range: `2, 4–7`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


def _condition(when: str) -> str:
    return when.strip().removeprefix("when ").removeprefix("if ")


def _centred(text: str, width: int) -> Text:
    """At the column where a single centred box has its middle, so that arrows meet boxes."""
    size = min(MAX_BOX, width)
    middle = (width - size) // 2 + size // 2
    return Text(" " * max(0, middle - len(text) // 2) + text, style="bold cyan")
