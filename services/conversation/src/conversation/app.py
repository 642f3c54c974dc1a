"""What the conversation worker hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.streams import CHAT_ASK
from conversation.agent import ChatAgent
from conversation.replies import answer_to
from conversation.turns import DeliberationAgent


def make_router(bus: Bus, chat: ChatAgent, deliberation: DeliberationAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.questions(router, CHAT_ASK)
    async def on_chat(message: NatsMessage) -> None:
        await answer_to(bus, message.raw_message, chat)

    @bus.ears(router)
    async def on_turn_due(message: NatsMessage) -> None:
        await bus.turn(message, deliberation.take)

    return router
