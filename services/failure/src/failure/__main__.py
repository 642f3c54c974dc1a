"""Start the failure: read settings, build, run."""

from common.worker import run
from failure.agent import FailureAgent
from failure.app import make_router
from failure.settings import FailureSettings

if __name__ == "__main__":
    run("failure", FailureSettings(), lambda bus: make_router(bus, FailureAgent(now=bus.now)))
