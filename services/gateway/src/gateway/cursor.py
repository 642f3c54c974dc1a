"""One reader's way through a stream: replay from the record, then live, without a gap or a repeat.

The order of work: attach the live feed, replay the record in pages, then take live frames; at any hole the
record is read again. Used by websocket and SSE alike.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass

from common.errors import TransientError
from gateway.frames import StoredFrame
from gateway.hub import Channel, Feed, Hub

PAGE = 500
RETRY_S = 1.0

log = logging.getLogger(__name__)

type ReadPage[C] = Callable[[C, int, int], Awaitable[Sequence[StoredFrame]]]
"""(channel, after, limit) -> frames with seq > after, in order."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The replay is over: everything stored up to `seq` was sent."""

    seq: int


@dataclass(frozen=True, slots=True)
class Resync:
    """The reader claims to have seen more than there is (another record under this id): it starts over."""

    after: int
    head: int


class Cursor[C: Hashable = Channel]:
    """Iterate it once. `seq` is the last frame that was handed out."""

    def __init__(self, hub: Hub, read_page: ReadPage[C], channel: C, after: int = 0) -> None:
        self._hub = hub
        self._read_page = read_page
        self._channel = channel
        self.seq = after

    async def __aiter__(self) -> AsyncIterator[StoredFrame | CaughtUp | Resync]:
        """Endless.

        Raises:
            HubClosed: the process is about to stop.
        """
        with self._hub.attach(self._channel) as feed:
            if resync := await self._claims_too_much():
                yield resync
            async for frame in self._replay(feed):
                yield frame
            yield CaughtUp(self.seq)
            while True:
                frames, missed = await feed.news()
                for frame in frames:
                    if frame.is_fleeting:
                        yield frame
                    elif frame.seq == self.seq + 1:
                        self.seq = frame.seq
                        yield frame
                    elif frame.seq > self.seq:
                        missed = True
                        break
                if missed:
                    async for frame in self._replay(feed):
                        yield frame

    async def _claims_too_much(self) -> Resync | None:
        if self.seq == 0 or await self._page(self.seq - 1, 1):
            return None
        claimed, self.seq = self.seq, 0
        return Resync(after=claimed, head=0)

    async def _replay(self, feed: Feed) -> AsyncIterator[StoredFrame]:
        while page := await self._page(self.seq, PAGE):
            for frame in page:
                self.seq = frame.seq
                yield frame
            feed.seen = max(feed.seen, self.seq)
            if len(page) < PAGE:
                return

    async def _page(self, after: int, limit: int) -> Sequence[StoredFrame]:
        while True:
            try:
                return await self._read_page(self._channel, after, limit)
            except TransientError:
                # The reader keeps its place while the database is away; its sender notices when it leaves.
                log.warning("the record cannot be read, trying again", extra={"retry_s": RETRY_S})
                await asyncio.sleep(RETRY_S)
