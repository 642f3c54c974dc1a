"""Start the narrator: read settings, build, run."""

from common.worker import run
from narrator.agent import NarratorAgent
from narrator.app import make_router
from narrator.settings import NarratorSettings

if __name__ == "__main__":
    run("narrator", NarratorSettings(), lambda bus: make_router(bus, NarratorAgent(now=bus.now)))
