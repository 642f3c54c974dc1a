"""One client's own view of a stream: which categories, and how fast by simulated time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from gateway.cursor import CaughtUp, Cursor, Resync
from gateway.frames import StoredFrame

type Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class View:
    """`speed` is simulated seconds per second; None sends as fast as the client reads.

    `categories` may be changed while it runs; None shows all. Final events are always shown.
    """

    speed: float | None = None
    categories: frozenset[str] | None = None
    sleep: Sleep = field(default=asyncio.sleep)

    def shows(self, frame: StoredFrame) -> bool:
        return self.categories is None or frame.category in self.categories or frame.is_terminal

    async def over(self, cursor: Cursor) -> AsyncIterator[StoredFrame | CaughtUp | Resync]:
        """The cursor's frames that are shown, each after its share of simulated time has passed."""
        clock_s = 0.0
        async for item in cursor:
            if isinstance(item, StoredFrame):
                if not self.shows(item):
                    continue
                if self.speed is not None and item.sim_time_s is not None:
                    await self.sleep(max(0.0, item.sim_time_s - clock_s) / self.speed)
                    clock_s = max(clock_s, item.sim_time_s)
            yield item


def parse_categories(value: str | None, known: frozenset[str]) -> frozenset[str] | None:
    """`a,b` as a set. Raises ValueError naming what is not known."""
    if value is None or not value.strip():
        return None
    wanted = frozenset(part.strip() for part in value.split(",") if part.strip())
    if unknown := wanted - known:
        raise ValueError(
            f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
        )
    return wanted
