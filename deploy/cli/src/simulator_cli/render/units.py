"""Numbers for people: rounded to what they can carry, always with their unit, unknown said as unknown."""

from collections.abc import Callable

from common.contracts.values import Band

UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"

_UNITS = (
    (0.9995, "ms", 0.001),
    (90.0, "s", 1.0),
    (90.0 * 60, "min", 60.0),
    (48.0 * 3_600, "h", 3_600.0),
    (float("inf"), "days", 86_400.0),
)
"""Below how many seconds which unit is used, and its size in seconds."""


def number(value: float, digits: int = 3) -> str:
    """`value` with about `digits` significant digits, thousands separated, no exponent."""
    magnitude = abs(value)
    if magnitude >= 10 ** (digits - 1) or float(value).is_integer():
        return _sign(f"{value:,.0f}")
    decimals = digits - 1
    while magnitude < 10 ** (digits - 1 - decimals) and decimals < 15:
        decimals += 1
    text = f"{value:,.{decimals}f}".rstrip("0").rstrip(".")
    return _sign(text)


def duration(seconds: float | None) -> str:
    """Seconds as ms, s, min, h or days: 0.042 → `42 ms`, 95 → `1.6 min`."""
    if seconds is None:
        return UNKNOWN
    if seconds == 0:
        return "0 s"
    unit, size_s = _unit(seconds)
    return f"{number(seconds / size_s, 2)} {unit}"


def _unit(seconds: float) -> tuple[str, float]:
    """The unit a person would use, and its size in seconds."""
    return next((unit, size_s) for limit, unit, size_s in _UNITS if abs(seconds) < limit)


def money(usd: float | None, *, is_lower_bound: bool = False) -> str:
    """US dollars. Null is unknown, never 0; a lower bound says "at least"."""
    if usd is None:
        return UNKNOWN
    sign = MINUS if usd < 0 else ""
    magnitude = abs(usd)
    if magnitude >= 100:
        text = f"${magnitude:,.0f}"
    elif magnitude >= 1 or magnitude == 0:
        text = f"${magnitude:.2f}"
    else:
        text = f"${number(magnitude, 2):0<4}"
    return f"{'at least ' if is_lower_bound else ''}{sign}{text}"


def share(value: float | None) -> str:
    """A share 0…1 as per cent, finer towards 0 % and 100 %, which are kept for exactly none and all."""
    if value is None:
        return UNKNOWN
    percent = value * 100
    distance = min(percent, 100 - percent)
    if value not in (0.0, 1.0) and distance < 0.05:
        return "< 0.05 %" if percent < 50 else "> 99.95 %"
    return f"{percent:.{0 if distance >= 10 else 1}f}".removesuffix(".0") + " %"


def points(value: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{_sign(f'{value * 100:+.1f}')} pp"


def signed(change: float, unit: Callable[[float], str]) -> str:
    """A difference in its unit with a plus or minus sign; none before zero."""
    return f"+{unit(change)}" if change > 0 else unit(change)


def duration_band(band: Band | None) -> str:
    """Value and 95 % interval, all in the unit of the value: `4.2 s (3.9–4.6)`."""
    if band is None:
        return UNKNOWN
    unit, size_s = _unit(band.value)
    value, low, high = (number(part / size_s, 2) for part in (band.value, band.low, band.high))
    if low == high:
        return duration(band.value)
    return f"{value} {unit} ({low}–{high})"


def money_band(band: Band | None, *, is_lower_bound: bool = False) -> str:
    """Value and 95 % interval in US dollars; an unknown price is unknown."""
    if band is None:
        return UNKNOWN
    value = money(band.value, is_lower_bound=is_lower_bound)
    return _with_interval(value, money(band.low), money(band.high))


def share_band(band: Band | None) -> str:
    """Value and 95 % interval in per cent: `97 % (95–98)`."""
    if band is None:
        return UNKNOWN
    return _with_interval(share(band.value), share(band.low), share(band.high))


def count(amount: int, singular: str, plural: str | None = None) -> str:
    """`1 agent`, `3 agents`."""
    return f"{amount:,} {singular if amount == 1 else plural or singular + 's'}"


def shorten(text: str, length: int) -> str:
    """`text` on one line, cut at a word with an ellipsis when it has more than `length` characters."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    head, _, _ = cut.rpartition(" ")
    return f"{head if len(head) > length // 2 else cut}…"


def _with_interval(value: str, low: str, high: str) -> str:
    """The interval without repeating the value's unit; left out when rounding hides it."""
    if low == high == value.removeprefix("at least "):
        return value
    unit = value.rpartition(" ")[2]
    if not value.startswith("$") and low.endswith(f" {unit}") and high.endswith(f" {unit}"):
        low, high = low.removesuffix(f" {unit}"), high.removesuffix(f" {unit}")
    return f"{value} ({low}–{high})"


def _sign(text: str) -> str:
    """A real minus sign, and none before a zero."""
    if text.startswith(("-", "+")) and not text.strip("+-0.,"):
        return text.lstrip("+-")
    return text.replace("-", MINUS, 1)
