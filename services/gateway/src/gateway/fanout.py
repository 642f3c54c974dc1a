"""Where accepted frames go after the commit: to this process's hub, and over core NATS to those of others."""

from collections.abc import Iterator, Sequence

import orjson
from nats.aio.msg import Msg

from common.streams import live_subject
from gateway.bus import Bus
from gateway.frames import StoredFrame, read_frame
from gateway.hub import Channel, Hub

LIVE_KIND = "sim"
"""Names simulations in live subjects and in channels."""
MAX_LIVE_BYTES = 128 * 1024
"""A frame larger than this is only announced; the other hubs read it from the record."""


class Fanout:
    """Delivery is a courtesy: whoever misses frames reads the record, so nothing here is retried."""

    def __init__(self, hub: Hub, bus: Bus | None) -> None:
        self._hub = hub
        self._bus = bus

    async def deliver(self, tenant: str, simulation_id: str, frames: Sequence[StoredFrame]) -> None:
        if not frames:
            return
        self._hub.deliver(Channel(tenant, LIVE_KIND, simulation_id), frames)
        if self._bus is not None:
            for payload in messages(tenant, frames):
                await self._bus.tell(live_subject(LIVE_KIND, simulation_id), payload)

    async def hear(self, message: Msg) -> None:
        """Frames another process accepted. Whoever writes nonsense here is not heard."""
        try:
            told = orjson.loads(message.data)
            tenant, head, texts = str(told["tenant"]), int(told["head"]), list(told["frames"])
            frames = [read_frame(text) for text in texts]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        channel = Channel(tenant, LIVE_KIND, message.subject.rsplit(".", 1)[-1])
        self._hub.deliver(channel, frames)
        self._hub.notice(channel, head)


def messages(tenant: str, frames: Sequence[StoredFrame]) -> Iterator[bytes]:
    """Frames packed in messages of bounded size; each says whose they are and how far the record goes."""
    texts: list[str] = []
    size = 0
    head = frames[0].seq
    for frame in frames:
        if size + len(frame.text) > MAX_LIVE_BYTES and texts:
            yield orjson.dumps({"tenant": tenant, "head": head, "frames": texts})
            texts, size = [], 0
        head = frame.seq
        if len(frame.text) <= MAX_LIVE_BYTES:
            texts.append(frame.text)
            size += len(frame.text)
    yield orjson.dumps({"tenant": tenant, "head": head, "frames": texts})
