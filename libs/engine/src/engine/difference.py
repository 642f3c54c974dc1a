"""Two networks side by side: the same tasks, the same random numbers, the same arrivals."""

from common.contracts.comparing import CompareAnswered, CompareSide
from engine.compare import cost_gain_usd, latency_p95_gain_s, paired, success_gain
from engine.measure import Sample, sample
from engine.model import read_overrides
from engine.sizing import arrivals_for, plan_for
from engine.world import Variant, make_world, run

MAX_TASKS = 500
"""As many as the failures of a rehearsal are compared on."""


def difference(a: CompareSide, b: CompareSide) -> CompareAnswered:
    """B minus a. Seed, tasks and arrivals are a's, so that only what differs between the networks differs.

    Raises:
        OverrideRejected: an override the engine does not understand.
        NetworkRejected: one of the networks cannot be walked.
    """
    options = a.options
    parameters = read_overrides(options.overrides, a.network)
    arrivals = arrivals_for(
        a.network, parameters, options.seed, options.arrival_rate_per_min, a.volume_per_min
    )
    plan = plan_for(min(options.tasks, MAX_TASKS), options.seed, arrivals.rate_per_min / 60.0)

    def rehearse(side: CompareSide) -> Sample:
        own = read_overrides(side.options.overrides, side.network)
        return sample(run(Variant(make_world(side.network, own, plan))))

    old, new = rehearse(a), rehearse(b)
    return CompareAnswered(
        tasks=plan.tasks,
        replications=plan.replications,
        arrival_rate_per_min=arrivals.rate_per_min,
        success=success_gain(new, old),
        latency_p50_s=paired(new.latency_s, old.latency_s, at=0.5),
        latency_p95_s=latency_p95_gain_s(new, old),
        cost_usd_per_task=cost_gain_usd(new, old),
    )
