"""Start the failure: read settings, build, run."""

from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from failure.agent import FailureAgent
from failure.app import make_router
from failure.llm import failure_model
from failure.settings import FailureSettings

if __name__ == "__main__":
    models = ModelSettings()
    run(
        "failure",
        FailureSettings(),
        lambda bus: make_router(
            bus,
            FailureAgent(
                now=bus.now, model=failure_model(models_for(bus, models), models.deadline_s)
            ),
        ),
    )
