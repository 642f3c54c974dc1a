"""Whether the gateway can do its work: one check per thing it stands on."""

import asyncio
from dataclasses import dataclass
from typing import Any

from common.errors import TransientError
from gateway.bus import Bus
from gateway.database import Database
from gateway.repositories.outbox import OutboxRepository

MAX_OUTBOX_AGE_S = 30.0
CHECK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Health:
    checks: dict[str, dict[str, Any]]

    @property
    def is_ready(self) -> bool:
        return all(check["status"] == "ok" for check in self.checks.values())

    @property
    def body(self) -> dict[str, Any]:
        return {"status": "ok" if self.is_ready else "degraded", "checks": self.checks}


class HealthService:
    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self.is_draining = False

    async def check(self) -> Health:
        checks = {
            "bus": _check(self._bus.is_connected, "not connected to NATS"),
            "process": _check(not self.is_draining, "about to stop"),
        }
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S), self._database.statements() as connection:
                age_s = await OutboxRepository(connection).oldest_age_s()
        except (TransientError, TimeoutError):
            checks["database"] = _check(False, "PostgreSQL cannot be reached")
        else:
            checks["database"] = _check(True, "")
            checks["outbox"] = _check(age_s < MAX_OUTBOX_AGE_S, "messages wait for the bus")
            checks["outbox"]["oldest_age_s"] = round(age_s, 3)
        return Health(checks)


def _check(is_ok: bool, problem: str) -> dict[str, Any]:
    return {"status": "ok"} if is_ok else {"status": "failed", "detail": problem}
