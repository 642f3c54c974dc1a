"""Accepted frames of conversations: to this process's hub, and over core NATS to those of others."""

from collections.abc import Sequence

import orjson
from nats.aio.msg import Msg

from common.codec import decode
from common.contracts.conversations import TurnDelta
from common.errors import MalformedMessage
from common.streams import LIVE_WORDS, live_subject
from gateway.bus import Bus
from gateway.conversations.frames import fleeting, read
from gateway.fanout import messages
from gateway.frames import StoredFrame
from gateway.hub import Channel, Hub

LIVE_KIND = "conv"
"""Names conversations in live subjects and in channels."""
MAX_OWNERS = 10_000


class ConversationFanout:
    """As `gateway.fanout`: a courtesy; whoever misses frames reads the record."""

    def __init__(self, hub: Hub, bus: Bus | None) -> None:
        self._hub = hub
        self._bus = bus
        self._owners: dict[str, str] = {}

    async def deliver(
        self, tenant: str, conversation_id: str, frames: Sequence[StoredFrame]
    ) -> None:
        if not frames:
            return
        self._hub.deliver(self._channel(tenant, conversation_id), frames)
        if self._bus is not None:
            for payload in messages(tenant, frames):
                await self._bus.tell(live_subject(LIVE_KIND, conversation_id), payload)

    async def hear(self, message: Msg) -> None:
        """Frames another process accepted. Whoever writes nonsense here is not heard."""
        try:
            told = orjson.loads(message.data)
            tenant, head = str(told["tenant"]), int(told["head"])
            frames = [read(text) for text in told["frames"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        channel = self._channel(tenant, message.subject.rsplit(".", 1)[-1])
        self._hub.deliver(channel, frames)
        self._hub.notice(channel, head)

    async def hear_words(self, message: Msg) -> None:
        """What a worker's model is writing, for whoever follows here. Nonsense is not heard."""
        try:
            delta = decode(TurnDelta, message.data, message.headers)
        except MalformedMessage:
            return
        owner = self._owners.get(delta.conversation_id)
        if owner and message.subject == live_subject(LIVE_WORDS, delta.conversation_id):
            channel = Channel(owner, LIVE_KIND, delta.conversation_id)
            self._hub.deliver(channel, [fleeting(delta)])

    def _channel(self, tenant: str, conversation_id: str) -> Channel:
        """The channel; also notes the owner, because workers, who send words, know nothing of tenants.

        The frame that gives the floor goes before the words of the turn, so the note is there when they come.
        """
        self._owners.pop(conversation_id, None)
        self._owners[conversation_id] = tenant
        if len(self._owners) > MAX_OWNERS:
            del self._owners[next(iter(self._owners))]
        return Channel(tenant, LIVE_KIND, conversation_id)
