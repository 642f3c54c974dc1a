"""How long jobs took, counted into fixed buckets: what a histogram needs and no more."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 150.0)
"""From what a rules engine needs to the longest a step may take."""


@dataclass(slots=True)
class Durations:
    """Counts per bucket; the last one is for everything longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Prometheus form: upper bound and how many took at most that long."""
        bounds = (*(str(bound) for bound in BOUNDS_S), "+Inf")
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))
