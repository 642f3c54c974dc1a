"""Waking the relay when another process writes to the outbox: PostgreSQL's own notifications."""

import asyncio
import logging

import asyncpg

from gateway.repositories.outbox import OUTBOX_CHANNEL

CONNECT_TIMEOUT_S = 3.0
RETRY_S = 1.0

log = logging.getLogger(__name__)


class OutboxListener:
    """Only a saving of time: without it the relay finds rows by its own clock."""

    def __init__(self, dsn: str, wake: asyncio.Event) -> None:
        self._dsn = dsn.replace("postgresql+asyncpg://", "postgresql://")
        self._wake = wake

    async def run(self) -> None:
        """Endless; connects again when the line is lost."""
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.info("not listening", extra={"error": type(error).__name__})
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_TIMEOUT_S)
        try:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(OUTBOX_CHANNEL, lambda *_: self._wake.set())
            await ended.wait()
        finally:
            connection.terminate()
