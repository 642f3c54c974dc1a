"""Start the planner: read settings, build, run."""

from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from planner.agent import PlannerAgent
from planner.app import make_router
from planner.llm import planner_model
from planner.settings import PlannerSettings

if __name__ == "__main__":
    models = ModelSettings()
    run(
        "planner",
        PlannerSettings(),
        lambda bus: make_router(
            bus,
            PlannerAgent(
                now=bus.now, model=planner_model(models_for(bus, models), models.deadline_s)
            ),
        ),
    )
