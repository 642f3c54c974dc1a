"""Start the mapper: read settings, build, run."""

from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from mapper.agent import MapperAgent
from mapper.app import make_router
from mapper.llm import mapper_model
from mapper.settings import MapperSettings

if __name__ == "__main__":
    models = ModelSettings()
    run(
        "mapper",
        MapperSettings(),
        lambda bus: make_router(
            bus,
            MapperAgent(
                now=bus.now, model=mapper_model(models_for(bus, models), models.deadline_s)
            ),
        ),
    )
