"""Start the interpreter: read settings, build, run."""

from common.worker import run
from interpreter.agent import InterpreterAgent
from interpreter.app import make_router
from interpreter.settings import InterpreterSettings

if __name__ == "__main__":
    run(
        "interpreter",
        InterpreterSettings(),
        lambda bus: make_router(bus, InterpreterAgent(now=bus.now)),
    )
