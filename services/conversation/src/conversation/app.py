"""What the conversation worker hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.streams import CHAT_ASK, PERSONA_ASK
from conversation.agent import ChatAgent
from conversation.replies import answer_to, audition, tell
from conversation.turns import DeliberationAgent


def make_router(bus: Bus, chat: ChatAgent, deliberation: DeliberationAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.questions(router, CHAT_ASK)
    async def on_chat(message: NatsMessage) -> None:
        await answer_to(bus, message.raw_message, chat)

    @bus.questions(router, PERSONA_ASK)
    async def on_persona(message: NatsMessage) -> None:
        await audition(bus, message.raw_message, deliberation)

    @bus.ears(router)
    async def on_turn_due(message: NatsMessage) -> None:
        await bus.turn(message, lambda due: deliberation.take(due, lambda delta: tell(bus, delta)))

    return router
