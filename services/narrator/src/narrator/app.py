"""What the narrator hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.events import RunCompleted
from narrator.agent import NarratorAgent


def make_router(bus: Bus, agent: NarratorAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_run(message: NatsMessage) -> None:
        await bus.stage(message, (RunCompleted,), agent.narrate)

    return router
