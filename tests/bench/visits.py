"""What the engine costs per visit of an agent, beside SimPy as its documentation writes a queue, in the same run.

    python tests/bench/visits.py [ROUNDS]        (default 10; no servers needed)

Processor time, the median of the rounds. The raw counterpart: as many tasks through as many stations in a line, each
visit a request for a resource and a timeout; times drawn beforehand, nothing recorded.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import simpy

from bench.simulate import TEXTS
from common.contracts.failures import FailurePlan
from common.contracts.network import Network
from common.contracts.scenario import SimulationOptions
from engine.run import first_figures, prepare, simulate
from engine.walk import Walk
from engine.world import run
from failure.rules.selection import plan as plan_failures
from interpreter.rules.reading import interpret
from mapper.rules.mapping import map_network
from planner.rules.planning import plan
from simulation.rules import volume_per_min

type Case = tuple[Network, FailurePlan, float | None]

OPTIONS = SimulationOptions()
STATIONS, TASKS = 5, 2_000


def main(rounds: int) -> None:
    cases = [prepared(text) for text in TEXTS]
    worlds = [prepare(network, OPTIONS, volume).base.run for network, _, volume in cases]
    rows = [
        ("raw: SimPy, a process per task", *measured(rounds, raw)),
        ("walking the undisturbed network", *measured(rounds, lambda: [run(w.variant) for w in worlds])),
        ("first figures", *measured(rounds, lambda: [first(case) for case in cases])),
        ("a whole rehearsal", *measured(rounds, lambda: [rehearse(case) for case in cases])),
    ]  # fmt: skip
    base_us = rows[0][1] / rows[0][2]
    print(f"{'':34}{'ms':>9}{'visits':>9}{'µs a visit':>12}{'÷ raw':>8}")
    for name, cost_us, visits in rows:
        # Four networks a round.
        share = 1 if name.startswith("raw") else len(cases)
        each_us = cost_us / visits
        print(
            f"{name:34}{cost_us / share / 1e3:9.1f}{visits / share:9.0f}{each_us:12.1f}{each_us / base_us:8.2f}"
        )
    print(f"per simulation of {OPTIONS.tasks} tasks; raw: {TASKS} tasks, {STATIONS} stations")


def prepared(text: str) -> Case:
    reading = interpret(text)
    network = map_network(plan(reading), reading)
    return network, plan_failures(network, reading, None), volume_per_min(reading)


def first(case: Case) -> object:
    network, _, volume = case
    return first_figures(network, OPTIONS, volume_per_min=volume)


def rehearse(case: Case) -> object:
    network, failures, volume = case
    return simulate(network, failures, OPTIONS, volume_per_min=volume)


def raw() -> None:
    chance = random.Random(1)
    environment = simpy.Environment()
    stations = [simpy.Resource(environment) for _ in range(STATIONS)]
    lengths = [[chance.expovariate(1.0) for _ in range(STATIONS)] for _ in range(TASKS)]

    def task(own: list[float]) -> Generator[Any, Any]:
        for station, length in zip(stations, own, strict=True):
            with station.request() as turn:
                yield turn
                yield environment.timeout(length)

    def arrivals() -> Generator[Any, Any]:
        for own in lengths:
            yield environment.timeout(chance.expovariate(0.7))
            environment.process(task(own))

    environment.process(arrivals())
    environment.run()


def measured(rounds: int, work: Callable[[], object]) -> tuple[float, float]:
    """Processor microseconds of one round and the visits that were walked in it."""
    visits = 0
    walked = Walk.run

    def counted(walk: Walk) -> object:
        nonlocal visits
        tasks = walked(walk)
        visits += sum(len(log) for log in walk.log)
        return tasks

    Walk.run = counted  # type: ignore[method-assign, assignment]
    try:
        work()
    finally:
        Walk.run = walked  # type: ignore[method-assign]
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1e6, visits or STATIONS * TASKS


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
