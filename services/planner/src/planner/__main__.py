"""Start the planner: read settings, build, run."""

from faststream.nats import NatsRouter

from common.bus import Bus
from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from engine.forecast import forecast
from planner.agent import PlannerAgent
from planner.app import make_router
from planner.editing import EditorAgent
from planner.editing.llm import editor_model
from planner.llm import planner_model
from planner.review import ReviewerAgent
from planner.review.llm import reviewer_model
from planner.settings import PlannerSettings


def make(bus: Bus) -> NatsRouter:
    settings = ModelSettings()
    port = models_for(bus, settings)
    return make_router(
        bus,
        PlannerAgent(
            now=bus.now, forecast=forecast, model=planner_model(port, settings.deadline_s)
        ),
        EditorAgent(model=editor_model(port)),
        ReviewerAgent(model=reviewer_model(port)),
    )


if __name__ == "__main__":
    run("planner", PlannerSettings(), make)
