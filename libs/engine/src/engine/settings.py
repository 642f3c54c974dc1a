"""The circumstances of one replication: incidents, absences, limits, breakers, decisions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.faults import STALL_S, Strike
from engine.graph import Graph, Node
from engine.model import Parameters
from engine.state import Breaker, Gate, Setting, make_gate

if TYPE_CHECKING:
    from engine.world import Variant

WINDOW_START_SHARE = (0.2, 0.5)
"""An injected incident begins between these shares of the run (assumed: inside it, after warm-up)."""
WINDOW_MAX_SHARE = 0.4
"""… and lasts at most this share of the run, so that there is a before and an after to compare."""

Window = tuple[int, frozenset[int], float, float]
Closure = tuple[int, float, float]


def setting_of(
    variant: "Variant", r: int, first_index: int, arrivals_s: Sequence[float]
) -> Setting:
    graph, params = variant.world.graph, variant.params
    windows, closures = _windows(variant, r, arrivals_s[-1])
    loop = params.general("arrivals.closed_loop")
    budget = variant.budget_usd
    return Setting(
        arrivals_s=arrivals_s,
        first_index=first_index,
        windows=tuple(windows),
        closures=tuple(closures),
        patience_s={
            i: policy.patience_s
            for i, policy in variant.policies.items()
            if policy.patience_s is not None
        },
        hours=_hours(graph, params),
        gates=_gates(graph, params),
        breakers=_breakers(variant),
        capacities=variant.capacities,
        queue_limits=_queue_limits(graph, params),
        budget_usd=budget if budget is not None else params.general("task.budget_usd"),
        closed_loop=int(loop) if loop else None,
        accept=accept_shares(graph, params),
        absorbed_share=params.number("merge.absorbed_share"),
        repeat_share=params.number("loop.repeat_share"),
    )


def _windows(variant: "Variant", r: int, length_s: float) -> tuple[list[Window], list[Closure]]:
    """Incidents are conditioned on happening once per replication; the likelihood is reported beside them."""
    windows: list[Window] = []
    closures: list[Closure] = []
    for strike in variant.strikes:
        if strike.is_window and strike.nodes:
            start, end = _incident(variant, strike, r, length_s)
            people = {i for i in strike.nodes if variant.world.graph.nodes[i].is_human}
            closures += [(i, start, end) for i in sorted(people)]
            windows.append((strike.index, strike.nodes - people, start, end))
    return windows, closures


def _incident(variant: "Variant", strike: Strike, r: int, length_s: float) -> tuple[float, float]:
    low, high = WINDOW_START_SHARE
    u = float(variant.world.draws.stream("window", strike.mode.id, r).random())
    start = (low + (high - low) * u) * length_s
    return start, start + min(strike.number("duration_s", STALL_S), WINDOW_MAX_SHARE * length_s)


def _hours(graph: Graph, params: Parameters) -> dict[int, float]:
    hours = {}
    for node in graph.nodes:
        if node.is_human:
            open_h = params.of("human", node.spec.id, "hours_per_day")
            if open_h is not None and open_h < 24:
                hours[node.index] = open_h
    return hours


def _queue_limits(graph: Graph, params: Parameters) -> dict[int, int]:
    limits = {}
    for node in graph.nodes:
        limit = None if node.is_human else params.of("agent", node.spec.id, "queue_limit")
        if limit is not None:
            limits[node.index] = int(limit)
    return limits


def _gates(graph: Graph, params: Parameters) -> dict[int, tuple[Gate, ...]]:
    """Limits per model class and over all of them; agents of one class share one gate."""
    common = make_gate(params.general("provider.rpm"), params.general("provider.concurrency"))
    by_class: dict[str, Gate | None] = {}
    gates: dict[int, tuple[Gate, ...]] = {}
    for node in graph.nodes:
        model = node.spec.model_class
        if model is None or node.is_human:
            continue
        if model not in by_class:
            rpm, most = params.of_model(model, "rpm"), params.of_model(model, "concurrency")
            by_class[model] = make_gate(rpm, most)
        own = tuple(gate for gate in (by_class[model], common) if gate is not None)
        if own:
            gates[node.index] = own
    return gates


def _breakers(variant: "Variant") -> dict[int, Breaker]:
    """One per model class among the agents whose policy has one."""
    failures = int(variant.params.number("breaker.failures"))
    reset_s = variant.params.number("breaker.reset_s")
    by_class: dict[str, Breaker] = {}
    breakers = {}
    for i, policy in sorted(variant.policies.items()):
        model = variant.world.graph.nodes[i].spec.model_class
        if policy.breaker and model is not None:
            breakers[i] = by_class.setdefault(model, Breaker(failures, reset_s))
    return breakers


def accept_shares(graph: Graph, params: Parameters) -> dict[int, tuple[float, float]]:
    """Per deciding node: how often it accepts what is right, and what is wrong."""
    return {node.index: _accept(node, params) for node in graph.nodes if node.decides}


def _accept(node: Node, params: Parameters) -> tuple[float, float]:
    if node.is_human:
        ident = node.spec.id
        right = params.of("human", ident, "approve_share")
        wrong = params.of("human", ident, "accept_wrong_share")
        return right or 0.0, wrong or 0.0
    return params.number("verifier.accept_correct"), params.number("verifier.accept_wrong")
