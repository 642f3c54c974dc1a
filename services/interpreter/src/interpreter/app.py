"""What the interpreter hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.events import SimulationRequested
from interpreter.agent import InterpreterAgent


def make_router(bus: Bus, agent: InterpreterAgent) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_request(message: NatsMessage) -> None:
        await bus.stage(message, (SimulationRequested,), agent.interpret)

    return router
