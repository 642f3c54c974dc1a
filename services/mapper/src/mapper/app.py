"""What the mapper hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.events import ArchitecturePlanned
from mapper.agent import MapperAgent


def make_router(bus: Bus, agent: MapperAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_plan(message: NatsMessage) -> None:
        await bus.stage(message, (ArchitecturePlanned,), agent.map)

    return router
