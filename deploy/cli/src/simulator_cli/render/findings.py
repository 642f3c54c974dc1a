"""What the doctor found, as lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from simulator_cli.stack.diagnosis import Finding

_MARK = {"ok": ("ok", "green"), "warning": ("look", "yellow"), "fault": ("FAULT", "bold red")}


def findings_view(findings: Sequence["Finding"]) -> RenderableType:
    """A row per finding; what to do stands under it."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        word, style = _MARK[finding.level]
        said = Text(finding.message)
        if finding.hint:
            said.append(f"\n{finding.hint}", style="dim")
        table.add_row(Text(word, style=style), finding.subject, said)
    return table
