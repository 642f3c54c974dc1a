"""A leak is found, noise is not taken for one, and what cannot be known is said to be unclear."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.slopes import after_warm_up, slope

HALF_HOUR = [10.0 * n for n in range(180)]


def noisy(level: float, per_hour: float, noise: float, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [level + per_hour * t / 3600 + chance.gauss(0, noise) for t in HALF_HOUR]


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_under_noise_grows(seed: int) -> None:
    assert slope(HALF_HOUR, noisy(80, 6, 0.3, seed)).verdict(1.0) == "grows"


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_flat(seed: int) -> None:
    assert slope(HALF_HOUR, noisy(80, 0, 0.2, seed)).verdict(1.0) == "flat"


def test_the_interval_holds_the_true_slope_nineteen_times_in_twenty() -> None:
    lines = [slope(HALF_HOUR, noisy(80, 6, 0.5, seed)) for seed in range(400)]

    assert 0.92 <= sum(line.least <= 6 <= line.most for line in lines) / len(lines) <= 0.98


def test_a_few_wild_samples_are_unclear() -> None:
    assert slope([0, 60, 120, 180], [80, 95, 70, 90]).verdict(1.0) == "unclear"


def test_something_that_shrinks_is_flat() -> None:
    assert slope(HALF_HOUR, noisy(80, -30, 0.5)).verdict(1.0) == "flat"


def test_a_rise_while_warming_up_is_not_counted() -> None:
    times = [10.0 * n for n in range(100)]
    values = [min(n, 30) for n in range(100)]

    assert slope(times, values).verdict(1.0) == "grows"
    assert slope(*after_warm_up(times, values, 300)).verdict(1.0) == "flat"


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_straight_line_gives_its_own_slope(level: float, per_hour: float) -> None:
    found = slope(HALF_HOUR, [level + per_hour * t / 3600 for t in HALF_HOUR])

    assert found.per_hour == pytest.approx(per_hour, abs=1e-6)
    assert found.either_way == pytest.approx(0, abs=1e-6)
    assert found.first == pytest.approx(level, abs=1e-6)


@pytest.mark.parametrize("times", [[], [1], [1, 2], [5, 5, 5]])
def test_too_little_has_no_slope(times: list[float]) -> None:
    with pytest.raises(ValueError, match="sample"):
        slope(times, times)
