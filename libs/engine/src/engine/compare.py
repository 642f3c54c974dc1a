"""Paired differences: the same tasks with the same random numbers, once with and once without."""

import numpy as np

from common.contracts.values import Band
from engine.bands import difference, quantile
from engine.draws import Floats
from engine.measure import Sample


def success_gain(new: Sample, old: Sample) -> Band:
    return paired(new.success, old.success)


def latency_p95_gain_s(new: Sample, old: Sample) -> Band:
    return paired(new.latency_s, old.latency_s, at=0.95)


def cost_gain_usd(new: Sample, old: Sample) -> Band | None:
    """Null when neither run's cost is known."""
    if not any(cost.any() for cost in [*new.cost_usd, *old.cost_usd]):
        return None
    return paired(new.cost_usd, old.cost_usd)


def paired(new: list[Floats], old: list[Floats], *, at: float | None = None) -> Band:
    """New - old of the mean or of a quantile, with the spread of the difference per replication."""

    def of(values: Floats) -> float:
        return float(values.mean()) if at is None else quantile(values, at)

    value = of(np.concatenate(new)) - of(np.concatenate(old))
    return difference([of(v) for v in new], [of(v) for v in old], value)
