"""A strike: the place in a network where a mode can act, and the facts that make the reason concrete."""

from collections.abc import Callable
from dataclasses import dataclass, field

from common.contracts.failures import Target
from common.contracts.network import SideEffect
from failure.rules.view import View

EFFECT_WORDS: dict[SideEffect, str] = {
    "irreversible": "cannot be undone",
    "write": "changes records",
    "read": "is relied on as it is",
    "none": "is relied on as it is",
}


@dataclass(frozen=True, slots=True)
class Strike:
    """Where a mode acts.

    `at` is the agent from which the damage spreads; `opportunities` counts chances per task (calls or visits);
    `weight` ranks strikes of one mode (higher first); `rate` overrides the catalogue's figure with (rate, source).
    `fit` says how much the mode is this network's own problem (1: as much as anybody's); it weighs the risk in the
    choice, not in what is shown.
    """

    targets: tuple[Target, ...]
    at: str
    facts: dict[str, str]
    opportunities: float = 1.0
    weight: float = 0.0
    fit: float = 1.0
    rate: tuple[float, str] | None = None
    parameters: dict[str, float | int | str | bool] = field(default_factory=dict)
    tool: str | None = None


Selector = Callable[[View], list[Strike]]


@dataclass(frozen=True, slots=True)
class Place:
    """A selector with what it needs in words, for telling why a mode cannot strike."""

    needs: str
    find: Selector


def clause(text: str, limit: int = 110) -> str:
    """User text as part of a sentence: one line, no closing dot, cut at a word."""
    line = " ".join(text.split()).rstrip(".;,: ")
    if len(line) <= limit:
        return line
    return f"{line[:limit].rsplit(' ', 1)[0].rstrip('.;,: ')} …"
