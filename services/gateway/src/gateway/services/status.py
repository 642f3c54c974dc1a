"""Who works: workers by their signs of life, consumers by their lag, simulations by state."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection

from common.codec import decode
from common.errors import MalformedMessage, TransientError
from common.heartbeat import LOST_AFTER_S, Heartbeat
from common.personas import PERSONAS
from common.streams import CONSUMERS
from gateway.bus import Bus
from gateway.database import Database
from gateway.hub import Hub
from gateway.repositories.agents import AgentRepository
from gateway.repositories.conversations import ConversationRepository
from gateway.repositories.outbox import OutboxRepository
from gateway.repositories.simulations import SimulationRepository
from gateway.services.model_usage import ModelUsageService
from gateway.tenancy import EVERYONE, acting_tenant

FORGET_AFTER_S = 60.0
BACKLOG_COUNTED = 10_001


@dataclass(frozen=True, slots=True)
class _Heard:
    heartbeat: Heartbeat
    at_s: float


class WorkerDirectory:
    """The last sign of life of each worker process; times are monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[tuple[str, str], _Heard] = {}

    async def hear(self, message: Msg) -> None:
        try:
            heartbeat = decode(Heartbeat, message.data, message.headers)
        except MalformedMessage:
            return
        self.note(heartbeat)

    def note(self, heartbeat: Heartbeat) -> None:
        self._heard[heartbeat.worker, heartbeat.instance] = _Heard(heartbeat, self._clock())

    def workers(self) -> list[dict[str, Any]]:
        """Sorted by worker and instance; those silent for a minute are forgotten."""
        now_s = self._clock()
        self._heard = {
            key: heard for key, heard in self._heard.items() if now_s - heard.at_s < FORGET_AFTER_S
        }
        return [
            heard.heartbeat.model_dump(mode="json")
            | {
                "alive": now_s - heard.at_s < LOST_AFTER_S,
                "silent_s": round(now_s - heard.at_s, 3),
            }
            for _, heard in sorted(self._heard.items())
        ]


class StatusService:
    def __init__(
        self, tenants: Database, database: Database, bus: Bus, hub: Hub, directory: WorkerDirectory
    ) -> None:
        self._tenants = tenants
        self._database = database
        self._bus = bus
        self._hub = hub
        self._directory = directory
        self._model_usage = ModelUsageService(bus)

    async def read(self) -> dict[str, Any]:
        """Every part is null where it cannot be had; the page itself always comes."""
        consumers, record, models = await asyncio.gather(
            self._consumers(), self._record(), self._model_usage.today()
        )
        return {
            "workers": self._directory.workers(),
            "consumers": consumers,
            "bus": {"connected": self._bus.is_connected},
            "readers": self._hub.readers,
            "models": models,
            **record,
        }

    async def _consumers(self) -> list[dict[str, Any]] | None:
        try:
            return await self._bus.lags([(spec.stream, spec.durable) for spec in CONSUMERS])
        except TransientError:
            return None

    async def _record(self) -> dict[str, Any]:
        """Records as the asker may count them; the outbox, which is the installation's, as it is."""
        counting = self._database if acting_tenant() == EVERYONE else self._tenants
        try:
            async with counting.statements() as connection:
                counts = {
                    "simulations": await SimulationRepository(connection).count_by_status(),
                    **await _conversations(connection),
                }
            async with self._database.statements() as connection:
                outbox = OutboxRepository(connection)
                rows, age_s = await outbox.backlog(BACKLOG_COUNTED), await outbox.oldest_age_s()
            return counts | {"outbox": {"rows": rows, "oldest_age_s": round(age_s, 3)}}
        except TransientError:
            nothing = {"simulations": None, "conversations": None, "agents": None, "outbox": None}
            return nothing


async def _conversations(connection: AsyncConnection) -> dict[str, Any]:
    """Conversations by state, how many wait for a person, and which agents differ from their default."""
    conversations = ConversationRepository(connection)
    changed = await AgentRepository(connection).current()
    return {
        "conversations": {
            "by_status": await conversations.count_by_status(),
            "waiting_for_user": await conversations.waiting_for_user(),
        },
        "agents": {
            "count": len(PERSONAS),
            "changed": sorted(agent_id for agent_id, (_, persona) in changed.items() if persona),
        },
    }
