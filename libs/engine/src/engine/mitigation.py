"""What the proposed measures would gain: the failing run again with them, paired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.contracts.failures import FailureMode, Mitigation
from common.contracts.run import MitigationOutcome
from engine.compare import cost_gain_usd, latency_p95_gain_s, success_gain
from engine.faults import Strike, compile_strikes
from engine.graph import Graph
from engine.measure import Sample, figures, sample
from engine.policy import Policy, strengthened
from engine.world import Variant, World, run

WORST = 4
"""So many failures get their mitigations tried, worst first."""
PER_FAILURE = 2
"""… and so many of each one's mitigations, in the order of the plan."""


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A failure and one of its measures, run."""

    mode: FailureMode
    mitigation: Mitigation
    outcome: MitigationOutcome

    @property
    def merit(self) -> tuple[float, float]:
        """More success first, then a shorter p95."""
        return self.outcome.gain_success.value, -self.outcome.delta_latency_p95_s.value


@dataclass(slots=True)
class Measures:
    """What a set of mitigations changes, per node and for the whole network."""

    policies: dict[int, Policy]
    capacities: dict[int, int]
    quorums: dict[int, int]
    budget_usd: float | None = None


def try_mitigations(
    world: World,
    harmed: Sequence[tuple[FailureMode, Sample]],
    together: Sample | None,
    modes: Sequence[FailureMode],
) -> tuple[MitigationOutcome, ...]:
    """Single measures against single failures, then the best of each against all failures at once.

    Args:
        world: the network as planned.
        harmed: failures with their runs, worst first.
        together: the run with all `modes`.
        modes: every failure of the plan.
    """
    tried = [
        _try(world, mode, mitigation, data)
        for mode, data in harmed[:WORST]
        for mitigation in mode.mitigations[:PER_FAILURE]
    ]
    outcomes = tuple(t.outcome for t in tried)
    best = _best_per_failure(tried)
    if together is None or not best:
        return outcomes
    return (*outcomes, _best_together(world, best, together, modes))


def _try(world: World, mode: FailureMode, mitigation: Mitigation, harmed: Sample) -> Tried:
    strikes = compile_strikes(world.graph, [mode])
    measures = measures_of(world, strikes, [(strikes[0], mitigation)])
    data = _run(world, strikes, measures)
    outcome = _outcome(mitigation.name, (mode.id,), (mitigation.id,), data, harmed)
    return Tried(mode, mitigation, outcome)


def _best_per_failure(tried: Sequence[Tried]) -> list[Tried]:
    """The measure of most merit per failure, if it has any."""
    best: dict[str, Tried] = {}
    for attempt in tried:
        known = best.get(attempt.mode.id)
        if attempt.merit > (0.0, 0.0) and (known is None or attempt.merit > known.merit):
            best[attempt.mode.id] = attempt
    return list(best.values())


def _best_together(
    world: World, best: Sequence[Tried], together: Sample, modes: Sequence[FailureMode]
) -> MitigationOutcome:
    strikes = compile_strikes(world.graph, modes)
    by_id = {strike.mode.id: strike for strike in strikes}
    chosen = [(by_id[t.mode.id], t.mitigation) for t in best]
    data = _run(world, strikes, measures_of(world, strikes, chosen))
    return _outcome(
        "Best measures together",
        tuple(t.mode.id for t in best),
        tuple(dict.fromkeys(t.mitigation.id for t in best)),
        data,
        together,
    )


def _run(world: World, strikes: tuple[Strike, ...], measures: Measures) -> Sample:
    variant = Variant(
        world,
        strikes,
        policies=measures.policies,
        capacities=measures.capacities,
        quorums=measures.quorums,
        budget_usd=measures.budget_usd,
    )
    return sample(run(variant))


def _outcome(
    name: str,
    failure_ids: tuple[str, ...],
    mitigations: tuple[str, ...],
    data: Sample,
    harmed: Sample,
) -> MitigationOutcome:
    return MitigationOutcome(
        name=name,
        failure_ids=failure_ids,
        mitigations=mitigations,
        figures=figures(data),
        gain_success=success_gain(data, harmed),
        delta_latency_p95_s=latency_p95_gain_s(data, harmed),
        delta_cost_usd_per_task=cost_gain_usd(data, harmed),
    )


def measures_of(
    world: World, strikes: tuple[Strike, ...], chosen: Sequence[tuple[Strike, Mitigation]]
) -> Measures:
    """Every measure acts at the agents its failure strikes; a quorum at the joins behind them."""
    plain = Variant(world, strikes)
    measures = Measures({}, {}, {})
    for strike, mitigation in chosen:
        given = mitigation.parameters
        for node in sorted(strike.nodes):
            before = measures.policies.get(node, plain.policy(node))
            measures.policies[node] = strengthened(before, given)
            if _is_number(given.get("concurrency")):
                measures.capacities[node] = max(1, int(given["concurrency"]))
        if _is_number(given.get("quorum")):
            measures.quorums |= _joins_behind(world.graph, strike, given)
        if _is_number(given.get("budget_usd")):
            measures.budget_usd = float(given["budget_usd"])
    return measures


def _joins_behind(
    graph: Graph, strike: Strike, given: Mapping[str, float | int | str | bool]
) -> dict[int, int]:
    need = int(given["quorum"])
    targets = {e.target for i in strike.nodes for e in graph.nodes[i].all_forward}
    joins = {i for i in targets | strike.nodes if graph.nodes[i].in_degree > 1}
    return dict.fromkeys(sorted(joins), max(1, need))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
