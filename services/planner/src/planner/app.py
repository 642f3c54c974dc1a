"""What the planner hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.events import ArchitectureEdited, ScenarioInterpreted
from planner.agent import PlannerAgent


def make_router(bus: Bus, agent: PlannerAgent) -> NatsRouter:
    router = NatsRouter()

    @router.subscriber(**bus.ears())
    async def on_intent(message: NatsMessage) -> None:
        await bus.stage(
            message,
            (
                ScenarioInterpreted,
                ArchitectureEdited,
            ),
            agent.plan,
        )

    return router
