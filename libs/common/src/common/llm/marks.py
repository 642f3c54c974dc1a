"""Prose in other words with the figures left alone: each stands as a mark `[1]`, `[2]`, … that must come back once."""

import re
from collections.abc import Sequence

from common.llm.asking import strange_numbers

_MARK = re.compile(r"\[(\d+)\]")
_LONGER, _SHORTER, _SPARE_CHARS = 2.0, 0.25, 200
"""A telling may be at most twice as long as ours (and a bit), and must say at least a quarter of it."""


def marked(text: str, figures: Sequence[str]) -> str | None:
    """The text with a mark for each figure, in their order; null if one is not found in it."""
    parts, at = [], 0
    for number, figure in enumerate(figures, 1):
        place = text.find(figure, at)
        if place < 0 or not figure:
            return None
        parts += [text[at:place], f"[{number}]"]
        at = place + len(figure)
    return "".join((*parts, text[at:]))


def wrong(source: str, told: str) -> tuple[str, ...]:
    """What is wrong with a telling of a marked text; empty if its figures are all there and all its own."""
    if not told.strip():
        return ("it is missing",)
    found = []
    wanted, given = sorted(_MARK.findall(source)), sorted(_MARK.findall(told))
    if wanted != given:
        marks = _listed(wanted), _listed(given)
        found.append(f"each of the marks {marks[0]} must be there once, not {marks[1]}")
    strange = strange_numbers(_MARK.sub("", told), _MARK.sub("", source))
    if strange:
        found.append(f"figures of your own: {', '.join(strange[:5])}")
    if not _SHORTER * len(source) <= len(told) <= _LONGER * len(source) + _SPARE_CHARS:
        found.append("it is much too short or too long")
    return tuple(found)


def filled(told: str, figures: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """The telling with its figures back, and their places in `figures` in the order in which they now stand."""
    order = tuple(int(mark) - 1 for mark in _MARK.findall(told))
    return _MARK.sub(lambda mark: figures[int(mark[1]) - 1], told.strip()), order


def _listed(marks: Sequence[str]) -> str:
    return " ".join(f"[{mark}]" for mark in marks) or "(none)"
