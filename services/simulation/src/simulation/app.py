"""What the simulation hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.events import FailuresSelected
from simulation.agent import SimulationAgent


def make_router(bus: Bus, agent: SimulationAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_failures(message: NatsMessage) -> None:
        await bus.stage(message, (FailuresSelected,), agent.run)

    return router
