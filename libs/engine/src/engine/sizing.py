"""How large a run is and how fast tasks arrive in it."""

from dataclasses import dataclass

import numpy as np

from common.contracts.network import Network
from engine.model import Parameters
from engine.settings import accept_shares
from engine.state import Setting
from engine.world import Plan, Variant, World, make_world, walk

MANY_REPLICATIONS, FEW_REPLICATIONS = 10, 5
"""Ten replications give a t of 2.26 for the bands; below `ENOUGH_TASKS` tasks five keep the replications longer."""
ENOUGH_TASKS = 100
WARMUP_SHARE, WARMUP_LEAST = 0.15, 8
"""Tasks let in before measuring begins, per replication (queueing.md 12: at least the first 10 %)."""
PILOT_TASKS = 40


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Tasks per minute, and where that figure comes from. `capacity_per_min` is what the bottleneck carries."""

    rate_per_min: float
    source: str
    capacity_per_min: float


def plan_for(tasks: int, seed: int, rate_per_s: float) -> Plan:
    """At least `tasks` measured tasks, in equal replications."""
    most = MANY_REPLICATIONS if tasks >= ENOUGH_TASKS else FEW_REPLICATIONS
    replications = max(2, min(most, tasks))
    measured = max(1, -(-tasks // replications))
    warmup = max(WARMUP_LEAST, round(WARMUP_SHARE * measured))
    return Plan(seed, replications, warmup, measured, rate_per_s)


def arrivals_for(
    network: Network,
    parameters: Parameters,
    seed: int,
    asked_per_min: float | None,
    volume_per_min: float | None,
) -> Arrivals:
    """The asked rate, else the scenario's volume, else what loads the bottleneck moderately."""
    capacity = capacity_per_min(network, parameters, seed)
    if asked_per_min is not None:
        return Arrivals(asked_per_min, "asked for in the options", capacity)
    if volume_per_min is not None and volume_per_min > 0:
        return Arrivals(volume_per_min, "volume read in the scenario", capacity)
    load = parameters.number("arrivals.target_utilisation")
    return Arrivals(
        load * capacity,
        f"assumed: no volume is known; loads the bottleneck to {load:.0%}",
        capacity,
    )


def capacity_per_min(network: Network, parameters: Parameters, seed: int) -> float:
    """Tasks per minute at which the busiest agent is always busy, from a pilot of tasks that never meet."""
    pilot = Plan(seed, 1, 0, PILOT_TASKS, 1.0)
    world = make_world(network, parameters, pilot)
    busy_s = _work_per_task(world)
    loads = [
        seconds / node.capacity for seconds, node in zip(busy_s, world.graph.nodes, strict=True)
    ]
    most = max(loads)
    return 60.0 / most if most > 0 else 60.0


def _work_per_task(world: World) -> list[float]:
    apart = [1e9 * (i + 1) for i in range(PILOT_TASKS)]
    variant = Variant(world)
    setting = Setting(
        arrivals_s=apart,
        first_index=0,
        accept=accept_shares(world.graph, world.parameters),
        absorbed_share=world.parameters.number("merge.absorbed_share"),
        repeat_share=world.parameters.number("loop.repeat_share"),
    )
    finished = walk(variant, setting)
    return [
        float(np.sum([v.ended_s - v.started_s for v in log])) / PILOT_TASKS for log in finished.log
    ]
