"""Start the simulation: read settings, build, run."""

import threading
from importlib import import_module

from common.worker import run
from simulation.agent import ComparingAgent, SimulationAgent
from simulation.app import make_router
from simulation.settings import SimulationSettings

if __name__ == "__main__":
    # numpy and SimPy load beside the start, so that neither it nor the first job waits for them.
    threading.Thread(target=import_module, args=("engine.run",), daemon=True).start()
    run(
        "simulation",
        SimulationSettings(),
        lambda bus: make_router(
            bus, SimulationAgent(now=bus.now, show=bus.progressed), ComparingAgent()
        ),
    )
