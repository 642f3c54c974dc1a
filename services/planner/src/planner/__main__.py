"""Start the planner: read settings, build, run."""

from common.worker import run
from engine.forecast import forecast
from planner.agent import PlannerAgent
from planner.app import make_router
from planner.editing import EditorAgent
from planner.review import ReviewerAgent
from planner.settings import PlannerSettings

if __name__ == "__main__":
    run(
        "planner",
        PlannerSettings(),
        lambda bus: make_router(
            bus, PlannerAgent(now=bus.now, forecast=forecast), EditorAgent(), ReviewerAgent()
        ),
    )
