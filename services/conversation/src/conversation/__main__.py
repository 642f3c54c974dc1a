"""Start the conversation worker: read settings, build, run."""

from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from conversation.agent import ChatAgent
from conversation.app import make_router
from conversation.llm import chat_model
from conversation.settings import ConversationSettings
from conversation.turns import DeliberationAgent

if __name__ == "__main__":
    models = ModelSettings()
    run(
        "conversation",
        ConversationSettings(),
        lambda bus: make_router(
            bus,
            ChatAgent(now=bus.now, model=chat_model(models_for(bus, models))),
            DeliberationAgent(now=bus.now),
        ),
    )
