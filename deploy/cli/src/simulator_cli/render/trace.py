"""The spans of the sampled task as a tree with bars on the simulated clock."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from common.contracts.narrative import Span
from simulator_cli.errors import CommandError
from simulator_cli.render.journey import Clock
from simulator_cli.render.network import WIDE
from simulator_cli.render.units import count, duration


def read_spans(trace: dict[str, Any]) -> tuple[Span, ...]:
    """The spans of a trace answer.

    Raises:
        CommandError: they are not what this command knows.
    """
    try:
        return tuple(Span.model_validate(span) for span in trace.get("spans") or ())
    except ValidationError as error:
        raise CommandError(
            "The trace cannot be read.", "`simulator trace ID --json` prints it as it is."
        ) from error


@dataclass(frozen=True)
class SpanTree:
    """A line per span: name, service, how long, and a bar on the task's own clock."""

    spans: tuple[Span, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.spans:
            yield Text("This simulation has no trace (yet).", style="dim")
            return
        clock = Clock(
            start_s=min(span.start_s for span in self.spans),
            end_s=max(span.end_s for span in self.spans),
            width=max(10, min(40, options.max_width - 56)),
        )
        is_wide = options.max_width >= WIDE
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", width=8, no_wrap=True)
        table.add_column(width=clock.width, no_wrap=True)
        for depth, span in in_tree_order(self.spans):
            style = "bold red" if span.status == "error" else "cyan"
            table.add_row(
                Text.assemble(
                    "  " * depth, (span.name, style), (f" {span.service}" if is_wide else "", "dim")
                ),
                duration(span.end_s - span.start_s),
                Text(clock.bar(span.start_s, span.end_s), style=style),
            )
        yield table
        yield Text(f"{count(len(self.spans), 'span')}, simulated time.", style="dim")


def in_tree_order(spans: tuple[Span, ...]) -> Iterator[tuple[int, Span]]:
    """Each span once with its depth, parents before children, siblings by their start.

    A span whose parent is not there is a root, so nothing gets lost.
    """
    known = {span.span_id for span in spans}
    children = defaultdict(list)
    for span in sorted(spans, key=lambda s: (s.start_s, s.end_s)):
        children[span.parent_id if span.parent_id in known else None].append(span)
    waiting = [(0, span) for span in reversed(children[None])]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in reversed(children[span.span_id])]
