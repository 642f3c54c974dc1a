"""Start the narrator: read settings, build, run."""

from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from narrator.agent import NarratorAgent
from narrator.app import make_router
from narrator.collector import Collector, endpoint
from narrator.llm import narrator_model
from narrator.settings import NarratorSettings

if __name__ == "__main__":
    models = ModelSettings()
    run(
        "narrator",
        NarratorSettings(),
        lambda bus: make_router(
            bus,
            NarratorAgent(
                now=bus.now, model=narrator_model(models_for(bus, models), models.deadline_s)
            ),
            Collector(endpoint()),
        ),
    )
