"""Numbers as a person writes them, and lists as a person says them."""

from collections.abc import Callable, Iterable
from typing import Literal

Form = Literal["seconds", "share", "points", "usd", "count", "number", "text"]


def written(value: object, form: Form) -> str:
    """`value` in the unit that fits: seconds, a share 0…1 as percent, dollars; three digits at most."""
    if form == "text" or not isinstance(value, int | float) or isinstance(value, bool):
        return " ".join(str(value).split())
    number = float(value)
    return _WRITERS.get(form, _digits)(number)


def _digits(value: float) -> str:
    size = abs(value)
    if size >= 1_000 or value.is_integer():
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".") if size >= 0.01 else f"{value:.1g}"


def _seconds(value: float) -> str:
    size = abs(value)
    if size < 1:
        return f"{value * 1_000:.0f} ms" if size < 0.1 else f"{value:.2f} s"
    if size < 10:
        return f"{value:.1f} s"
    if size < 120:
        return f"{value:.0f} s"
    if size < 7_200:
        return f"{value / 60:.0f} min"
    return f"{value / 3_600:.1f} h" if size < 48 * 3_600 else f"{value / 86_400:.1f} days"


def _usd(value: float) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size >= 100 or size == 0:
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:.2f}"
    text = f"{size:.2g}"
    return f"{sign}${size:.6f}" if "e" in text else f"{sign}${text}"


_WRITERS: dict[Form, Callable[[float], str]] = {
    "seconds": _seconds,
    "share": lambda value: f"{_digits(value * 100)} %",
    "points": lambda value: f"{_digits(abs(value) * 100)} points",
    "usd": _usd,
    "count": lambda value: f"{round(value):,}",
}


def listed(words: Iterable[str], limit: int = 6) -> str:
    """`a`, `a and b`, `a, b and c`; beyond `limit` it says how many more."""
    items = list(dict.fromkeys(word for word in words if word))
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and {len(items) - limit} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def counted(number: int, noun: str) -> str:
    """`1 agent`, `3 agents`, `2 people`."""
    if number == 1:
        return f"1 {noun}"
    plural = {"person": "people", "reply": "replies"}.get(noun, f"{noun}s")
    return f"{number} {plural}"


def sentence(text: str) -> str:
    """One line that begins large and ends with a full stop."""
    line = " ".join(text.split())
    if not line:
        return ""
    if "_" not in line.split()[0]:  # a tool's name is written as it is
        line = line[0].upper() + line[1:]
    return line if line.endswith((".", "!", "?", ":", ".”", "?”")) else f"{line}."


def lowered(text: str) -> str:
    """As the rest of a sentence: a small first letter, unless the word is a name or an abbreviation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
