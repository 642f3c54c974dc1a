"""What the simulation hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.comparing import CompareAsked
from common.contracts.events import FailuresSelected
from common.streams import COMPARE_ASK
from simulation.agent import ComparingAgent, SimulationAgent


def make_router(bus: Bus, agent: SimulationAgent, comparing: ComparingAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_failures(message: NatsMessage) -> None:
        await bus.stage(message, (FailuresSelected,), agent.run)

    @bus.questions(router, COMPARE_ASK)
    async def on_compare(message: NatsMessage) -> None:
        await bus.answer(message, CompareAsked, comparing.compare)

    return router
