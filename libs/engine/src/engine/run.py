"""The whole rehearsal of a network: baseline, each failure, all of them, mitigations, a journey, sensitivity."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.contracts.failures import FailureMode, FailurePlan
from common.contracts.network import Network
from common.contracts.run import FailureOutcome, Figures, RunResult
from common.contracts.scenario import SimulationOptions
from engine.effects import outcome_of_failure
from engine.faults import compile_strikes
from engine.journey import journey
from engine.measure import Sample, figures, sample
from engine.model import read_overrides
from engine.sizing import Arrivals, arrivals_for, plan_for
from engine.world import Run, Variant, World, make_world, run

PAIRED_TASKS = 500
"""Failures and what-ifs run over the first replications that hold about this many tasks; their figures say how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """The baseline and what later runs are compared with."""

    world: World
    arrivals: Arrivals
    base: Sample
    paired: Sample
    replications: int
    """Replications of every paired run."""

    def try_with(self, variant: Variant) -> Sample:
        return sample(run(variant, self.replications))


def simulate(
    network: Network,
    failures: FailurePlan,
    options: SimulationOptions,
    *,
    volume_per_min: float | None = None,
) -> RunResult:
    """Rehearse `network`. The same arguments give the same result, byte for byte.

    `volume_per_min` is what the scenario says; `options.arrival_rate_per_min` goes before it.

    Raises:
        OverrideRejected: an override the engine does not understand.
        NetworkRejected: the network cannot be walked.
    """
    rehearsal = prepare(network, options, volume_per_min)
    baseline = figures(rehearsal.base)
    outcomes = tuple(_alone(rehearsal, mode) for mode in failures.modes)
    together, last = _together(rehearsal, failures.modes)
    plan = rehearsal.world.plan
    return RunResult(
        seed=options.seed,
        tasks=plan.tasks,
        replications=plan.replications,
        arrival_rate_per_min=rehearsal.arrivals.rate_per_min,
        arrival_rate_source=rehearsal.arrivals.source,
        warmup_tasks=plan.warmup * plan.replications,
        baseline=baseline,
        failures=outcomes,
        all_failures=together,
        journey=journey(last),
        assumptions=_assumptions(rehearsal, baseline),
    )


def prepare(
    network: Network, options: SimulationOptions, volume_per_min: float | None
) -> Rehearsal:
    parameters = read_overrides(options.overrides, network)
    arrivals = arrivals_for(
        network, parameters, options.seed, options.arrival_rate_per_min, volume_per_min
    )
    plan = plan_for(options.tasks, options.seed, arrivals.rate_per_min / 60.0)
    world = make_world(network, parameters, plan)
    finished = run(Variant(world))
    base = sample(finished)
    few = max(2, min(plan.replications, round(PAIRED_TASKS / plan.measured)))
    paired = base
    if few < plan.replications:
        shorter = Run(finished.variant, finished.walks[:few], finished.settings[:few])
        paired = sample(shorter)
    return Rehearsal(world, arrivals, base, paired, few)


def _alone(rehearsal: Rehearsal, mode: FailureMode) -> FailureOutcome:
    strikes = tuple(compile_strikes(rehearsal.world.graph, [mode]))
    data = rehearsal.try_with(Variant(rehearsal.world, strikes))
    return outcome_of_failure(mode.id, strikes, data, rehearsal.paired)


def _together(
    rehearsal: Rehearsal, modes: Sequence[FailureMode]
) -> tuple[FailureOutcome | None, Sample]:
    """All modes at once, and the run whose sampled task is shown (the baseline when there are no modes)."""
    if not modes:
        return None, rehearsal.base
    strikes = tuple(compile_strikes(rehearsal.world.graph, modes))
    data = rehearsal.try_with(Variant(rehearsal.world, strikes))
    return outcome_of_failure("all", strikes, data, rehearsal.paired), data


def _assumptions(rehearsal: Rehearsal, baseline: Figures) -> tuple[str, ...]:
    arrivals = rehearsal.arrivals
    said = [f"Arrivals: {arrivals.rate_per_min:.3g} tasks per minute ({arrivals.source})."]
    if arrivals.rate_per_min >= arrivals.capacity_per_min:
        said.append(
            f"The network carries about {arrivals.capacity_per_min:.3g} tasks per minute; at the given rate its "
            "queues grow for as long as the run lasts, so latencies depend on the number of tasks."
        )
    if baseline.cost_is_lower_bound:
        said.append("Prices of people or tools are not known; costs are at least what is shown.")
    said += rehearsal.world.graph.notes
    return tuple(said)
