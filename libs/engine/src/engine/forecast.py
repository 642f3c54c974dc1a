"""A short run that tells a planner roughly what a network would do. numpy and SimPy are loaded at the first call."""

from typing import TYPE_CHECKING

from common.contracts.network import Forecast, Network

if TYPE_CHECKING:
    from common.contracts.values import Band


def forecast(network: Network, *, seed: int = 1, tasks: int = 60) -> Forecast:
    """Latency, cost and success of `tasks` tasks at moderate load, without failures. Same arguments, same bands.

    Raises:
        NetworkRejected: the network cannot be walked.
    """
    from engine.bands import positive, quantiles, share_band
    from engine.measure import cost_band, sample
    from engine.model import Parameters
    from engine.sizing import arrivals_for, plan_for
    from engine.world import Variant, make_world, run

    parameters = Parameters()
    arrivals = arrivals_for(network, parameters, seed, None, None)
    world = make_world(network, parameters, plan_for(tasks, seed, arrivals.rate_per_min / 60.0))
    data = sample(run(Variant(world)))
    latency = quantiles(data.latency_s)
    success = data.success
    hits = int(sum(s.sum() for s in success))
    cost: Band | None = cost_band(data)[0]
    return Forecast(
        latency_p50_s=positive(latency.p50),
        latency_p95_s=positive(latency.p95),
        cost_usd_per_task=cost,
        success=share_band(hits, data.tasks, [float(s.mean()) for s in success]),
        agents=len(network.agents),
    )
