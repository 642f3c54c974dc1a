"""Frames: one event as it is stored, sent and replayed. Each is serialised once, here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from common.contracts.stream import StreamEvent

TERMINAL_EVENTS = frozenset({"simulation_completed", "simulation_failed", "simulation_cancelled"})


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """`text` is the JSON object on the wire; the other fields are what readers choose by."""

    simulation_id: str
    seq: int
    revision: int
    sim_time_s: float | None
    event_type: str
    category: str
    text: str

    @property
    def is_terminal(self) -> bool:
        return self.event_type in TERMINAL_EVENTS

    @property
    def is_fleeting(self) -> bool:
        """Shown to whoever follows now, without a place in the stream: `seq` is 0, and no record holds it."""
        return self.seq == 0


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A frame about to be stored, with the columns that only the table needs."""

    frame: StoredFrame
    occurred_at: datetime
    source: str
    event_id: str


def number(
    events: Sequence[StreamEvent],
    *,
    simulation_id: str,
    revision: int,
    first_seq: int,
    now: datetime,
) -> list[NewFrame]:
    """Give `events` their places in the stream, from `first_seq` on without a gap."""
    return [
        _frame(event, simulation_id, revision, seq, now)
        for seq, event in enumerate(events, first_seq)
    ]


def _frame(
    event: StreamEvent, simulation_id: str, revision: int, seq: int, now: datetime
) -> NewFrame:
    wire: dict[str, Any] = {
        "simulation_id": simulation_id,
        "seq": seq,
        "timestamp": iso(now),
        "sim_time_s": event.sim_time_s,
        "event_type": event.event_type,
        "category": event.category,
        "source": event.source,
        "event_id": event.event_id,
        "revision": revision,
        "payload": event.payload,
    }
    stored = StoredFrame(
        simulation_id=simulation_id,
        seq=seq,
        revision=revision,
        sim_time_s=event.sim_time_s,
        event_type=event.event_type,
        category=event.category,
        text=orjson.dumps(wire).decode(),
    )
    return NewFrame(frame=stored, occurred_at=now, source=event.source, event_id=event.event_id)


def iso(moment: datetime) -> str:
    """UTC with milliseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_frame(text: str) -> StoredFrame:
    """A frame from its own text.

    Raises:
        ValueError, KeyError: it is not a frame.
    """
    wire = orjson.loads(text)
    return StoredFrame(
        simulation_id=wire["simulation_id"],
        seq=wire["seq"],
        revision=wire["revision"],
        sim_time_s=wire["sim_time_s"],
        event_type=wire["event_type"],
        category=wire["category"],
        text=text,
    )
