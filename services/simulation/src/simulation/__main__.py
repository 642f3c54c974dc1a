"""Start the simulation: read settings, build, run."""

import gc
import threading
from importlib import import_module

from common.worker import run
from simulation.agent import ComparingAgent, SimulationAgent
from simulation.app import make_router
from simulation.settings import SimulationSettings

YOUNG_OBJECTS = 100_000
"""New objects between two collections: a run keeps tens of thousands of visits alive to its end, and looking through
them as often as Python does by default is about a tenth of its processor time. It bounds what garbage adds."""

if __name__ == "__main__":
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    # numpy and SimPy load beside the start, so that neither it nor the first job waits for them.
    threading.Thread(target=import_module, args=("engine.run",), daemon=True).start()
    run(
        "simulation",
        SimulationSettings(),
        lambda bus: make_router(
            bus, SimulationAgent(now=bus.now, show=bus.progressed), ComparingAgent()
        ),
    )
