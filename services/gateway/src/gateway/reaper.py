"""The reaper: sends out again what nobody answered, ends what is past its time, restores a lost bus.

One process at a time is the reaper; the advisory lock is held for one round only.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.events import StageCompleted
from common.errors import TransientError
from common.streams import PROJECTOR, SIMULATIONS, WORKER_SAYS
from gateway.database import Database
from gateway.frames import StoredFrame
from gateway.metrics import REEMITTED
from gateway.pipeline import awaited_event
from gateway.repositories.idempotency import IdempotencyRepository
from gateway.repositories.marks import BUS_STORE, MarkRepository
from gateway.repositories.simulations import Silent, SimulationRepository
from gateway.services.ledger import Ending, Ledger
from gateway.services.outgoing import post
from gateway.services.rebuild import read_record
from gateway.settings import GatewaySettings

BATCH = 100

log = logging.getLogger(__name__)

type Ended = tuple[str, str, Ending, list[StoredFrame]]
"""Tenant, simulation, how it ended, what is shown."""


class BusStore(Protocol):
    async def store_id(self) -> str | None:
        """Differs after the streams were lost; None when they are missing now. Raises BusAway."""
        ...

    async def lags(self, consumers: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """`consumer` and how many messages are `pending` for it. Raises BusAway."""
        ...


_STAGE_OF = {
    worker: says[0].stage
    for worker, says in WORKER_SAYS.items()
    if issubclass(says[0], StageCompleted)
}
QUEUED_PATIENCE = 10
"""So many times `stalled_after_s` may a stage be silent while messages wait for its worker: it is busy, not deaf.
Sending such work out again would only lengthen the queue, until work that nobody refused is given up."""


class Reaper:
    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        bus: BusStore,
        *,
        declare: Callable[[], Awaitable[None]],
        alarm: asyncio.Event,
        settings: GatewaySettings,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._bus = bus
        self._declare = declare
        self._alarm = alarm
        self._settings = settings

    async def run(self) -> None:
        """Endless: a round every `reaper_every_s` seconds, and at once when the bus was away."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._alarm.wait(), self._settings.reaper_every_s)
            self._alarm.clear()
            try:
                await self.round()
            except TransientError as error:
                log.warning("the reaper's round failed", extra={"error": error.code})

    async def round(self) -> None:
        """One look at everything that is open.

        Raises:
            TransientError: database or bus are away; the next round does the rest.
        """
        while await self._reap_some() == BATCH:
            pass
        await self._restore_bus()

    async def _reap_some(self) -> int:
        ended: list[Ended] = []
        queued = await self._queued()
        async with self._database.transaction() as connection:
            repository = SimulationRepository(connection)
            if not await repository.is_leader():
                return 0
            await IdempotencyRepository(connection).purge(self._settings.idempotency_hold_s)
            silent = await repository.silent(
                stalled_s=self._settings.stalled_after_s,
                busy_s=self._settings.busy_after_s,
                queued_s=self._settings.stalled_after_s * QUEUED_PATIENCE,
                queued=queued,
                limit=BATCH,
            )
            for found in silent:
                ending = self._ending_of(found)
                if ending is None:
                    await self._reemit(connection, found.simulation_id, "silence")
                else:
                    ended.append(await self._end(connection, found.simulation_id, ending))
        await self._announce(ended)
        return len(silent)

    async def _queued(self) -> frozenset[str]:
        """Stages that messages wait for; all of them where results wait to be read, or the bus cannot be asked."""
        everything = frozenset(_STAGE_OF.values())
        names = (*_STAGE_OF, PROJECTOR.durable)
        try:
            lags = await self._bus.lags([(SIMULATIONS.name, name) for name in names])
        except TransientError:
            return everything
        waiting = {lag["consumer"] for lag in lags if lag["pending"] > 0}
        if PROJECTOR.durable in waiting:
            return everything
        return frozenset(_STAGE_OF[name] for name in waiting)

    def _ending_of(self, found: Silent) -> Ending | None:
        if found.is_expired:
            minutes = round(self._settings.deadline_s / 60, 1)
            return Ending(
                state="failed",
                error="expired",
                reason=f"It was not through after {minutes:g} minutes.",
            )
        if found.reemissions >= self._settings.max_reemissions:
            return Ending(
                state="failed",
                error="stalled",
                reason=f"Nobody answered for stage {found.awaited}, asked {found.reemissions + 1} times.",
            )
        return None

    async def _reemit(self, connection: AsyncConnection, simulation_id: str, why: str) -> None:
        """The row is locked by the caller's transaction."""
        repository = SimulationRepository(connection)
        record = await read_record(connection, simulation_id)
        event = awaited_event(record, attempt=record.attempt + 1, now=await repository.now())
        await post(connection, event, notify=self._ledger.notifies)
        await repository.reemitted(simulation_id, record.revision, counts=why == "silence")
        REEMITTED.labels(why).inc()
        log.warning(
            "sent out again",
            extra={"simulation_id": simulation_id, "awaits_after": record.stage, "why": why},
        )

    async def _end(self, connection: AsyncConnection, simulation_id: str, ending: Ending) -> Ended:
        locked = await SimulationRepository(connection).lock(simulation_id)
        assert locked is not None, "its row is locked by this transaction"
        frames = await self._ledger.write_ending(
            connection, simulation_id, locked, ending, locked.next_seq
        )
        return locked.tenant, simulation_id, ending, frames

    async def _announce(self, ended: list[Ended]) -> None:
        self._ledger.wake_relay()
        for tenant, simulation_id, ending, frames in ended:
            log.warning("ended", extra={"simulation_id": simulation_id, "error": ending.error})
            await self._ledger.announce(tenant, simulation_id, frames, ending.state)

    async def _restore_bus(self) -> None:
        """After the loss of the bus's store: streams are declared again, and all open work is sent out again."""
        store = await self._bus.store_id()
        if store is None:
            log.error("the bus lost its streams, declaring them again")
            await self._declare()
            store = await self._bus.store_id()
        if store is None:
            return
        async with self._database.transaction() as connection:
            repository = SimulationRepository(connection)
            marks = MarkRepository(connection)
            if not await repository.is_leader():
                return
            known = await marks.get(BUS_STORE)
            if known == store:
                return
            await marks.set(BUS_STORE, store)
            if known is not None:
                for simulation_id in await repository.unfinished_without_outbox():
                    await self._reemit(connection, simulation_id, "bus_lost")
        self._ledger.wake_relay()
