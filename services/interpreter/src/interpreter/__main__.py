"""Start the interpreter: read settings, build, run."""

from common.llm.connect import models_for
from common.llm.settings import ModelSettings
from common.worker import run
from interpreter.agent import InterpreterAgent
from interpreter.app import make_router
from interpreter.llm import interpreter_model
from interpreter.settings import InterpreterSettings

if __name__ == "__main__":
    models = ModelSettings()
    run(
        "interpreter",
        InterpreterSettings(),
        lambda bus: make_router(
            bus,
            InterpreterAgent(
                now=bus.now,
                model=interpreter_model(models_for(bus, models), models.deadline_s),
            ),
        ),
    )
