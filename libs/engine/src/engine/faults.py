"""Failure modes as the engine injects them: which operations of which agents, how often, and doing what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from common.contracts.failures import FailureMode, Target
from engine.draws import Draws, Flags
from engine.graph import Graph

DELAY_FACTOR = 5.0
"""Slow-down of a struck call when a mode names none (assumed)."""
STALL_S = 600.0
"""A hanging call ends here when nothing else ends it: the SDK's default timeout (costs.md 5)."""
QUALITY_FACTOR = 0.8
"""Share of right answers that stay right in a degraded call when a mode names none (assumed)."""
REPEATS = 2
"""Extra rounds of a looping agent when a mode names none (assumed)."""
PERSISTENCE = 0.5
"""Chance that a retry meets the same correlated cause again (assumed; rho .20-.63 in costs.md 7)."""
OUTAGE_ERROR_SHARE = 0.22
"""Share of calls failing in an incident: .42 % outage minutes ÷ 1.9 % incident time (costs.md 5, derived)."""

ON_CALL = frozenset({"error", "stall", "delay"})
"""Effects on one call; the others strike the visit as a whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Strike:
    """One mode, compiled. `scope` says what it meets at a struck agent: model, tool:<name>, visit."""

    index: int
    mode: FailureMode
    nodes: frozenset[int]
    scopes: Mapping[int, tuple[str, ...]]
    effect: str
    share: float
    is_shared: bool
    once_per_task: bool
    options: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        value = self.options.get(name, default)
        return float(value) if isinstance(value, int | float) else default

    @property
    def is_retryable(self) -> bool:
        return bool(self.options.get("retryable", True))

    @property
    def is_window(self) -> bool:
        return self.effect == "outage"

    def meets(self, node: int, scope: str) -> bool:
        return scope in self.scopes.get(node, ())

    def hits(
        self, draws: Draws, where: tuple[str | int, ...], visit: int, attempt: int = 0
    ) -> Flags:
        """Which tasks it strikes here. Shared causes use one draw per task wherever they strike."""
        if self.once_per_task and visit > 0:
            return np.zeros(draws.n, dtype=np.bool_)
        place = () if self.is_shared else where
        first = draws.uniform("strike", self.mode.id, *place, visit) < self.share
        if attempt == 0:
            return first
        again = draws.uniform("strike", self.mode.id, *place, visit, attempt)
        if self.is_shared or self.once_per_task:
            return first & (again < PERSISTENCE)
        return again < self.share


def compile_strikes(
    graph: Graph, modes: Iterable[FailureMode], *, at_least: float = 0.0
) -> tuple[Strike, ...]:
    """In the order of `modes`; a mode whose targets do not exist in the network strikes nothing.

    `at_least` raises the share of opportunities in which they strike: for drills, not for figures.
    """
    strikes = (_strike(graph, index, mode) for index, mode in enumerate(modes))
    return tuple(replace(s, share=max(s.share, at_least)) for s in strikes)


def _strike(graph: Graph, index: int, mode: FailureMode) -> Strike:
    scopes: dict[int, tuple[str, ...]] = {}
    for target in mode.targets:
        for node, scope in _places(graph, target):
            scopes[node] = (*scopes.get(node, ()), scope)
    per_call = mode.likelihood.basis == "per_call"
    correlated = bool(mode.parameters.get("correlated", False))
    return Strike(
        index=index,
        mode=mode,
        nodes=frozenset(scopes),
        scopes=scopes,
        effect=mode.effect,
        share=mode.likelihood.simulated_per_opportunity,
        is_shared=correlated or not per_call,
        once_per_task=not per_call,
        options=dict(mode.parameters),
    )


def _places(graph: Graph, target: Target) -> list[tuple[int, str]]:
    """Struck nodes with the kind of operation that is struck there."""
    if target.kind in ("agent", "human"):
        return [(graph.by_id[target.ref], "visit")] if target.ref in graph.by_id else []
    if target.kind == "edge":
        node = graph.by_id.get(target.ref.rpartition("->")[2])
        return [] if node is None else [(node, "visit")]
    if target.kind == "provider":
        users = [n for n in graph.nodes if n.spec.model_class and not n.is_human]
        of_class = [n for n in users if n.spec.model_class == target.ref]
        return [(node.index, "model") for node in of_class or users]
    return [
        (node.index, f"tool:{target.ref}") for node in graph.nodes if target.ref in node.spec.tools
    ]
