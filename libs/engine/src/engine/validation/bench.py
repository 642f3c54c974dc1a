"""Networks with a closed form, run by the engine itself: only what a visit takes is given instead of computed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from common.contracts.network import AgentSpec, Connection, Network
from engine.bands import t995
from engine.draft import Past, Regime
from engine.draws import Flags, Floats
from engine.measure import Sample, sample
from engine.model import Parameters
from engine.operations import Marks
from engine.service import Table
from engine.world import Plan, Run, Variant, make_world, run

Service = Callable[[np.random.Generator, int], Floats]
"""From a stream and a number of tasks to service times in s."""

ALMOST_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Check:
    """One metric of one case: its closed form, and the engine's estimates per replication."""

    case: str
    metric: str
    expected: float
    estimates: tuple[float, ...]
    pooled: float | None = None
    """The estimate from all replications together where it is better than their mean (quantiles)."""
    trials: int = 0
    """Of a share: how many tasks it was counted over, so that a rare event that never came is no miss."""

    @property
    def mean(self) -> float:
        if self.pooled is not None:
            return self.pooled
        return float(np.mean(self.estimates))

    @property
    def half_width(self) -> float:
        """Of the 99 % confidence interval."""
        r = len(self.estimates)
        width = t995(r - 1) * float(np.std(self.estimates, ddof=1)) / math.sqrt(r)
        if self.trials:
            spread = math.sqrt(max(self.expected * (1 - self.expected), 0.0) / self.trials)
            width = max(width, 2.576 * spread + 1.0 / self.trials)
        return width

    @property
    def is_inside(self) -> bool:
        slack = ALMOST_EQUAL * max(1.0, abs(self.expected))
        return abs(self.mean - self.expected) <= self.half_width + slack

    def __str__(self) -> str:
        verdict = "inside" if self.is_inside else "OUTSIDE"
        return (
            f"{self.case:<60} {self.metric:<22} expected {self.expected:<12.6g} "
            f"got {self.mean:.6g} ± {self.half_width:.3g} {verdict}"
        )


def exponential(rate: float) -> Service:
    return lambda stream, n: stream.exponential(1.0 / rate, n)


def instant() -> Service:
    return lambda stream, n: np.zeros(n)


@dataclass(eq=False)
class Bench(Variant):
    """A variant whose visits take what `services` say, in order of the network's agents."""

    services: Sequence[Service] = field(default_factory=tuple)

    def _build(self, index: int, phase: int, number: int, regime: Regime) -> Table:
        draws = self.world.draws
        stream = draws.stream("bench", index, phase, number)
        return given_table(
            self.services[index](stream, draws.n),
            decide=draws.uniform("bench-decide", index, number),
            route=draws.uniform("bench-route", index, number),
        )


def given_table(duration_s: Floats, decide: Floats, route: Floats) -> Table:
    """A visit of known length that costs nothing and never errs."""
    n = duration_s.size
    zero = np.zeros(n)
    return Table(
        duration_s=duration_s.tolist(),
        response_s=None,
        linger_s=None,
        fails=[False] * n,
        is_wrong=[False] * n,
        decide=decide.tolist(),
        route=route.tolist(),
        errors=[0] * n,
        calls=[0] * n,
        model_s=[0.0] * n,
        cost_usd=[0.0] * n,
        parts={},
        tokens_in=zero,
        tokens_out=zero,
        cost=zero,
        marks=Marks(),
        operations=[],
        past=Past(np.zeros(n, np.int64), np.zeros(n, np.int64)),
    )


def station(ident: str, servers: int = 1, **more: Any) -> AgentSpec:
    return AgentSpec(id=ident, name=ident, role="station", concurrency=servers, **more)


def edge(source: str, target: str, **more: Any) -> Connection:
    return Connection(source=source, target=target, **more)


def network(agents: Sequence[AgentSpec], *connections: Connection, **more: Any) -> Network:
    return Network(
        agents=tuple(agents),
        connections=connections,
        pattern="sequential",
        pattern_reason="a network with a closed form",
        **more,
    )


def queueing(
    net: Network,
    rate: float,
    services: Sequence[Service],
    plan: Plan,
    overrides: Mapping[str, float | None] | None = None,
) -> Run:
    """Run stations with given service times; `rate` in tasks per s replaces the plan's."""
    world = make_world(net, Parameters(overrides or {}), plan)
    return run(Bench(world, services=services, rate_per_s=rate))


def agents_run(
    net: Network, plan: Plan, overrides: Mapping[str, float | None], **variant: Any
) -> Sample:
    """Run agents as they are, with parameters chosen so that a closed form exists."""
    world = make_world(net, Parameters(overrides), plan)
    return sample(run(Variant(world, **variant)))


def shares(flags: Sequence[Flags]) -> tuple[float, ...]:
    return tuple(float(f.mean()) for f in flags)
