"""The stack's processes as a table."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator_cli.render.units import duration

if TYPE_CHECKING:
    from simulator_cli.stack.control import StackStatus

_STYLE = {"running": "green", "starting": "yellow", "waiting": "yellow", "failed": "bold red"}


def status_view(stack: "StackStatus") -> RenderableType:
    """A row per process and the sums; says so when nothing runs."""
    if stack.base_url is None and not stack.services:
        return Text("Nothing is running. Start it with: ./simulator up --detach")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("Service", "Instance", "State"):
        table.add_column(title)
    for title in ("PID", "Restarts", "Memory", "Up"):
        table.add_column(title, justify="right")
    for service in stack.services:
        table.add_row(
            Text(service.name, style="bold"),
            service.instance,
            Text(service.state, style=_STYLE.get(service.state, "")),
            "" if service.pid is None else str(service.pid),
            str(service.restarts),
            _megabytes(service.rss_mb),
            "" if service.uptime_s is None else duration(service.uptime_s),
        )
    footer = Text.assemble(
        ("Gateway ", "bold"),
        stack.base_url or "not ready",
        ("   NATS port ", "bold"),
        str(stack.nats_port or "none"),
        ("   Memory ", "bold"),
        f"{stack.rss_mb:,.0f} MB",
    )
    return Group(table, footer)


def _megabytes(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} MB"
