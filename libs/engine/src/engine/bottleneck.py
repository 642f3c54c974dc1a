"""What fills first, and what one more server there would gain and cost."""

from collections.abc import Mapping

import numpy as np

from common.contracts.run import Bottleneck
from engine.bands import quantile
from engine.graph import Node
from engine.measure import MONTH_S, Sample, sample, utilisation
from engine.world import Variant, World, run


def bottleneck(world: World, base: Sample) -> Bottleneck | None:
    """The busiest agent, person or limit of `base`, relieved by one in a paired run. Null when nobody works."""
    shares = {n.index: utilisation(base, n).value for n in world.graph.nodes}
    index = max(shares, key=lambda i: (shares[i], -i))
    limit = _fullest_limit(base)
    if limit is not None and limit[1] > shares[index]:
        return Bottleneck(
            ref=limit[0],
            kind="provider",
            utilisation=limit[1],
            reason=f"the provider's limit is {limit[1]:.0%} used, more than any agent",
            relief="a higher limit, or a second provider",
        )
    return _agent(world, base, world.graph.nodes[index], shares) if shares[index] > 0 else None


def _agent(world: World, base: Sample, node: Node, shares: Mapping[int, float]) -> Bottleneck:
    relieved = sample(run(Variant(world, capacities={node.index: node.capacity + 1})))
    gain = _p95(base) - _p95(relieved)
    share = shares[node.index]
    return Bottleneck(
        ref=node.spec.id,
        kind="human" if node.is_human else "agent",
        utilisation=share,
        reason=f"busy {share:.0%} of the time with {node.capacity} at a time, more than any other",
        relief=f"{node.capacity + 1} at a time instead of {node.capacity}",
        latency_p95_gain_s=gain,
        cost_usd_per_month=_price_per_month(world, base, relieved, node),
    )


def _price_per_month(world: World, base: Sample, relieved: Sample, node: Node) -> float | None:
    """A person's hours if their price is known. An agent's second server is paid by token: the paired difference."""
    params = world.parameters
    if node.is_human:
        hourly = params.of("human", node.spec.id, "usd_per_hour")
        hours = params.of("human", node.spec.id, "hours_per_day")
        return None if hourly is None or hours is None else hourly * hours * 30.0
    if node.spec.model_class is None:
        return None
    each = float(np.concatenate(relieved.cost_usd).mean() - np.concatenate(base.cost_usd).mean())
    return each * world.plan.rate_per_s * MONTH_S


def _fullest_limit(base: Sample) -> tuple[str, float] | None:
    """The most used provider limit as (who shares it, share used)."""
    nodes = base.run.world.graph.nodes
    fullest: tuple[str, float] | None = None
    for index, gates in base.run.walks[0].setting.gates.items():
        for position in range(len(gates)):
            used = _used(base, index, position)
            name = nodes[index].spec.model_class if position == 0 and len(gates) > 1 else "provider"
            if fullest is None or used > fullest[1]:
                fullest = (name or "provider", used)
    return fullest


def _used(base: Sample, index: int, position: int) -> float:
    used, length = 0.0, 0.0
    for finished in base.run.walks:
        gate = finished.setting.gates[index][position]
        busy = gate.busy_s / len(gate.free_s) if gate.free_s else gate.calls * gate.spacing_s
        used, length = used + busy, length + finished.changed_s
    return min(1.0, used / length) if length > 0 else 0.0


def _p95(data: Sample) -> float:
    return quantile(np.concatenate(data.latency_s), 0.95)
