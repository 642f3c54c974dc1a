"""Start the simulation: read settings, build, run."""

from common.worker import run
from simulation.agent import SimulationAgent
from simulation.app import make_router
from simulation.settings import SimulationSettings

if __name__ == "__main__":
    run(
        "simulation",
        SimulationSettings(),
        lambda bus: make_router(bus, SimulationAgent(now=bus.now)),
    )
