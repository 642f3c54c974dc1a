"""Which way of working together the text asks for, and why. Sources: shared reference on architecture patterns."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from common.contracts.network import Pattern
from common.contracts.scenario import Interpretation
from planner.rules.occupations import rows

_COMPLETED = ("group_chat", "hierarchical", "evaluator_loop")
_SURE = 0.8
"""A discussion, a tree or a loop is wired even for one role of the text: the other voices belong to it."""
_NEEDS: tuple[tuple[Pattern, float, int], ...] = (
    ("hierarchical", 0.75, 2),
    ("group_chat", 0.5, 1),
    ("blackboard", 0.7, 3),
    ("handoff", 0.45, 2),
    ("evaluator_loop", 0.65, 1),
    ("supervisor", 0.38, 2),
    ("router", 0.6, 2),
    ("parallel", 0.68, 2),
)
"""Least strength of the signal and least number of roles, in the order of how seldom a text says it by accident."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A pattern, the reason in a sentence, and how strongly each pattern was called for."""

    pattern: Pattern
    reason: str
    strengths: Mapping[str, float]


def choose(interpretation: Interpretation, role_count: int) -> Choice:
    """The pattern for this many roles. The order of work is the default; anything else needs words that call for it."""
    signals = interpretation.signals
    strengths: dict[str, float] = {name: signals.get(name, 0.0) for name, _, _ in _NEEDS}
    strengths["sequential"] = signals.get("sequential", 0.0)
    is_alone = role_count <= 1 and max(strengths[name] for name in _COMPLETED) < _SURE
    pattern: Pattern = "single" if is_alone else _called_for(strengths, role_count)
    return Choice(pattern, _reason(pattern, strengths), strengths)


def _called_for(strengths: Mapping[str, float], role_count: int) -> Pattern:
    candidates = [
        (strengths[name] - least, name)
        for name, least, roles in _NEEDS
        if strengths[name] >= least and role_count >= roles
    ]
    return max(candidates, key=lambda pair: pair[0])[1] if candidates else "sequential"


def _reason(pattern: Pattern, strengths: Mapping[str, float]) -> str:
    strength = strengths.get(pattern, 0.0)
    heard = f" (signal {strength:.2f} of 1)" if strength else ""
    return f"{described(pattern)[0]}{heard}"


@lru_cache(maxsize=1)
def _descriptions() -> Mapping[str, tuple[str, str]]:
    return {row[0]: (row[1], row[2]) for row in rows("patterns.txt")}


def described(pattern: Pattern) -> tuple[str, str]:
    """The general reason for a pattern, and what it gains and costs."""
    return _descriptions()[pattern]
