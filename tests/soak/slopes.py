"""Whether a series of samples grows: a straight line through them, and how sure its slope is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["flat", "grows", "unclear"]

_T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Two-sided 95 % of Student's t for 1 to 10 degrees of freedom; beyond, 1.96 + 2.5 / degrees (within 1 % of the table)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Units of the series per hour. `either_way`: half of the 95 % interval, as if the samples' errors were independent."""

    per_hour: float
    either_way: float
    first: float
    last: float
    """The line at the first and at the last sample."""

    @property
    def least(self) -> float:
        return self.per_hour - self.either_way

    @property
    def most(self) -> float:
        return self.per_hour + self.either_way

    def verdict(self, limit_per_hour: float) -> Verdict:
        """`grows`: more than the limit for sure; `flat`: at most the limit for sure."""
        if self.least > limit_per_hour:
            return "grows"
        return "flat" if self.most <= limit_per_hour else "unclear"


def slope(times_s: Sequence[float], values: Sequence[float]) -> Slope:
    """Least squares.

    Raises:
        ValueError: fewer than three samples, or all at one moment.
    """
    n = len(times_s)
    if n < 3 or n != len(values):
        raise ValueError("a slope with an interval needs three samples or more")
    hours = [(t - times_s[0]) / 3600 for t in times_s]
    middle, mean = sum(hours) / n, sum(values) / n
    spread = sum((h - middle) ** 2 for h in hours)
    if spread == 0:
        raise ValueError("all samples are of one moment")
    per_hour = sum((h - middle) * (v - mean) for h, v in zip(hours, values, strict=True)) / spread
    rest = sum(
        (v - mean - per_hour * (h - middle)) ** 2 for h, v in zip(hours, values, strict=True)
    )
    error = (rest / (n - 2) / spread) ** 0.5
    return Slope(
        per_hour=per_hour,
        either_way=_t95(n - 2) * error,
        first=mean + per_hour * (hours[0] - middle),
        last=mean + per_hour * (hours[-1] - middle),
    )


def after_warm_up(
    times_s: Sequence[float], values: Sequence[float], warm_up_s: float
) -> tuple[list[float], list[float]]:
    """The samples from `warm_up_s` after the first on: caches fill and code is loaded before."""
    kept = [(t, v) for t, v in zip(times_s, values, strict=True) if t - times_s[0] >= warm_up_s]
    return [t for t, _ in kept], [v for _, v in kept]


def _t95(degrees: int) -> float:
    return _T95[degrees - 1] if degrees <= len(_T95) else 1.96 + 2.5 / degrees
