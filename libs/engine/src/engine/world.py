"""A network under given circumstances, run: variants share random numbers and every table they do not touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from common.contracts.network import Network, ToolSpec
from engine.draft import CALM, Draft, Regime
from engine.draws import Draws, Floats
from engine.faults import Strike
from engine.graph import Graph, compile_graph
from engine.model import Parameters
from engine.policy import Policy, default_policy
from engine.service import Table, build
from engine.settings import setting_of
from engine.state import Setting
from engine.walk import Walk

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


@dataclass(eq=False)
class World:
    """What all variants of one request share: the graph, the random numbers, the undisturbed tables."""

    graph: Graph
    parameters: Parameters
    plan: Plan
    draws: Draws
    gaps: Floats
    calm: dict[TableKey, Table] = field(default_factory=dict)

    @cached_property
    def tools(self) -> Mapping[str, ToolSpec]:
        return {tool.name: tool for tool in self.graph.network.tools}

    @cached_property
    def redundant_for(self) -> Mapping[int, str]:
        """Nodes whose branch a join may do without, and that join: first of all, k of n."""
        nodes = self.graph.nodes
        return {
            node.index: nodes[edge.target].spec.id
            for node in nodes
            for edge in node.forward
            if not nodes[edge.target].waits_for_all
        }


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
    gaps = unit_gaps(draws, parameters.number("arrivals.burstiness"))
    return World(graph, parameters, plan, draws, gaps)


def unit_gaps(draws: Draws, cv: float) -> Floats:
    """Gaps between arrivals with mean 1 and coefficient of variation `cv` (gamma; 1 is Poisson, 0 is a clock)."""
    stream = draws.stream("arrivals")
    if cv <= 0:
        return np.ones(draws.n)
    if cv == 1:
        return stream.exponential(1.0, draws.n)
    shape = 1.0 / cv**2
    return stream.gamma(shape, 1.0 / shape, draws.n)


@dataclass(eq=False)
class Variant:
    """One set of circumstances. What is given here differs from the network as planned; the rest is shared."""

    world: World
    strikes: tuple[Strike, ...] = ()
    policies: Mapping[int, Policy] = field(default_factory=dict)
    capacities: Mapping[int, int] = field(default_factory=dict)
    quorums: Mapping[int, int] = field(default_factory=dict)
    budget_usd: float | None = None
    parameters: Parameters | None = None
    depends: frozenset[int] | None = None
    """Nodes whose visits `parameters` change; null: all."""
    rate_per_s: float | None = None
    own: dict[TableKey, Table] = field(default_factory=dict)

    @cached_property
    def touched(self) -> frozenset[int]:
        """Nodes whose tables differ from the world's."""
        touched = frozenset(self.policies).union(*(strike.nodes for strike in self.strikes))
        if self.parameters is None:
            return touched
        everyone = frozenset(node.index for node in self.world.graph.nodes)
        return touched | (everyone if self.depends is None else self.depends)

    @cached_property
    def default(self) -> Policy:
        return default_policy(self.params)

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
        past = self.table(index, phase, number - 1, CALM).past if number else None
        draft = Draft(
            node=self.world.graph.nodes[index],
            phase=phase,
            number=number,
            draws=self.world.draws,
            parameters=self.params,
            policy=self.policy(index),
            tools=self.world.tools,
            strikes=tuple(s for s in self.strikes if index in s.nodes),
            regime=regime,
            past=past,
            redundant_for=self.world.redundant_for.get(index),
        )
        return build(draft)


@dataclass(slots=True, eq=False)
class Run:
    """The replications of one variant, finished."""

    variant: Variant
    walks: list[Walk]

    @property
    def world(self) -> World:
        return self.variant.world


def run(variant: Variant, replications: int | None = None) -> Run:
    """Walk the first `replications` of the plan (null: all, and never more than it has)."""
    most = variant.world.plan.replications
    count = min(replications or most, most)
    graph = _joined(variant)
    return Run(variant, [_replication(variant, graph, r) for r in range(count)])


def run_struck(calm: Run, strikes: tuple[Strike, ...]) -> Run:
    """The calm run again, struck. A replication in which no strike hits is the calm one, and not walked again."""
    variant = replace(calm.variant, strikes=strikes, own={})
    return Run(
        variant,
        [
            _replication(variant, calm.world.graph, r) if _is_hit(variant, calm, r) else finished
            for r, finished in enumerate(calm.walks)
        ],
    )


def _replication(variant: Variant, graph: Graph, r: int) -> Walk:
    return walk(variant, replication_setting(variant, r), graph)


def _is_hit(variant: Variant, calm: Run, r: int) -> bool:
    """Whether anything the calm replication came by is struck; up to the first hit both take the same way."""
    if any(strike.is_window for strike in variant.strikes):
        return True
    size = calm.world.plan.per_replication
    tasks = slice(r * size, (r + 1) * size)
    for node in sorted(variant.touched):
        for phase in (0, 1):
            for number in range(max(t.visits[2 * node + phase] for t in calm.walks[r].tasks)):
                fired = variant.table(node, phase, number, CALM).marks.fired
                if any(flags[tasks].any() for flags in fired.values()):
                    return True
    return False


def trace(variant: Variant, replication: int, task: int) -> Walk:
    """Walk one replication again, noting everything that happens to `task`."""
    setting = replace(replication_setting(variant, replication), traced=task)
    return walk(variant, setting)


def walk(
    variant: Variant,
    setting: Setting,
    graph: Graph | None = None,
) -> Walk:
    finished = Walk(graph or _joined(variant), variant.table, setting)
    finished.run()
    return finished


def replication_setting(variant: Variant, r: int) -> Setting:
    """Arrivals and circumstances of replication `r`."""
    world, plan = variant.world, variant.world.plan
    first = r * plan.per_replication
    rate = variant.rate_per_s or plan.rate_per_s
    gaps = world.gaps[first : first + plan.per_replication]
    arrivals: list[float] = (np.cumsum(gaps) / rate).tolist()
    return setting_of(variant, r, first, arrivals)


def _joined(variant: Variant) -> Graph:
    """The graph, with the joins that a mitigation turns into quorums."""
    graph, quorums = variant.world.graph, variant.quorums
    if not quorums:
        return graph
    nodes = [
        replace(node, waits_for_all=False, need=min(quorums[node.index], max(node.in_degree, 1)))
        if node.index in quorums
        else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=nodes)
