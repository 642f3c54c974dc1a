"""Start the conversation worker: read settings, build, run."""

from common.worker import run
from conversation.agent import ChatAgent
from conversation.app import make_router
from conversation.settings import ConversationSettings
from conversation.turns import DeliberationAgent

if __name__ == "__main__":
    run(
        "conversation",
        ConversationSettings(),
        lambda bus: make_router(bus, ChatAgent(now=bus.now), DeliberationAgent(now=bus.now)),
    )
