"""Accepted frames of conversations: to this process's hub, and over core NATS to those of others."""

from collections.abc import Sequence

import orjson
from nats.aio.msg import Msg

from common.codec import decode
from common.contracts.conversations import TurnDelta
from common.errors import MalformedMessage
from common.streams import LIVE_WORDS, live_subject
from gateway.bus import Bus
from gateway.conversations.frames import fleeting, hub_key, read
from gateway.fanout import messages
from gateway.frames import StoredFrame
from gateway.hub import Hub

LIVE_KIND = "conv"


class ConversationFanout:
    """As `gateway.fanout`: a courtesy; whoever misses frames reads the record."""

    def __init__(self, hub: Hub, bus: Bus | None) -> None:
        self._hub = hub
        self._bus = bus

    async def deliver(self, conversation_id: str, frames: Sequence[StoredFrame]) -> None:
        if not frames:
            return
        self._hub.deliver(hub_key(conversation_id), frames)
        if self._bus is not None:
            for payload in messages(frames):
                await self._bus.tell(live_subject(LIVE_KIND, conversation_id), payload)

    async def hear(self, message: Msg) -> None:
        """Frames another process accepted. Whoever writes nonsense here is not heard."""
        try:
            told = orjson.loads(message.data)
            head, frames = int(told["head"]), [read(text) for text in told["frames"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        key = hub_key(message.subject.rsplit(".", 1)[-1])
        self._hub.deliver(key, frames)
        self._hub.notice(key, head)

    async def hear_words(self, message: Msg) -> None:
        """What a worker's model is writing, for whoever follows here. Nonsense is not heard."""
        try:
            delta = decode(TurnDelta, message.data, message.headers)
        except MalformedMessage:
            return
        if message.subject == live_subject(LIVE_WORDS, delta.conversation_id):
            self._hub.deliver(hub_key(delta.conversation_id), [fleeting(delta)])
