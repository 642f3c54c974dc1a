"""Estimates with their 95 % confidence intervals, from independent replications."""

import math
from collections.abc import Sequence

import numpy as np

from common.contracts.run import Quantiles
from common.contracts.values import Band
from engine.draws import Floats

# Student's t, 97.5 %, by degrees of freedom; beyond the table the normal value is within 2 %.
_T975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_Z975 = 1.959964
_T995 = (
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169,
    3.106, 3.055, 3.012, 2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845,
    2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.750,
)  # fmt: skip
_Z995 = 2.575829


def t975(degrees: int) -> float:
    """97.5 % quantile of Student's t; `degrees` at least 1."""
    return _T975[degrees - 1] if degrees <= len(_T975) else _Z975 * (1 + 1.2 / degrees)


def t995(degrees: int) -> float:
    """99.5 % quantile of Student's t; `degrees` at least 1."""
    return _T995[degrees - 1] if degrees <= len(_T995) else _Z995 * (1 + 1.9 / degrees)


def band(value: float, sections: Sequence[float]) -> Band:
    """`value` from all data with the spread of the same estimate per replication (sectioning).

    Source: Asmussen and Glynn, Stochastic Simulation (2007), III.5. With one section there is no spread to see.
    """
    return Band(value=value, low=value - half_width(sections), high=value + half_width(sections))


def half_width(sections: Sequence[float]) -> float:
    r = len(sections)
    if r < 2:
        return 0.0
    return t975(r - 1) * float(np.std(sections, ddof=1)) / math.sqrt(r)


def share_band(hits: int, n: int, sections: Sequence[float]) -> Band:
    """A share 0…1. The wider of sectioning and Wilson's interval, which stays honest when every task succeeds.

    Source: Wilson 1927, score interval.
    """
    if n == 0:
        return Band(value=0.0, low=0.0, high=1.0)
    p, z2 = hits / n, _Z975**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    spread = _Z975 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    width = half_width(sections)
    low = max(0.0, min(p, centre - spread, p - width))
    return Band(value=p, low=low, high=min(1.0, max(p, centre + spread, p + width)))


def quantile(values: Floats, q: float) -> float:
    """Linear between order statistics, as `numpy.quantile`, which takes twenty times as long on small arrays."""
    return quantile_of_sorted(np.sort(values), q)


def quantile_of_sorted(ordered: Floats, q: float) -> float:
    at = q * (ordered.size - 1)
    below = int(at)
    above = min(below + 1, ordered.size - 1)
    low, high = float(ordered[below]), float(ordered[above])
    return low + (high - low) * (at - below)


def quantiles(sections: Sequence[Floats]) -> Quantiles:
    """Mean, p50, p95, p99 of all sections' values together; never below 0."""
    everything = np.sort(np.concatenate(sections))
    ordered = [np.sort(section) for section in sections if section.size]
    mean = band(float(np.mean(everything)), [float(np.mean(s)) for s in ordered])
    p50, p95, p99 = (
        band(quantile_of_sorted(everything, q), [quantile_of_sorted(s, q) for s in ordered])
        for q in (0.50, 0.95, 0.99)
    )
    return Quantiles(mean=positive(mean), p50=positive(p50), p95=positive(p95), p99=positive(p99))


def positive(estimate: Band) -> Band:
    return Band(value=estimate.value, low=max(0.0, estimate.low), high=estimate.high)


def difference(new: Sequence[float], old: Sequence[float], value: float) -> Band:
    """`value` = new - old over all data, with the spread of the paired differences per replication."""
    return band(value, [a - b for a, b in zip(new, old, strict=True)])
