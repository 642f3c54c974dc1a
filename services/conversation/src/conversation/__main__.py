"""Start the conversation worker: read settings, build, run."""

from faststream.nats import NatsRouter

from common.bus import Bus
from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from conversation.agent import ChatAgent
from conversation.app import make_router
from conversation.llm import chat_model
from conversation.settings import ConversationSettings
from conversation.speaking import speaker
from conversation.turns import DeliberationAgent

if __name__ == "__main__":
    models = ModelSettings()

    def router(bus: Bus) -> NatsRouter:
        port = models_for(bus, models)
        return make_router(
            bus,
            ChatAgent(now=bus.now, model=chat_model(port)),
            DeliberationAgent(now=bus.now, speaker=speaker(port)),
        )

    run("conversation", ConversationSettings(), router)
