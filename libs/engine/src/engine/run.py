"""The whole rehearsal of a network: baseline, each failure, all of them, mitigations, a journey, sensitivity."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.contracts.failures import FailureMode, FailurePlan
from common.contracts.network import Network
from common.contracts.run import FailureOutcome, Figures, RunResult
from common.contracts.scenario import SimulationOptions
from engine.bottleneck import bottleneck
from engine.effects import once_struck, outcome_of_failure
from engine.faults import compile_strikes
from engine.journey import journey
from engine.measure import Sample, figures, sample
from engine.mitigation import try_mitigations
from engine.model import Parameters, read_overrides
from engine.sensitivity import most_sensitive
from engine.sizing import Arrivals, arrivals_for, plan_for
from engine.world import Variant, World, make_world, run, run_struck

PAIRED_TASKS = 500
"""Failures and what-ifs run over at most this many tasks, against a baseline of their own."""
ENOUGH_HITS, DRILL_SHARE, DRILL_REPLICATIONS = 5, 0.25, 5
"""A mode that strikes fewer tasks is drilled as well: struck in this share of its opportunities, in half of the usual
replications, so that it hits some five times `ENOUGH_HITS`."""


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """The baseline, and the smaller world (with its own baseline) in which everything else is compared."""

    arrivals: Arrivals
    base: Sample
    world: World
    paired: Sample


@dataclass(frozen=True, slots=True, eq=False)
class Struck:
    """A failure, its run, and what it did."""

    mode: FailureMode
    data: Sample
    outcome: FailureOutcome

    @property
    def harm(self) -> tuple[float, float]:
        """Lost success, then added p95."""
        success, latency = self.outcome.delta_success, self.outcome.delta_latency_p95_s
        return (-success.value if success else 0.0, latency.value if latency else 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far a rehearsal is. `figures` are the baseline's, once, as soon as they are there."""

    done: float
    phase: str
    figures: Figures | None = None


type Watch = Callable[[Progress], None]


def simulate(
    network: Network,
    failures: FailurePlan,
    options: SimulationOptions,
    *,
    volume_per_min: float | None = None,
    watch: Watch = lambda _: None,
) -> RunResult:
    """Rehearse `network`. The same arguments give the same result, byte for byte.

    `volume_per_min` is what the scenario says; `options.arrival_rate_per_min` goes before it. `watch` is called
    from this thread after the baseline and after each further run.

    Raises:
        OverrideRejected: an override the engine does not understand.
        NetworkRejected: the network cannot be walked.
    """
    rehearsal = prepare(network, options, volume_per_min)
    first = figures(rehearsal.base)
    steps = len(failures.modes) + 4
    watch(Progress(1 / steps, "baseline", first))
    baseline = first.model_copy(
        update={"bottleneck": bottleneck(rehearsal.world, rehearsal.paired)}
    )
    struck: list[Struck] = []
    for n, mode in enumerate(failures.modes, 2):
        struck.append(_strike(rehearsal, mode))
        watch(Progress(n / steps, mode.id))
    together = _strike_all(rehearsal, failures.modes)
    watch(Progress((steps - 2) / steps, "mitigations"))
    harmed = sorted(struck, key=lambda s: s.harm, reverse=True)
    plan = rehearsal.base.run.world.plan
    return RunResult(
        seed=options.seed,
        tasks=plan.tasks,
        replications=plan.replications,
        arrival_rate_per_min=rehearsal.arrivals.rate_per_min,
        arrival_rate_source=rehearsal.arrivals.source,
        warmup_tasks=plan.warmup * plan.replications,
        baseline=baseline,
        failures=tuple(s.outcome for s in struck),
        all_failures=together[0] if together else None,
        mitigated=try_mitigations(
            rehearsal.world,
            [(s.mode, s.data) for s in harmed if s.outcome.tasks_hit > 0],
            together[1] if together else None,
            failures.modes,
        ),
        journey=journey(together[1] if together else rehearsal.paired),
        sensitivity=most_sensitive(rehearsal.world, rehearsal.paired),
        assumptions=_assumptions(rehearsal, baseline),
    )


def first_figures(
    network: Network, options: SimulationOptions, *, volume_per_min: float | None = None
) -> Figures:
    """The baseline alone, within a fraction of the time of `simulate`; equal to its `baseline` but for the bottleneck.

    Raises:
        OverrideRejected, NetworkRejected: as `simulate`.
    """
    return figures(prepare(network, options, volume_per_min).base)


def prepare(
    network: Network, options: SimulationOptions, volume_per_min: float | None
) -> Rehearsal:
    """Check the request, find the rate, run the baseline.

    Raises:
        OverrideRejected, NetworkRejected: as `simulate`.
    """
    parameters = read_overrides(options.overrides, network)
    arrivals = arrivals_for(
        network, parameters, options.seed, options.arrival_rate_per_min, volume_per_min
    )
    world = _world(network, parameters, options, options.tasks, arrivals)
    base = sample(run(Variant(world)))
    if options.tasks <= PAIRED_TASKS:
        return Rehearsal(arrivals, base, world, base)
    smaller = _world(network, parameters, options, PAIRED_TASKS, arrivals)
    return Rehearsal(arrivals, base, smaller, sample(run(Variant(smaller))))


def _world(
    network: Network,
    parameters: Parameters,
    options: SimulationOptions,
    tasks: int,
    arrivals: Arrivals,
) -> World:
    plan = plan_for(tasks, options.seed, arrivals.rate_per_min / 60.0)
    return make_world(network, parameters, plan)


def _strike(rehearsal: Rehearsal, mode: FailureMode) -> Struck:
    world, paired = rehearsal.world, rehearsal.paired
    strikes = compile_strikes(world.graph, [mode])
    data = sample(run_struck(paired.run, strikes))
    outcome = outcome_of_failure(mode.id, strikes, data, paired)
    if outcome.tasks_hit * data.tasks < ENOUGH_HITS and any(s.nodes for s in strikes):
        strikes = compile_strikes(world.graph, [mode], at_least=DRILL_SHARE)
        drill = sample(run(Variant(world, strikes), DRILL_REPLICATIONS))
        outcome = outcome.model_copy(update=once_struck(strikes, drill, paired)._asdict())
    return Struck(mode, data, outcome)


def _strike_all(
    rehearsal: Rehearsal, modes: Sequence[FailureMode]
) -> tuple[FailureOutcome, Sample] | None:
    """All modes at once; null when there are none."""
    if not modes:
        return None
    strikes = compile_strikes(rehearsal.world.graph, modes)
    data = sample(run_struck(rehearsal.paired.run, strikes))
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
    return (*said, *rehearsal.world.graph.notes)
