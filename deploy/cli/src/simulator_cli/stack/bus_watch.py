"""Starts NATS again after its disk was full: a block it could not write stays broken until then, also with space again.

Seen with nats-server 2.14: every publish to the stream fails with the old error, while the server answers everything
else and calls itself healthy. Its log is the one place where that shows.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

logger = logging.getLogger(__name__)

EVERY_S = 2.0
ENOUGH_BYTES = 8 * 1024 * 1024
"""Below it a new start would end where the last one did."""
SIGNS = (b"failed to store a msg", b"JetStream out of", b"no space left on device")


class BusWatch:
    """Calls `renew` when the server still reports that it cannot store although its disk has room."""

    def __init__(self, log: Path, store: Path, renew: Callable[[], Awaitable[None]]) -> None:
        self._log = log
        self._store = store
        self._renew = renew
        self._read = 0

    async def run(self) -> None:
        """Endless."""
        had_room = True
        while True:
            await asyncio.sleep(EVERY_S)
            has_room = shutil.disk_usage(self._store).free >= ENOUGH_BYTES
            # What was reported before there was room again says nothing about now.
            if self.complains() and has_room and had_room:
                logger.error("NATS cannot store although its disk has room; it is started again")
                await self._renew()
            had_room = has_room

    def complains(self) -> bool:
        """Whether the log has grown by a sign of trouble since the last look."""
        try:
            size = self._log.stat().st_size
            with self._log.open("rb") as log:
                log.seek(self._read if self._read <= size else 0)
                news = log.read(1024 * 1024)
                self._read = log.tell()
        except OSError:
            return False
        return any(sign in news for sign in SIGNS)
