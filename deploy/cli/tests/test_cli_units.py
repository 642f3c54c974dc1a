"""Numbers for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.values import Band
from simulator_cli.render.units import (
    duration,
    duration_band,
    money,
    money_band,
    points,
    share,
    share_band,
    shorten,
    signed,
)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "unknown"),
        (0.0, "0 s"),
        (0.0421, "42 ms"),
        (4.234, "4.2 s"),
        (95.0, "1.6 min"),
        (7_200.0, "2 h"),
        (200_000.0, "2.3 days"),
        (-1.2, "−1.2 s"),
    ],
)
def test_durations_take_the_unit_a_person_would_use(seconds: float | None, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("usd", "told"),
    [
        (None, "unknown"),
        (0.0, "$0.00"),
        (0.00042, "$0.00042"),
        (0.5, "$0.50"),
        (1.5, "$1.50"),
        (1_234.4, "$1,234"),
        (-0.004, "−$0.004"),
    ],
)
def test_an_unknown_price_is_unknown_and_only_free_is_zero(usd: float | None, told: str) -> None:
    assert money(usd) == told


def test_a_lower_bound_says_at_least_but_never_of_the_unknown() -> None:
    assert money(0.02, is_lower_bound=True) == "at least $0.02"
    assert money(None, is_lower_bound=True) == "unknown"
    assert money_band(None, is_lower_bound=True) == "unknown"


@given(st.floats(min_value=0.0, max_value=1.0))
def test_only_none_and_all_are_told_as_0_and_100_per_cent(value: float) -> None:
    assert (share(value) == "0 %") == (value == 0.0)
    assert (share(value) == "100 %") == (value == 1.0)


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_a_price_above_nothing_is_never_told_as_nothing(usd: float) -> None:
    assert any(digit in "123456789" for digit in money(usd))


def test_bands_state_their_interval_once_in_the_unit_of_the_value() -> None:
    assert duration_band(Band(value=4.2, low=3.9, high=4.6)) == "4.2 s (3.9–4.6)"
    assert duration_band(Band(value=95.0, low=50.0, high=120.0)) == "1.6 min (0.83–2)"
    assert share_band(Band(value=0.92, low=0.9, high=0.94)) == "92 % (90–94)"
    assert duration_band(Band(value=4.2, low=4.2, high=4.2)) == "4.2 s"
    assert share_band(None) == duration_band(None) == "unknown"


def test_differences_carry_their_sign_and_zero_has_none() -> None:
    assert signed(1.5, duration) == "+1.5 s"
    assert signed(-0.003, money) == "−$0.003"
    assert signed(0.0, duration) == "0 s"
    assert points(-0.031) == "−3.1 pp"
    assert points(0.0) == "0.0 pp"


@given(st.text(max_size=300), st.integers(min_value=2, max_value=80))
def test_shortened_text_is_one_line_within_its_length(text: str, length: int) -> None:
    short = shorten(text, length)

    assert len(short) <= length
    assert "\n" not in short
