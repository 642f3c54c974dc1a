"""Numbers as a person writes them: few digits, in the unit that fits, with their band."""

from typing import Literal

from common.contracts.values import Band

Form = Literal["seconds", "share", "points", "usd", "count", "number"]
UNKNOWN = "not known"


def written(value: float, form: Form) -> str:
    """`value` in base units (s, share 0…1, USD) as text; it agrees with the value within half of its last digit."""
    if form == "seconds":
        return _seconds(value)
    if form == "share":
        return f"{_digits(value * 100)} %"
    if form == "points":
        return f"{_digits(value * 100)} points"
    if form == "usd":
        return _usd(value)
    return f"{round(value):,}" if form == "count" else _digits(value)


def with_band(band: Band | None, form: Form) -> str:
    """`4.2 s (3.9 s … 4.6 s)`; an unknown figure says so and is never nought."""
    if band is None:
        return UNKNOWN
    value = written(band.value, form)
    if band.low == band.high:
        return value
    return f"{value} ({written(band.low, form)} … {written(band.high, form)})"


def changed(band: Band | None, form: Form) -> str:
    """A difference with its sign, and its band."""
    if band is None:
        return UNKNOWN
    if band.value == band.low == band.high == 0:
        return "unchanged"
    low, high = (_signed(end, form) for end in (band.low, band.high))
    return f"{_signed(band.value, form)} ({low} … {high})"


def _signed(value: float, form: Form) -> str:
    text = written(value, form)
    return text if value <= 0 else f"+{text}"


def _digits(value: float) -> str:
    size = abs(value)
    if size == 0 or size >= 99.95:
        whole = float(value).is_integer() or size >= 1_000
        return f"{value:,.0f}" if whole else f"{value:,.1f}"
    if size >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.1f}" if size >= 1 else _small(value)


def _small(value: float, digits: int = 2) -> str:
    text = f"{value:.{digits}g}"
    return f"{value:.6f}" if "e" in text else text


def _seconds(value: float) -> str:
    size = abs(value)
    if size < 0.0995:
        return f"{value * 1_000:.0f} ms"
    if size < 1:
        return f"{value:.2f} s"
    if size < 10:
        return f"{value:.1f} s"
    if size < 120:
        return f"{value:.0f} s"
    if size < 7_200:
        return f"{value / 60:.0f} min"
    return f"{value / 3_600:.1f} h"


def _usd(value: float) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size >= 100 or size == 0:
        return f"{sign}${size:,.0f}"
    return f"{sign}${size:.2f}" if size >= 1 else f"{sign}${_small(size, 3)}"
