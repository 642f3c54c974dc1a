"""Figures of a finished run: what a person asks of it, each with a band from the replications."""

from dataclasses import dataclass, field

import numpy as np

from common.contracts.run import AgentFigures, Figures, LittlesLaw
from common.contracts.values import Band
from engine.bands import band, positive, quantile, quantiles, share_band
from engine.draws import Floats, Whole
from engine.graph import Node
from engine.model import Parameters
from engine.service import Table
from engine.state import DECLINED, OK, OUTCOMES, Visit, outcome_of
from engine.walk import Walk
from engine.world import Run

MONTH_S = 30 * 86_400.0
LITTLE_TOLERANCE = 1e-6
"""L = λW is an identity of sound accounting over a drained run; more than rounding means a bug."""


@dataclass(slots=True, eq=False)
class Services:
    """The finished services of one node: which table and task, and when. Arrays of equal length, times in s."""

    task: Whole
    asked_s: Floats
    started_s: Floats
    ended_s: Floats
    planned_s: Floats
    """Length without what held the visit up (limits, absences)."""
    replication: Whole
    by_table: list[tuple[Table, int, int, Whole]]
    """(table, phase, number, tasks served from it)."""


@dataclass(slots=True, eq=False)
class Sample:
    """A run as arrays: per replication and measured task outcome code, latency in s, cost in USD."""

    run: Run
    outcome: list[Whole]
    latency_s: list[Floats]
    cost_usd: list[Floats]
    indices: list[Whole]
    services: list[Services]
    measured: Floats
    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def tasks(self) -> int:
        return sum(o.size for o in self.outcome)

    @property
    def success(self) -> list[Floats]:
        """1 where the task ended well (done right, or rightly declined)."""
        return [((o == OK) | (o == DECLINED)).astype(float) for o in self.outcome]


def sample(run: Run) -> Sample:
    plan = run.world.plan
    deadline = run.variant.params.general("task.deadline_s")
    outcomes, latencies, indices, spans = [], [], [], []
    measured = np.zeros(run.world.draws.n)
    for finished in run.walks:
        tasks = finished.tasks[plan.warmup :]
        indices.append(np.array([t.index for t in tasks], dtype=np.int64))
        measured[indices[-1]] = 1.0
        outcomes.append(np.array([outcome_of(t, deadline) for t in tasks], dtype=np.int64))
        latencies.append(np.array([t.delivered_s - t.arrived_s for t in tasks]))
        spans.append((tasks[0].arrived_s, max(tasks[-1].arrived_s, tasks[0].arrived_s)))
    services = [_services(run, node.index) for node in run.world.graph.nodes]
    cost = np.zeros(run.world.draws.n)
    for service in services:
        for table, _, _, where in service.by_table:
            cost[where] += table.cost[where]
    return Sample(
        run, outcomes, latencies, [cost[i] for i in indices], indices, services, measured, spans
    )


def _services(run: Run, node: int) -> Services:
    visits: list[Visit] = []
    replication: list[int] = []
    for r, finished in enumerate(run.walks):
        visits += finished.log[node]
        replication += [r] * len(finished.log[node])
    tables: dict[int, tuple[Visit, list[int]]] = {}
    for visit in visits:
        tables.setdefault(id(visit.table), (visit, []))[1].append(visit.task.index)
    by_table = [
        (first.table, first.phase, first.number, np.array(where, dtype=np.int64))
        for first, where in tables.values()
        if first.table is not None
    ]
    return Services(
        task=np.array([v.task.index for v in visits], dtype=np.int64),
        asked_s=np.array([v.asked_s for v in visits]),
        started_s=np.array([v.started_s for v in visits]),
        ended_s=np.array([v.ended_s for v in visits]),
        planned_s=np.array([v.served.duration_s[v.task.index] for v in visits]),
        replication=np.array(replication, dtype=np.int64),
        by_table=by_table,
    )


def figures(data: Sample) -> Figures:
    """Everything but the bottleneck, which needs another run."""
    run = data.run
    params = run.variant.params
    cost, is_lower_bound = cost_band(data)
    tokens_in, tokens_out = _tokens(data)
    success = data.success
    hits = int(sum(s.sum() for s in success))
    month = None
    if cost is not None:
        per_month = _rate_per_s(data) * MONTH_S
        month = Band(
            value=cost.value * per_month, low=cost.low * per_month, high=cost.high * per_month
        )
    return Figures(
        tasks=data.tasks,
        latency_s=quantiles(data.latency_s),
        throughput_per_min=_throughput(data),
        success=share_band(hits, data.tasks, [float(s.mean()) for s in success]),
        cost_usd_per_task=cost,
        cost_usd_per_month=month,
        cost_is_lower_bound=is_lower_bound,
        tokens_in_per_task=tokens_in,
        tokens_out_per_task=tokens_out,
        agents=tuple(_agent(data, node, params) for node in run.world.graph.nodes),
        time_lost_s=_time_lost(data),
        littles_law=littles_law(run.walks),
        outcomes=_outcomes(data),
    )


def cost_band(data: Sample) -> tuple[Band | None, bool]:
    """USD per task, and whether something with an unknown price was used. Null when nothing is known at all."""
    run = data.run
    params, tools = run.variant.params, run.world.tools
    unknown, known = False, False
    for node, service in zip(run.world.graph.nodes, data.services, strict=True):
        if not service.task.size:
            continue
        if node.is_human:
            unknown |= params.of("human", node.spec.id, "usd_per_hour") is None
            known |= params.of("human", node.spec.id, "usd_per_hour") is not None
        elif node.spec.model_class is not None:
            known = True
        unknown |= any(
            params.of("tool", name, "usd_per_call") is None
            for name in node.spec.tools
            if name in tools
        )
    if not known:
        return None, False
    everything = np.concatenate(data.cost_usd)
    estimate = band(float(everything.mean()), [float(c.mean()) for c in data.cost_usd])
    return positive(estimate), unknown


def _rate_per_s(data: Sample) -> float:
    """Arrivals asked for; in a closed loop what the run carried."""
    if data.run.variant.params.general("arrivals.closed_loop"):
        return _throughput(data).value / 60.0
    return data.run.variant.rate_per_s or data.run.world.plan.rate_per_s


def _throughput(data: Sample) -> Band:
    """Tasks per minute that leave between the first and the last measured arrival, warm-up tasks among them."""
    rates, left, length = [], 0, 0.0
    for finished, (start, end) in zip(data.run.walks, data.spans, strict=True):
        here = sum(start < task.left_s <= end for task in finished.tasks)
        left, length = left + here, length + end - start
        rates.append(60.0 * here / (end - start) if end > start else 0.0)
    return positive(band(60.0 * left / length if length > 0 else 0.0, rates))


def _outcomes(data: Sample) -> dict[str, int]:
    counts = np.bincount(np.concatenate(data.outcome), minlength=len(OUTCOMES))
    return {name: int(counts[i]) for i, name in enumerate(OUTCOMES)}


def _tokens(data: Sample) -> tuple[float, float]:
    total_in = total_out = 0.0
    for service in data.services:
        for table, _, _, where in service.by_table:
            counted = data.measured[where]
            total_in += float((table.tokens_in[where] * counted).sum())
            total_out += float((table.tokens_out[where] * counted).sum())
    return total_in / data.tasks, total_out / data.tasks


def _time_lost(data: Sample) -> dict[str, float]:
    """Mean seconds per task by cause, summed over parallel branches; repeats of a visit count as rework."""
    lost = dict.fromkeys(
        ("queueing", "model", "tool", "human", "retries", "backoff", "rework", "network"), 0.0
    )
    for service in data.services:
        counted = data.measured[service.task]
        held_up = service.ended_s - service.started_s - service.planned_s
        waited = service.started_s - service.asked_s + held_up
        lost["queueing"] += float((waited * counted).sum())
        for table, phase, number, where in service.by_table:
            weight = data.measured[where]
            is_rework = number > 0
            for cause, values in table.parts.items():
                key = "rework" if is_rework else cause
                lost[key] += float((values[where] * weight).sum())
            if table.response_s is not None and phase == 0:
                response = np.asarray(table.response_s)
                lost["human"] += float((response[where] * weight).sum())
    return {cause: seconds / data.tasks for cause, seconds in lost.items()}


def _agent(data: Sample, node: Node, params: Parameters) -> AgentFigures:
    service = data.services[node.index]
    counted = data.measured[service.task] > 0
    waits = (service.started_s - service.asked_s)[counted]
    lengths = (service.ended_s - service.started_s)[counted]
    cost, tokens = _spent(data, service)
    return AgentFigures(
        agent_id=node.spec.id,
        utilisation=utilisation(data, node),
        queue_mean=_queue_mean(data, service),
        wait_s_mean=float(waits.mean()) if waits.size else 0.0,
        wait_s_p95=quantile(waits, 0.95) if waits.size else 0.0,
        service_s_mean=float(lengths.mean()) if lengths.size else 0.0,
        visits_per_task=float(counted.sum()) / data.tasks,
        cost_usd_per_task=_price_known(node, params, cost / data.tasks),
        tokens_per_task=tokens / data.tasks,
    )


def _price_known(node: Node, params: Parameters, cost: float) -> float | None:
    if node.is_human and params.of("human", node.spec.id, "usd_per_hour") is None:
        return None
    return cost


def _spent(data: Sample, service: Services) -> tuple[float, float]:
    cost = tokens = 0.0
    for table, _, _, where in service.by_table:
        weight = data.measured[where]
        cost += float((table.cost[where] * weight).sum())
        tokens += float(((table.tokens_in + table.tokens_out)[where] * weight).sum())
    return cost, tokens


def utilisation(data: Sample, node: Node) -> Band:
    """Busy servers ÷ servers from the first to the last measured arrival, warm-up tasks' work included."""
    service = data.services[node.index]
    capacity = data.run.variant.capacities.get(node.index, node.capacity)
    shares, busy, length = [], 0.0, 0.0
    for r, (start, end) in enumerate(data.spans):
        here = service.replication == r
        inside = np.minimum(service.ended_s[here], end) - np.maximum(service.started_s[here], start)
        work = float(np.maximum(inside, 0.0).sum())
        if end > start:
            shares.append(min(1.0, work / (capacity * (end - start))))
            busy, length = busy + work, length + capacity * (end - start)
    value = min(1.0, busy / length) if length > 0 else 0.0
    estimate = band(value, shares)
    return Band(value=value, low=max(0.0, estimate.low), high=min(1.0, estimate.high))


def _queue_mean(data: Sample, service: Services) -> float:
    waiting, length = 0.0, 0.0
    for r, (start, end) in enumerate(data.spans):
        here = service.replication == r
        inside = np.minimum(service.started_s[here], end) - np.maximum(service.asked_s[here], start)
        waiting += float(np.maximum(inside, 0.0).sum())
        length += end - start
    return waiting / length if length > 0 else 0.0


def littles_law(walks: list[Walk]) -> LittlesLaw:
    """L from the walk's running area under the number in system, λ and W from the tasks: two separate accounts."""
    area = sum(w.area for w in walks)
    length = sum(w.changed_s for w in walks)
    tasks = [t for w in walks for t in w.tasks]
    sojourn = sum(t.left_s - t.arrived_s for t in tasks) / len(tasks)
    in_system = area / length if length > 0 else 0.0
    rate = len(tasks) / length if length > 0 else 0.0
    expected = rate * sojourn
    error = abs(in_system - expected) / expected if expected > 0 else 0.0
    return LittlesLaw(
        in_system_mean=in_system,
        arrival_rate_per_s=rate,
        sojourn_s_mean=sojourn,
        relative_error=error,
        holds=error < LITTLE_TOLERANCE and all(t.left_s >= 0 for t in tasks),
    )
