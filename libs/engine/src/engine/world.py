"""A network under given circumstances, run: variants share random numbers and every table they do not touch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from common.contracts.network import Network
from engine.draws import Draws, Floats
from engine.faults import STALL_S, Strike
from engine.graph import Graph, Node, compile_graph
from engine.model import Parameters
from engine.policy import Policy, default_policy, strengthened
from engine.service import CALM, Regime, Table, VisitBuilder
from engine.walk import Breaker, Gate, Setting, TableOf, Walk, gate

WINDOW_START_SHARE = (0.2, 0.5)
"""An injected incident begins between these shares of the run (assumed: inside it, after warm-up)."""
WINDOW_MAX_SHARE = 0.4
"""… and lasts at most this share of the run, so that there is a before and an after to compare."""

Window = tuple[int, frozenset[int], float, float]
Closure = tuple[int, float, float]
TableKey = tuple[int, int, int, Regime]


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a run: `replications` of `warmup + measured` tasks each, arriving at `rate_per_s`."""

    seed: int
    replications: int
    warmup: int
    measured: int
    rate_per_s: float

    @property
    def per_replication(self) -> int:
        return self.warmup + self.measured

    @property
    def tasks(self) -> int:
        return self.replications * self.measured


@dataclass(slots=True, eq=False)
class World:
    """What all variants of one request share: the graph, the random numbers, the undisturbed tables."""

    graph: Graph
    parameters: Parameters
    plan: Plan
    draws: Draws
    gaps: Floats
    calm: dict[TableKey, Table] = field(default_factory=dict)

    @property
    def tools(self) -> Mapping[str, Any]:
        return {tool.name: tool for tool in self.graph.network.tools}


def make_world(network: Network, parameters: Parameters, plan: Plan) -> World:
    """Compile the network and name its random numbers.

    Raises:
        NetworkRejected: the network cannot be walked.
    """
    graph = compile_graph(network)
    for node in graph.nodes:
        family = "human" if node.is_human else "agent"
        own = parameters.of(family, node.spec.id, "concurrency", float(node.capacity))
        node.capacity = max(1, int(own or 1))
    draws = Draws(plan.seed, plan.replications * plan.per_replication)
    gaps = _unit_gaps(draws, parameters.number("arrivals.burstiness"))
    return World(graph, parameters, plan, draws, gaps)


def _unit_gaps(draws: Draws, cv: float) -> Floats:
    """Gaps between arrivals with mean 1 and coefficient of variation `cv` (gamma; 1 is Poisson, 0 is a clock)."""
    stream = draws.stream("arrivals")
    if cv <= 0:
        return np.ones(draws.n)
    if cv == 1:
        return stream.exponential(1.0, draws.n)
    shape = 1.0 / cv**2
    return stream.gamma(shape, 1.0 / shape, draws.n)


@dataclass(slots=True, eq=False)
class Variant:
    """One set of circumstances. `policies` and `capacities` hold only what differs from the network as planned."""

    world: World
    strikes: tuple[Strike, ...] = ()
    policies: Mapping[int, Policy] = field(default_factory=dict)
    capacities: Mapping[int, int] = field(default_factory=dict)
    quorums: Mapping[int, int] = field(default_factory=dict)
    budget_usd: float | None = None
    parameters: Parameters | None = None
    rate_per_s: float | None = None
    own: dict[TableKey, Table] = field(default_factory=dict)
    touched: frozenset[int] = field(init=False)
    default: Policy = field(init=False)

    def __post_init__(self) -> None:
        self.default = default_policy(self.params)
        touched: set[int] = set(self.policies)
        for strike in self.strikes:
            touched |= strike.nodes
        if self.parameters is not None:
            touched |= {node.index for node in self.world.graph.nodes}
        self.touched = frozenset(touched)

    @property
    def params(self) -> Parameters:
        return self.parameters or self.world.parameters

    def policy(self, node: int) -> Policy:
        return self.policies.get(node, self.default)

    def table(self, node: int, phase: int, number: int, regime: Regime) -> Table:
        """Built once and kept; untouched agents share the world's calm tables."""
        cache = self.own if node in self.touched or regime is not CALM else self.world.calm
        key = (node, phase, number, regime)
        found = cache.get(key)
        if found is None:
            found = cache[key] = self._build(node, phase, number, regime)
        return found

    def _build(self, index: int, phase: int, number: int, regime: Regime) -> Table:
        before = self.table(index, phase, number - 1, CALM) if number else None
        peers = self._peers(index, phase, number)
        return VisitBuilder(
            node=self.world.graph.nodes[index],
            phase=phase,
            number=number,
            draws=self.world.draws,
            parameters=self.params,
            policy=self.policy(index),
            tools=self.world.tools,
            strikes=tuple(s for s in self.strikes if index in s.nodes),
            regime=regime,
            before=before,
            peers=peers,
        ).build()

    def _peers(self, index: int, phase: int, number: int) -> tuple[Table, ...]:
        """First visits of earlier redundant branches: same model class, same join that does not wait for all."""
        if number or phase:
            return ()
        nodes = self.world.graph.nodes
        joins = {e.target for e in nodes[index].all_forward if not nodes[e.target].waits_for_all}
        model = nodes[index].spec.model_class
        return tuple(
            self.table(node.index, 0, 0, CALM)
            for node in nodes[:index]
            if model is not None
            and node.spec.model_class == model
            and joins & {e.target for e in node.all_forward}
        )[-1:]


@dataclass(slots=True, eq=False)
class Run:
    """The replications of one variant, finished."""

    variant: Variant
    walks: list[Walk]
    settings: list[Setting]

    @property
    def world(self) -> World:
        return self.variant.world


def run(variant: Variant, replications: int | None = None, traced: int = -1) -> Run:
    """Walk the first `replications` (default: all) of the plan."""
    plan = variant.world.plan
    count = plan.replications if replications is None else replications
    walks, settings = [], []
    for r in range(count):
        setting = _setting(variant, r, traced)
        walks.append(walk(variant, setting))
        settings.append(setting)
    return Run(variant, walks, settings)


def trace(variant: Variant, replication: int, task: int) -> Walk:
    """Walk one replication again, noting everything that happens to `task`."""
    return walk(variant, _setting(variant, replication, task))


def walk(variant: Variant, setting: Setting) -> Walk:
    graph = variant.world.graph
    finished = Walk(_joined(graph, variant.quorums), _fast(variant), setting)
    for node, capacity in variant.capacities.items():
        finished.servers[node].capacity = capacity
    finished.run()
    return finished


def _fast(variant: Variant) -> TableOf:
    """`Variant.table` with the calm case answered by one look-up; it is asked once per visit."""
    known: dict[tuple[int, int, int], Table] = {}

    def table_of(node: int, phase: int, number: int, regime: Regime) -> Table:
        if regime is not CALM:
            return variant.table(node, phase, number, regime)
        key = (node, phase, number)
        table = known.get(key)
        if table is None:
            table = known[key] = variant.table(node, phase, number, CALM)
        return table

    return table_of


def _joined(graph: Graph, quorums: Mapping[int, int]) -> Graph:
    if not quorums:
        return graph
    nodes = [
        replace(node, waits_for_all=False, need=quorums[node.index])
        if node.index in quorums
        else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=nodes)


def _setting(variant: Variant, r: int, traced: int) -> Setting:
    world = variant.world
    plan, params = world.plan, variant.params
    first = r * plan.per_replication
    rate = variant.rate_per_s or plan.rate_per_s
    times = np.cumsum(world.gaps[first : first + plan.per_replication]) / rate
    arrivals: list[float] = times.tolist()
    windows, closures = _windows(variant, r, arrivals[-1])
    loop = params.general("arrivals.closed_loop")
    budget = variant.budget_usd
    return Setting(
        arrivals_s=arrivals,
        first_index=first,
        windows=tuple(windows),
        closures=tuple(closures),
        patience_s={
            i: p.patience_s for i, p in variant.policies.items() if p.patience_s is not None
        },
        hours=_hours(world.graph, params),
        gates=_gates(world.graph, params),
        breakers=_breakers(variant),
        budget_usd=budget if budget is not None else params.general("task.budget_usd"),
        closed_loop=int(loop) if loop else None,
        accept=accept_shares(variant),
        absorbed_share=params.number("merge.absorbed_share"),
        repeat_share=params.number("loop.repeat_share"),
        traced=traced,
    )


def _windows(variant: Variant, r: int, length_s: float) -> tuple[list[Window], list[Closure]]:
    """Incidents are conditioned on happening once per replication; the likelihood is reported beside them."""
    windows: list[Window] = []
    closures: list[Closure] = []
    for strike in variant.strikes:
        if not strike.is_window or not strike.nodes:
            continue
        low, high = WINDOW_START_SHARE
        u = float(variant.world.draws.stream("window", strike.mode.id, r).random())
        start = (low + (high - low) * u) * length_s
        end = start + min(strike.number("duration_s", STALL_S), WINDOW_MAX_SHARE * length_s)
        people = {i for i in strike.nodes if variant.world.graph.nodes[i].is_human}
        closures += [(i, start, end) for i in sorted(people)]
        windows.append((strike.index, strike.nodes - people, start, end))
    return windows, closures


def _hours(graph: Graph, params: Parameters) -> dict[int, float]:
    hours = {}
    for node in graph.nodes:
        if node.is_human:
            open_h = params.of("human", node.spec.id, "hours_per_day")
            if open_h is not None and open_h < 24:
                hours[node.index] = open_h
    return hours


def _gates(graph: Graph, params: Parameters) -> dict[int, tuple[Gate, ...]]:
    """Limits per model class and over all of them; agents of one class share one gate."""
    common = gate(params.general("provider.rpm"), params.general("provider.concurrency"))
    by_class: dict[str, Gate | None] = {}
    gates: dict[int, tuple[Gate, ...]] = {}
    for node in graph.nodes:
        model = node.spec.model_class
        if model is None or node.is_human:
            continue
        if model not in by_class:
            rpm, most = params.of_model(model, "rpm"), params.of_model(model, "concurrency")
            by_class[model] = gate(rpm, most)
        own = tuple(g for g in (by_class[model], common) if g is not None)
        if own:
            gates[node.index] = own
    return gates


def _breakers(variant: Variant) -> dict[int, Breaker]:
    """One per model class among the agents whose policy has one."""
    params = variant.params
    by_class: dict[str, Breaker] = {}
    breakers = {}
    for i, policy in sorted(variant.policies.items()):
        model = variant.world.graph.nodes[i].spec.model_class
        if policy.breaker and model is not None:
            failures = int(params.number("breaker.failures"))
            make = partial(Breaker, failures, params.number("breaker.reset_s"))
            breakers[i] = by_class.setdefault(model, make())
    return breakers


def accept_shares(variant: Variant) -> dict[int, tuple[float, float]]:
    """Per deciding node: how often it accepts what is right, and what is wrong."""
    return {
        node.index: _accept(node, variant.params)
        for node in variant.world.graph.nodes
        if node.decides
    }


def _accept(node: Node, params: Parameters) -> tuple[float, float]:
    if node.is_human:
        ident = node.spec.id
        right = params.of("human", ident, "approve_share")
        wrong = params.of("human", ident, "accept_wrong_share")
        return right or 0.0, wrong or 0.0
    return params.number("verifier.accept_correct"), params.number("verifier.accept_wrong")


def strengthen(
    variant: Variant, nodes: Sequence[int], measures: Mapping[str, Any]
) -> dict[int, Policy]:
    """Policies with `measures` added at `nodes`."""
    changed = dict(variant.policies)
    for node in nodes:
        changed[node] = strengthened(variant.policy(node), measures)
    return changed
