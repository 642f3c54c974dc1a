"""What the narrator hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.events import RunCompleted
from narrator.agent import NarratorAgent
from narrator.collector import Collector


def make_router(bus: Bus, agent: NarratorAgent, collector: Collector) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_run(message: NatsMessage) -> None:
        collector.send(await bus.stage(message, (RunCompleted,), agent.narrate))

    return router
