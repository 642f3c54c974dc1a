"""The hub of one process: hands accepted frames to whoever follows a channel. Plain asyncio, no FastAPI, no SQL.

A feed that cannot keep frames forgets them and says that it missed some; its reader then reads the record.
So memory is bounded per reader, and nothing is lost.
"""

import asyncio
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from gateway.frames import StoredFrame


class Channel(NamedTuple):
    """What one can follow. The tenant is part of it: who asks for another tenant's id waits on a channel of his own."""

    tenant: str
    kind: str
    id: str


class HubClosed(Exception):
    """The process is about to stop; readers may come back to another one."""


class Feed:
    """What one reader has not read yet: at most `max_frames` frames and `max_bytes` bytes of text."""

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self._frames: deque[StoredFrame] = deque()
        self._bytes = 0
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._news = asyncio.Event()
        self._missed = False
        self._closed = False
        self.seen = 0
        """The highest seq this feed was offered, was told of, or has read from the record."""

    def offer(self, frames: Sequence[StoredFrame]) -> None:
        for frame in frames:
            self.seen = max(self.seen, frame.seq)
            if frame.is_fleeting and 2 * len(self._frames) >= self._max_frames:
                continue  # a slow reader loses these first; they are in no record
            if not self._missed:
                self._frames.append(frame)
                self._bytes += len(frame.text)
        if len(self._frames) > self._max_frames or self._bytes > self._max_bytes:
            self._forget()
        self._news.set()

    def notice(self, head: int) -> None:
        """The record goes up to `head`; if that is more than was offered, something went by unheard."""
        if head > self.seen:
            self.seen = head
            self._forget()
            self._news.set()

    def close(self) -> None:
        self._closed = True
        self._news.set()

    async def news(self) -> tuple[list[StoredFrame], bool]:
        """Wait for frames; the flag says that some are missing and the record must be read.

        Raises:
            HubClosed: the process is about to stop.
        """
        await self._news.wait()
        if self._closed:
            raise HubClosed
        self._news.clear()
        frames, missed = list(self._frames), self._missed
        self._frames.clear()
        self._bytes = 0
        self._missed = False
        return frames, missed

    def _forget(self) -> None:
        self._frames.clear()
        self._bytes = 0
        self._missed = True


class Hub:
    """Feeds by channel. All calls are made from the event loop's thread."""

    def __init__(self, *, max_frames: int = 256, max_bytes: int = 1024 * 1024) -> None:
        self._feeds: dict[Hashable, set[Feed]] = {}
        self._limits = (max_frames, max_bytes)
        self._closed = False

    @contextmanager
    def attach(self, channel: Hashable) -> Iterator[Feed]:
        """A feed for the length of the block; attach before reading the record, so that no frame falls between.

        Raises:
            HubClosed: the process is about to stop.
        """
        if self._closed:
            raise HubClosed
        feed = Feed(*self._limits)
        feeds = self._feeds.setdefault(channel, set())
        feeds.add(feed)
        try:
            yield feed
        finally:
            feeds.discard(feed)
            if not feeds:
                self._feeds.pop(channel, None)

    def deliver(self, channel: Hashable, frames: Sequence[StoredFrame]) -> None:
        for feed in self._feeds.get(channel, ()):
            feed.offer(frames)

    def notice(self, channel: Hashable, head: int) -> None:
        for feed in self._feeds.get(channel, ()):
            feed.notice(head)

    def watched(self, kind: str) -> list[Channel]:
        """The channels of this kind that somebody follows here."""
        return [c for c in self._feeds if isinstance(c, Channel) and c.kind == kind]

    @property
    def readers(self) -> int:
        return sum(len(feeds) for feeds in self._feeds.values())

    def close(self) -> None:
        """Tell every reader to leave; from now on nobody can attach."""
        self._closed = True
        for feeds in self._feeds.values():
            for feed in feeds:
                feed.close()
