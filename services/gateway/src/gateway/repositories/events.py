"""The stream of a simulation as stored: written once, read in order."""

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.frames import NewFrame, StoredFrame
from gateway.models import events, simulations
from gateway.tenancy import reachable

_FRAME_COLUMNS = (
    events.c.simulation_id,
    events.c.seq,
    events.c.revision,
    events.c.sim_time_s,
    events.c.event_type,
    events.c.category,
    events.c.frame,
)


class EventRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, frames: Sequence[NewFrame]) -> None:
        if frames:
            await self._connection.execute(_ADD, [_row(frame) for frame in frames])

    async def known_ids(self, simulation_id: str, event_ids: Sequence[str]) -> set[str]:
        """Which of `event_ids` the stream holds already."""
        rows = await self._connection.scalars(
            select(events.c.event_id).where(
                events.c.simulation_id == simulation_id, events.c.event_id.in_(event_ids)
            )
        )
        return set(rows)

    async def page(self, simulation_id: str, *, after: int, limit: int) -> list[StoredFrame]:
        """Frames with seq > `after`, in order."""
        rows = await self._connection.execute(
            select(*_FRAME_COLUMNS)
            .where(
                events.c.simulation_id == simulation_id,
                events.c.seq > after,
                reachable(simulations, simulation_id),
            )
            .order_by(events.c.seq)
            .limit(limit)
        )
        return [StoredFrame(*row) for row in rows]

    async def shown(self, simulation_id: str, revision: int) -> list[tuple[str, str, str]]:
        """(event_type, source, event_id) of what a stage shows once per revision, in order."""
        once = (
            "scenario_interpreted",
            "architecture_planned",
            "tools_mapped",
            "failures_selected",
            "observability",
            "narrative",
        )
        rows = await self._connection.execute(
            select(events.c.event_type, events.c.source, events.c.event_id)
            .where(
                events.c.simulation_id == simulation_id,
                events.c.revision == revision,
                events.c.event_type.in_(once),
                reachable(simulations, simulation_id),
            )
            .order_by(events.c.seq)
        )
        return [(row[0], row[1], row[2]) for row in rows]


def _row(new: NewFrame) -> dict[str, object]:
    frame = new.frame
    return {
        "simulation_id": frame.simulation_id,
        "seq": frame.seq,
        "revision": frame.revision,
        "occurred_at": new.occurred_at,
        "sim_time_s": frame.sim_time_s,
        "event_type": frame.event_type,
        "category": frame.category,
        "source": new.source,
        "event_id": new.event_id,
        "frame": frame.text,
    }


_ADD = insert(events)
