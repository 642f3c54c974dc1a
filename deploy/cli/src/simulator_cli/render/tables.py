"""Headings, bare tables, and lists that hang on their marks."""

from collections.abc import Iterable

from rich import box
from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text


def heading(title: str) -> Rule:
    """A section's title on a line across the page."""
    return Rule(Text(title, style="bold"), align="left", style="cyan")


def hanging(rows: Iterable[tuple[RenderableType, Text]]) -> Table:
    """Marks on the left, text beside them, continued under itself."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for mark, text in rows:
        table.add_row(mark, text)
    return table


def bare_table() -> Table:
    """A table with a line under its head and no other, as wide as the page."""
    return Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0))
