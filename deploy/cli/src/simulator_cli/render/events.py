"""One event on one line: when, who, what."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from common.contracts.stream import Frame
from simulator_cli.render.progress import note
from simulator_cli.render.units import duration, shorten

_STYLE = {
    "lifecycle": "bold",
    "tool": "magenta",
    "failure": "red",
    "data_flow": "dim",
    "narrative": "green",
}


def frame_line(frame: Frame) -> Text:
    """Sequence number, simulated time, kind of event, what about, and who spoke."""
    at = f"{frame.sim_time_s:,.2f} s" if frame.sim_time_s is not None else ""
    style = "green" if frame.event_type == "failure_recovered" else _STYLE.get(frame.category, "")
    return Text.assemble(
        (f"{frame.seq:>4} ", "dim"),
        (f"{at:>11}  ", "cyan"),
        (f"{frame.event_type:<23}", style),
        f" {shorten(detail(frame), 100)} ",
        (frame.source, "dim"),
    )


def detail(frame: Frame) -> str:
    """What the event is about, from the few fields of its payload that tell it."""
    payload = frame.payload
    told = note(frame) or _subject(payload, frame.source)
    parts = [told] if told else []
    took_s = payload.get("duration_s")
    if isinstance(took_s, int | float):
        parts.append(duration(took_s))
    if payload.get("status") in ("error", "timeout", "rejected"):
        parts.append(str(payload["status"]))
    return ", ".join(parts)


def _subject(payload: Mapping[str, Any], source: str) -> str:
    """The first of tool, name, label or reason; a flow also says where it goes."""
    found = [payload.get(key) for key in ("tool", "name", "label", "reason")]
    subject = next((str(text) for text in found if text), "")
    source_id, arrow, target = str(payload.get("ref", "")).partition("->")
    if arrow:
        return f"{subject} → {target}" if subject else f"→ {target}"
    return subject or (source_id if source_id != source else "")
