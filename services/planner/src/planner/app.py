"""What the planner hears and says."""

from faststream.nats import NatsMessage, NatsRouter

from common.bus import Bus
from common.contracts.editing import EditAsked, ReviewAsked
from common.contracts.events import ArchitectureEdited, ScenarioInterpreted
from common.streams import EDIT_ASK, REVIEW_ASK
from planner.agent import PlannerAgent
from planner.editing import EditorAgent
from planner.review import ReviewerAgent

PLANNED_FROM: tuple[type[ScenarioInterpreted | ArchitectureEdited], ...] = (
    ScenarioInterpreted,
    ArchitectureEdited,
)


def make_router(
    bus: Bus, agent: PlannerAgent, editor: EditorAgent, reviewer: ReviewerAgent
) -> NatsRouter:
    router = NatsRouter()

    @bus.ears(router)
    async def on_intent(message: NatsMessage) -> None:
        await bus.stage(message, PLANNED_FROM, agent.plan)

    @bus.questions(router, EDIT_ASK)
    async def on_edit(message: NatsMessage) -> None:
        await bus.answer(message, EditAsked, editor.edit)

    @bus.questions(router, REVIEW_ASK)
    async def on_review(message: NatsMessage) -> None:
        await bus.answer(message, ReviewAsked, reviewer.review)

    return router
