"""Simulations as a list to choose from."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from simulator_cli.render.tables import bare_table
from simulator_cli.render.units import shorten

_STYLE = {"completed": "green", "failed": "red", "cancelled": "yellow"}


def listing_view(simulations: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A row per simulation; the id is never cut, for it is what one copies."""
    if not simulations:
        return Text("There are no simulations yet. Try: ./simulator demo")
    table = bare_table()
    table.add_column("ID", no_wrap=True, min_width=36, overflow="fold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Scenario", ratio=1)
    for found in simulations:
        status = str(found.get("status", ""))
        title = found.get("name") or found.get("scenario_excerpt") or ""
        table.add_row(
            Text(str(found.get("simulation_id", "")), style="bold"),
            Text(status, style=_STYLE.get(status, "")),
            Text(shorten(str(title), 60)),
        )
    return table
