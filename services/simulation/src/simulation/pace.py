"""What is shown of a run under way: the first figures at once, afterwards at most one sign of progress a second."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common.contracts.events import FailuresSelected
from common.contracts.stream import StreamEvent
from simulation import rules

if TYPE_CHECKING:
    from engine.run import Progress

logger = logging.getLogger(__name__)

EVERY_S = 1.0


@dataclass(slots=True, kw_only=True)
class Pace:
    """Called from the engine's thread; shows from the loop's."""

    clock: Callable[[], float]
    loop: asyncio.AbstractEventLoop
    job: FailuresSelected
    show: Callable[[FailuresSelected, int, float, StreamEvent], Coroutine[None, None, None]] | None
    _count: int = 0
    _last_s: float = 0.0
    _under_way: list[Future[None]] = field(default_factory=list)

    def watch(self, progress: "Progress") -> None:
        now_s = self.clock()
        if self.show is None or (progress.figures is None and now_s - self._last_s < EVERY_S):
            return
        self._count, self._last_s = self._count + 1, now_s
        shown = rules.progress(progress.done, progress.phase, progress.figures)
        self._under_way.append(
            asyncio.run_coroutine_threadsafe(
                self.show(self.job, self._count, progress.done, shown), self.loop
            )
        )

    async def settled(self) -> None:
        """Wait until all that was shown has left, so that the result comes after it; what was lost stays lost."""
        for future in self._under_way:
            try:
                await asyncio.wrap_future(future)
            except Exception as error:
                logger.warning("progress was not shown", extra={"error": type(error).__name__})
