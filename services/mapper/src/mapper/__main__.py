"""Start the mapper: read settings, build, run."""

from common.worker import run
from mapper.agent import MapperAgent
from mapper.app import make_router
from mapper.settings import MapperSettings

if __name__ == "__main__":
    run("mapper", MapperSettings(), lambda bus: make_router(bus, MapperAgent(now=bus.now)))
