"""Reading streams: pages of stored events, cursors that go on live, and whether a stream is over."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.cursor import Cursor
from gateway.database import Database
from gateway.errors import SimulationNotFound
from gateway.fanout import LIVE_KIND
from gateway.frames import StoredFrame
from gateway.hub import Channel, Hub
from gateway.repositories.events import EventRepository
from gateway.repositories.simulations import Simulation, SimulationRepository
from gateway.tenancy import acting_tenant


class StreamReader:
    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub

    def cursor(self, simulation_id: str, after: int) -> Cursor:
        channel = Channel(acting_tenant(), LIVE_KIND, simulation_id)
        return Cursor(self._hub, self._page, channel, after)

    async def _page(self, channel: Channel, after: int, limit: int) -> Sequence[StoredFrame]:
        return await self.page(channel.id, after, limit)

    async def page(self, simulation_id: str, after: int, limit: int) -> Sequence[StoredFrame]:
        async with self._database.statements() as connection:
            return await EventRepository(connection).page(simulation_id, after=after, limit=limit)

    async def events_page(self, simulation_id: str, after: int, limit: int) -> bytes:
        """`{simulation_id, events, count, next_after, head}` as JSON; the frames are not parsed again.

        Raises:
            SimulationNotFound: there is no such simulation.
        """
        async with self._database.statements() as connection:
            simulation = await SimulationRepository(connection).get(simulation_id)
            if simulation is None:
                raise SimulationNotFound(simulation_id)
            frames = await EventRepository(connection).page(simulation_id, after=after, limit=limit)
        body: dict[str, Any] = {
            "simulation_id": simulation_id,
            "status": simulation.status,
            "events": [orjson.Fragment(frame.text) for frame in frames],
            "count": len(frames),
            "next_after": frames[-1].seq if frames else after,
            "head": simulation.next_seq - 1,
        }
        return orjson.dumps(body)

    async def find(self, simulation_id: str) -> Simulation | None:
        async with self._database.statements() as connection:
            return await SimulationRepository(connection).get(simulation_id)

    async def is_over(self, simulation_id: str, seq: int) -> bool:
        """Whether nothing follows `seq`: the state is final and this was the last event, or the record is gone."""
        simulation = await self.find(simulation_id)
        return simulation is None or (simulation.is_terminal and seq >= simulation.next_seq - 1)
