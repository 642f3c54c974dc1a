"""Who began a stage, written down only once the stage takes long.

Most stages are over within milliseconds: six transactions per simulation that nobody reads would delay the results
that somebody waits for. The reaper and the status page only ask about stages that go on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from common.contracts.events import StageCompleted, StageStarted

AFTER_S = 1.0

log = logging.getLogger(__name__)

type Write = Callable[[StageStarted], Awaitable[None]]


class Notes:
    """Notes live in this process's memory until they are written. A lost one only makes the reaper less patient."""

    def __init__(self, write: Write, after_s: float = AFTER_S) -> None:
        self._write = write
        self._after_s = after_s
        self._waiting: dict[tuple[str, int, str], asyncio.Task[None]] = {}

    def began(self, said: StageStarted) -> None:
        key = (said.simulation_id, said.revision, said.stage)
        if key not in self._waiting:
            task = self._waiting[key] = asyncio.create_task(self._later(said))
            task.add_done_callback(lambda _: self._waiting.pop(key, None))

    def over(self, result: StageCompleted) -> None:
        """The stage has a result: nobody needs to know who began it."""
        waiting = self._waiting.get((result.simulation_id, result.revision, result.stage))
        if waiting is not None:
            waiting.cancel()

    async def _later(self, said: StageStarted) -> None:
        await asyncio.sleep(self._after_s)
        try:
            await self._write(said)
        except Exception as error:
            log.warning("a note was lost", extra={"error": type(error).__name__})
