"""What the failure hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.events import ToolsMapped
from failure.agent import FailureAgent


def make_router(bus: Bus, agent: FailureAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_network(message: NatsMessage) -> None:
        await bus.stage(message, (ToolsMapped,), agent.select)

    return router
