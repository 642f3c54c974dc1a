"""What language models cost and did, read from the workers' ledger on the bus; the gateway calls none itself."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from nats.js.kv import KeyValue

from common.llm.buckets import stores_on
from common.llm.ledger import read_day, read_simulation
from common.llm.shared import SharedUnavailable
from common.llm.usage import usage_json
from gateway.bus import Bus


class ModelUsageService:
    """Null where the ledger cannot be read: a status page never waits for it long."""

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.time) -> None:
        async def bucket(name: str) -> KeyValue:
            return await bus.jetstream.key_value(name)

        self._ledger = stores_on(bucket).ledger
        self._clock = clock

    async def today(self) -> dict[str, Any] | None:
        """Sums of the current UTC day, by agent and model."""
        now = self._clock()
        try:
            used = usage_json(await read_day(self._ledger, now))
        except SharedUnavailable:
            return None
        return {"day": datetime.fromtimestamp(now, UTC).date().isoformat(), **used}

    async def of_simulation(self, simulation_id: str) -> dict[str, Any] | None:
        """Sums of one simulation and its last calls."""
        try:
            return usage_json(await read_simulation(self._ledger, simulation_id))
        except SharedUnavailable:
            return None
