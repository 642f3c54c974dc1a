"""What the conversation worker hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.streams import CHAT_ASK
from conversation.agent import ChatAgent
from conversation.replies import answer_to

QUEUE = "conversation"
"""Replicas share the questions."""


def make_router(bus: Bus, chat: ChatAgent) -> NatsRouter:
    router = NatsRouter()

    @router.subscriber(CHAT_ASK, queue=QUEUE, max_workers=bus.slots, no_reply=True)
    async def on_chat(message: NatsMessage) -> None:
        await answer_to(bus, message.raw_message, chat)

    return router
