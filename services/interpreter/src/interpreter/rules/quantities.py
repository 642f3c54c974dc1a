"""Numbers with their units: deadlines, volumes, thresholds, money, shares, counts, opening hours."""

import re
from collections.abc import Iterator

from common.contracts.scenario import Quantity, QuantityKind
from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan

_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
_SCALE = r"\s?(?:k|m|bn|thousand|million|billion)\b"
_DIGITS = r"\d[\d,.]*\d|\d"
_PERIOD = r"second|minute|hour|day|week|month|year"
_SIGN = r"[$\u20ac\u00a3]|\b(?:USD|EUR|GBP|CHF)\b"
_LOOK_BACK_CHARS = 30


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_NUMBER_WORD = (
    r"half an?|an? hundred|a thousand|a dozen|a couple of|one|two|three|four|five|six|seven|eight|nine|"
    r"ten|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred|thousand|dozen|an?"
)
_NUMBER = rf"(?:(?P<number>{_DIGITS})(?P<scale>{_SCALE})?|\b(?P<word>{_NUMBER_WORD})\b)"
_DURATION = _pattern(
    _NUMBER + r"[\s-]*(?P<unit>milliseconds?|ms|seconds?|secs?|minutes?|mins?|hours?|hrs?|"
    r"(?:working |business )?days?|weeks?|months?|years?|h|s)\b"
)
_MONEY = _pattern(
    rf"(?P<sign>{_SIGN})\s?(?P<n1>{_DIGITS})(?P<s1>{_SCALE})?|"
    rf"(?P<n2>{_DIGITS})(?P<s2>{_SCALE})?\s?"
    r"(?P<unit>[$\u20ac\u00a3]|euros?|dollars?|pounds?|USD|EUR|GBP|CHF|francs?)(?![A-Za-z])"
)
_SHARE = _pattern(rf"(?P<number>{_DIGITS})\s?(?:%|percent\b|per cent\b)")
_VOLUME = _pattern(
    rf"{_NUMBER}\s+(?P<what>(?:[A-Za-z'-]+\s+){{0,3}}?[A-Za-z'-]+)\s+"
    rf"(?:per|a|an|each|every)\s+(?P<unit>{_PERIOD})\b"
)
_COUNT = _pattern(
    r"\b(?P<number>\d[\d,.]*\d|\d|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty)"
    r"\s+(?P<what>[A-Za-z][A-Za-z-]{2,}s)\b"
)
_HOURS = _pattern(
    r"24/7|around the clock|day and night|\b(?:office|business|working|opening) hours\b"
)
_DEADLINE = _pattern(
    r"\b(?:within|in less than|in under|under|no later than|at most|maximum|max\.?|less than|in|after)"
    r"\s+(?:the\s+)?(?:next\s+)?$"
)
_THRESHOLD = _pattern(
    r"\b(?:above|over|more than|exceeding|exceeds?|below|under|less than|up to|at least|from|beyond|"
    r"higher than|lower than|until)\s+$"
)
_TIME_WORD = _pattern(rf"\b(?:{_PERIOD})s?\b|\bwithin\b")


def quantities(scan: Scan) -> tuple[Quantity, ...]:
    """All quantities in the order of the text; a number belongs to one of them only."""
    found: list[Quantity] = []
    taken: list[tuple[int, int]] = []
    for read in (_volumes, _money, _shares, _durations, _hours, _counts):
        for quantity in read(scan):
            span = quantity.evidence[0]
            if not any(span.start < end and start < span.end for start, end in taken):
                taken.append((span.start, span.end))
                found.append(quantity)
    return tuple(sorted(found, key=lambda quantity: quantity.evidence[0].start))


def _value(number: str | None, scale: str | None, word: str | None) -> float:
    if word:
        return float(tables.table("numbers")[word.lower()][0])
    digits = (number or "0").rstrip(".,")
    if re.fullmatch(r"\d{1,3}([,.]\d{3})+", digits):
        digits = re.sub(r"[,.]", "", digits)
    head, _, tail = digits.replace(",", ".").rpartition(".")
    value = float(f"{head.replace('.', '')}.{tail}" if head else tail)
    return value * _SCALES.get((scale or "").strip().lower(), 1.0)


def _seconds(unit: str) -> float:
    name = unit.lower().removeprefix("working ").removeprefix("business ")
    units = tables.table("units")
    return float((units.get(name) or units[name.removesuffix("s")])[0])


def _stands_behind(scan: Scan, pattern: re.Pattern[str], place: int) -> bool:
    return bool(pattern.search(scan.text[max(0, place - _LOOK_BACK_CHARS) : place]))


def _quantity(
    scan: Scan,
    found: re.Match[str],
    kind: QuantityKind,
    value: float,
    unit: str,
    *,
    base: tuple[float | None, str | None],
    applies_to: str | None = None,
) -> Quantity:
    evidence = scan.exact(found.start(), found.end())
    return Quantity(
        name=evidence.text,
        evidence=(evidence,),
        confidence=0.9,
        kind=kind,
        value=value,
        unit=unit,
        base_value=base[0],
        base_unit=base[1],
        applies_to=applies_to,
    )


def _volumes(scan: Scan) -> Iterator[Quantity]:
    for m in _VOLUME.finditer(scan.text):
        what = m["what"].lower()
        if _TIME_WORD.search(what) or (m["word"] or "").lower() in {"a", "an", "one"}:
            continue
        value = _value(m["number"], m["scale"], m["word"])
        base = (value * 60.0 / _seconds(m["unit"]), "per_min")
        unit = f"{what} per {m['unit'].lower()}"
        yield _quantity(scan, m, "volume", value, unit, base=base, applies_to=what)


def _durations(scan: Scan) -> Iterator[Quantity]:
    for m in _DURATION.finditer(scan.text):
        is_deadline = _stands_behind(scan, _DEADLINE, m.start())
        if (m["word"] or "").lower() in {"a", "an"} and not is_deadline:
            continue
        value = _value(m["number"], m["scale"], m["word"])
        base = (value * _seconds(m["unit"]), "s")
        kind: QuantityKind = "deadline" if is_deadline else "duration"
        yield _quantity(scan, m, kind, value, m["unit"].lower(), base=base)


def _money(scan: Scan) -> Iterator[Quantity]:
    """Foreign money has no base value: no exchange rate is invented."""
    for m in _MONEY.finditer(scan.text):
        raw = (m["sign"] or m["unit"]).lower()
        known = tables.table("currencies").get(raw)
        unit = known[0] if known else raw.upper()
        value = _value(m["n1"] or m["n2"], m["s1"] or m["s2"], None)
        base = (value, "usd") if unit == "USD" else (None, None)
        is_limit = _stands_behind(scan, _THRESHOLD, m.start())
        yield _quantity(scan, m, "threshold" if is_limit else "money", value, unit, base=base)


def _shares(scan: Scan) -> Iterator[Quantity]:
    for m in _SHARE.finditer(scan.text):
        value = _value(m["number"], None, None)
        is_limit = _stands_behind(scan, _THRESHOLD, m.start())
        kind: QuantityKind = "threshold" if is_limit else "share"
        yield _quantity(scan, m, kind, value, "%", base=(value / 100.0, "share"))


def _hours(scan: Scan) -> Iterator[Quantity]:
    for m in _HOURS.finditer(scan.text):
        hours = 8.0 if "hours" in m[0].lower() else 24.0
        unit = "hours per day"
        yield _quantity(scan, m, "hours", hours, unit, base=(hours, unit))


def _counts(scan: Scan) -> Iterator[Quantity]:
    for m in _COUNT.finditer(scan.text):
        word = m["number"].lower()
        is_word = word.isalpha()
        value = _value(None if is_word else word, None, word if is_word else None)
        what = m["what"].lower()
        yield _quantity(scan, m, "count", value, what, base=(value, "count"), applies_to=what)
