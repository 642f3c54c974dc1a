"""Which assumptions move the result most: each one varied over its plausible range, everything else equal."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from common.contracts.run import Sensitivity
from engine.bands import quantile
from engine.measure import Sample, sample
from engine.world import Variant, World, run

REPORTED = 3
REPLICATIONS = 5
"""Half of the usual ones: the question is which assumption matters, not by exactly how much."""


@dataclass(frozen=True, slots=True)
class Question:
    """An assumption and the range it may lie in; `overrides_*` are what the two ends mean to the engine."""

    parameter: str
    low: float
    high: float
    overrides_low: Mapping[str, float] = field(default_factory=dict)
    overrides_high: Mapping[str, float] = field(default_factory=dict)
    rate_factors: tuple[float, float] | None = None


def most_sensitive(world: World, base: Sample) -> tuple[Sensitivity, ...]:
    """The `REPORTED` assumptions with the largest swing, largest first.

    `swing` is the change of success between the ends, or a tenth of the relative change of p95 if that is more: ten
    per cent of latency weighs as much as one point of success (assumed, to rank the two on one scale).
    """
    found = [_vary(world, question, base) for question in questions(world)]
    found.sort(key=lambda s: (-s.swing, s.parameter))
    return tuple(found[:REPORTED])


def questions(world: World) -> list[Question]:
    """What this network depends on; ranges are published spreads where there are any, else half and double."""
    params, nodes = world.parameters, world.graph.nodes
    classes = sorted({n.spec.model_class for n in nodes if n.spec.model_class and not n.is_human})
    asked = [
        Question("arrival_rate_per_min", *_rates(world, (0.5, 1.25)), rate_factors=(0.5, 1.25))
    ]
    if classes:
        asked += [
            _scaled(
                "model.*.task_error",
                {f"model.{c}.task_error": params.of_model(c, "task_error") for c in classes},
            ),
            _scaled(
                "model.*.ttft_s",
                {f"model.{c}.ttft_s": params.of_model(c, "ttft_s") for c in classes},
            ),
            _scaled("agent.*.tokens_out_p50", _tokens(world)),
            # Beta-binomial rho by domain, .20 to .63 (costs.md 7).
            _between("agent.*.correlation", 0.20, 0.63),
        ]
    if any(n.spec.tools for n in nodes):
        asked.append(_between("tool.*.error_rate", 0.0, 0.05))
    if any(n.decides and not n.is_human for n in nodes):
        # A good judge of a benchmark (3.9 %) to an outcome-only judge (55 %): costs.md 9.
        asked.append(_between("verifier.accept_wrong", 0.039, 0.55))
    if any(n.is_human for n in nodes):
        # In-app 8 s to dashboard 47 min, medians (costs.md 4).
        asked.append(_between("human.*.response_p50_s", 8.0, 2_820.0))
    return asked


def _rates(world: World, factors: tuple[float, float]) -> tuple[float, float]:
    per_min = world.plan.rate_per_s * 60.0
    return per_min * factors[0], per_min * factors[1]


def _between(parameter: str, low: float, high: float) -> Question:
    return Question(parameter, low, high, _spread(parameter, low), _spread(parameter, high))


def _spread(parameter: str, value: float) -> dict[str, float]:
    if parameter == "human.*.response_p50_s":
        # The published channels keep a 95th percentile of 4 to 8 times the median.
        return {parameter: value, "human.*.response_p95_s": 7.5 * value}
    return {parameter: value}


def _scaled(parameter: str, figures: Mapping[str, float | None]) -> Question:
    """Half and double of each figure; `low` and `high` are the factors."""
    known = {name: value for name, value in figures.items() if value is not None}
    return Question(
        parameter,
        0.5,
        2.0,
        {name: 0.5 * value for name, value in known.items()},
        {
            name: min(2.0 * value, 1.0) if "error" in name else 2.0 * value
            for name, value in known.items()
        },
    )


def _tokens(world: World) -> dict[str, float | None]:
    return {
        f"agent.*.{name}": world.parameters.of("agent", "*", name)
        for name in ("tokens_out_p50", "tokens_out_p95")
    }


def _vary(world: World, question: Question, base: Sample) -> Sensitivity:
    low = _run(world, question, question.overrides_low, 0)
    high = _run(world, question, question.overrides_high, 1)
    change = abs(high[0] - low[0])
    p95 = quantile(np.concatenate(base.latency_s), 0.95)
    relative = abs(high[1] - low[1]) / p95 if p95 > 0 else 0.0
    return Sensitivity(
        parameter=question.parameter,
        low=question.low,
        high=question.high,
        success_low=low[0],
        success_high=high[0],
        latency_p95_low_s=low[1],
        latency_p95_high_s=high[1],
        swing=max(change, 0.1 * relative),
    )


def _depending(world: World, parameter: str) -> frozenset[int]:
    """Agents whose visits the parameter changes; decisions are drawn against it in the walk and change no visit."""
    family = parameter.partition(".")[0]
    return frozenset(
        node.index
        for node in world.graph.nodes
        if (family == "human" and node.is_human)
        or (family == "tool" and node.spec.tools)
        or (family in ("agent", "model") and node.spec.model_class and not node.is_human)
    )


def _run(
    world: World, question: Question, overrides: Mapping[str, float], end: int
) -> tuple[float, float]:
    """Success and p95 in s."""
    rate = None
    if question.rate_factors is not None:
        rate = world.plan.rate_per_s * question.rate_factors[end]
    parameters = world.parameters.with_overrides(overrides) if overrides else None
    depends = _depending(world, question.parameter)
    variant = Variant(world, parameters=parameters, depends=depends, rate_per_s=rate)
    data = sample(run(variant, REPLICATIONS))
    success = float(np.concatenate(data.success).mean())
    return success, quantile(np.concatenate(data.latency_s), 0.95)
