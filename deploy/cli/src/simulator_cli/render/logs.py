"""A structured log line for people: time, who, how bad, what, and the rest as key=value."""

import json
from typing import Any

from rich.text import Text

_STYLE = {"warning": "yellow", "error": "red", "critical": "bold red"}
_SHOWN_APART = frozenset(
    {"time", "level", "service", "instance", "logger", "message", "error", "span_id"}
)


def log_line(line: str) -> Text:
    """`<instance> | <JSON>` as one readable line, a traceback below it; anything else as it is."""
    instance, bar, body = line.partition(" | ")
    record = _record(body) if bar else None
    if record is None:
        return Text(line)
    level = str(record.get("level", ""))
    rest = [
        f"{key}={value}" for key, value in record.items() if key not in _SHOWN_APART and value != ""
    ]
    text = Text.assemble(
        (str(record.get("time", ""))[11:23], "dim"),
        (f" {instance:<15} ", "cyan"),
        (f"{level:<8}", _STYLE.get(level, "dim")),
        str(record.get("message", "")),
        (f"  {' '.join(rest)}" if rest else "", "dim"),
    )
    if record.get("error"):
        text.append(f"\n{str(record['error']).rstrip()}", style="red")
    return text


def _record(body: str) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "message" in found else None
