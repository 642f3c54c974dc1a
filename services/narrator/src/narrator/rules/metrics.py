"""Metrics of the run and of the sampled task, under the OpenTelemetry names and bucket bounds of v1.41.1."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import pairwise
from math import exp, log
from typing import Any

from common.contracts.narrative import HistogramPoint, Metric, Span
from common.contracts.run import Quantiles
from narrator.rules.run_view import RunView

_DOUBLING_S = tuple(0.01 * 2**n for n in range(14))
_AGENT_S = tuple(0.1 * 2**n for n in range(13))
_TOKENS = tuple(float(4**n) for n in range(14))
_WORKFLOW_S = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_SIMULATED = {"sim.simulated": True}


def histogram(
    values: Iterable[float], bounds: tuple[float, ...], attributes: dict[str, Any]
) -> HistogramPoint:
    """Values sorted into buckets `(bounds[i-1], bounds[i]]`, with one more bucket above the last bound."""
    counts, total, n = [0] * (len(bounds) + 1), 0.0, 0
    for value in values:
        counts[bisect_left(bounds, value)] += 1
        total += value
        n += 1
    return HistogramPoint(
        bounds=bounds, counts=tuple(counts), sum=total, count=n, attributes=attributes | _SIMULATED
    )


def metrics(view: RunView, spans: tuple[Span, ...]) -> tuple[Metric, ...]:
    """Histograms first, then gauges and sums of the whole run; what is not known is not there."""
    found = [
        _workflow(view),
        *_of_spans(spans),
        *_of_agents(view),
        _outcomes(view),
        _success(view),
        _cost(view),
        *_of_failures(view),
    ]
    return tuple(m for m in found if m.histograms or m.points)


def _workflow(view: RunView) -> Metric:
    baseline = view.run.baseline
    point = _from_quantiles(baseline.latency_s, baseline.tasks)
    return Metric(
        name="gen_ai.workflow.duration",
        unit="s",
        kind="histogram",
        description="Time from arrival to delivery; counts are interpolated between the run's quantiles.",
        histograms=(point,),
    )


def _from_quantiles(latency: Quantiles, tasks: int) -> HistogramPoint:
    """Bucket counts from median, p95 and p99: log-linear between them, lognormal below the median.

    The run hands on quantiles and not every sample, so the counts are close, and are marked as interpolated.
    """
    marks = [(0.5, latency.p50.value), (0.95, latency.p95.value), (0.99, latency.p99.value)]
    shares = [_share_below(bound, marks) for bound in _WORKFLOW_S]
    cumulative = [0, *(round(share * tasks) for share in shares), tasks]
    counts = [max(0, high - low) for low, high in pairwise(cumulative)]
    return HistogramPoint(
        bounds=_WORKFLOW_S,
        counts=tuple(counts),
        sum=latency.mean.value * tasks,
        count=tasks,
        attributes={"sim.interpolated": True, "sim.variant": "baseline"} | _SIMULATED,
    )


def _share_below(bound: float, marks: list[tuple[float, float]]) -> float:
    """Share of tasks at or below `bound`, never falling as `bound` grows."""
    (_, median), (_, p95), (_, p99) = marks
    if median <= 0:
        return 1.0
    if bound < median:
        # The lower half mirrors the upper one in log time.
        spread = log(p95 / median) / 1.645 if p95 > median else 0.0
        return 0.0 if spread == 0 else 0.5 * exp(-((log(median / bound) / spread) ** 1.2))
    for (share, value), (next_share, next_value) in pairwise(marks):
        if bound < next_value:
            reach = log(bound / value) / log(next_value / value) if next_value > value else 1.0
            return share + reach * (next_share - share)
    return 1.0 if bound >= p99 * 1.5 else 0.99


def _of_spans(spans: tuple[Span, ...]) -> list[Metric]:
    """Client, tool and agent durations and tokens of the sampled task."""
    chats = [s for s in spans if s.attributes.get("gen_ai.operation.name") == "chat"]
    tools = [s for s in spans if s.attributes.get("gen_ai.operation.name") == "execute_tool"]
    agents = [s for s in spans if s.attributes.get("gen_ai.operation.name") == "invoke_agent"]
    return [
        _durations(
            "gen_ai.client.operation.duration",
            chats,
            _DOUBLING_S,
            ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "error.type"),
        ),
        _tokens(chats),
        _durations(
            "gen_ai.execute_tool.duration", tools, _DOUBLING_S, ("gen_ai.tool.name", "error.type")
        ),
        _durations(
            "gen_ai.invoke_agent.duration", agents, _AGENT_S, ("gen_ai.agent.name", "error.type")
        ),
        _durations(
            "sim.approval.wait",
            [s for s in spans if s.name == "sim.human_approval"],
            _WORKFLOW_S,
            (),
        ),
    ]


def _grouped(spans: list[Span], keys: tuple[str, ...]) -> list[tuple[dict[str, Any], list[Span]]]:
    groups: dict[tuple[Any, ...], list[Span]] = {}
    for span in spans:
        groups.setdefault(tuple(span.attributes.get(key) for key in keys), []).append(span)
    return [
        ({k: v for k, v in zip(keys, values, strict=True) if v is not None}, members)
        for values, members in groups.items()
    ]


def _durations(
    name: str, spans: list[Span], bounds: tuple[float, ...], keys: tuple[str, ...]
) -> Metric:
    points = tuple(
        histogram((s.end_s - s.start_s for s in members), bounds, attributes)
        for attributes, members in _grouped(spans, keys)
    )
    return Metric(
        name=name, unit="s", kind="histogram", description="Of the sampled task.", histograms=points
    )


def _tokens(chats: list[Span]) -> Metric:
    points = []
    for kind in ("input", "output"):
        key = f"gen_ai.usage.{kind}_tokens"
        used = [s for s in chats if key in s.attributes]
        for attributes, members in _grouped(
            used, ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
        ):
            values = (float(s.attributes[key]) for s in members)
            points.append(histogram(values, _TOKENS, attributes | {"gen_ai.token.type": kind}))
    return Metric(
        name="gen_ai.client.token.usage",
        unit="{token}",
        kind="histogram",
        description="Of the sampled task.",
        histograms=tuple(points),
    )


def _point(value: float, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"value": value, "attributes": attributes | _SIMULATED}


def _of_agents(view: RunView) -> list[Metric]:
    figures = view.run.baseline.agents

    def gauge(name: str, unit: str, text: str, read: Callable[[Any], float]) -> Metric:
        points = tuple(_point(read(f), {"gen_ai.agent.id": f.agent_id}) for f in figures)
        return Metric(name=name, unit=unit, kind="gauge", description=text, points=points)

    return [
        gauge(
            "sim.agent.utilisation",
            "1",
            "Busy share of the servers.",
            lambda f: f.utilisation.value,
        ),
        gauge("sim.agent.queue.length", "{task}", "Mean tasks in line.", lambda f: f.queue_mean),
        gauge("sim.agent.wait.p95", "s", "Wait of one task in twenty.", lambda f: f.wait_s_p95),
    ]


def _outcomes(view: RunView) -> Metric:
    points = tuple(
        _point(float(count), {"sim.outcome": outcome})
        for outcome, count in sorted(view.run.baseline.outcomes.items())
    )
    return Metric(
        name="sim.task.outcomes",
        unit="{task}",
        kind="sum",
        description="Tasks of the baseline by outcome.",
        points=points,
    )


def _variants(view: RunView) -> list[tuple[str, Any]]:
    run = view.run
    found = [("baseline", run.baseline), *((o.failure_id, o.figures) for o in run.failures)]
    if run.all_failures:
        found.append(("all_failures", run.all_failures.figures))
    return [*found, *((f"mitigated: {m.name}", m.figures) for m in run.mitigated)]


def _success(view: RunView) -> Metric:
    points = tuple(_point(f.success.value, {"sim.variant": name}) for name, f in _variants(view))
    return Metric(
        name="sim.task.success",
        unit="1",
        kind="gauge",
        description="Share of tasks that end well, by variant of the run.",
        points=points,
    )


def _cost(view: RunView) -> Metric:
    points = tuple(
        _point(f.cost_usd_per_task.value, {"sim.variant": name})
        for name, f in _variants(view)
        if f.cost_usd_per_task is not None
    )
    return Metric(
        name="sim.cost.usd",
        unit="{USD}",
        kind="gauge",
        description="Money per task; a variant without a known price has no point.",
        points=points,
    )


def _of_failures(view: RunView) -> list[Metric]:
    hit = tuple(_point(o.tasks_hit, {"sim.failure.id": o.failure_id}) for o in view.run.failures)
    seen = tuple(
        _point(o.detected_share, {"sim.failure.id": o.failure_id})
        for o in view.run.failures
        if o.detected_share is not None
    )
    return [
        Metric(
            name="sim.failure.tasks_hit",
            unit="1",
            kind="gauge",
            description="Share of tasks in which the failure fired.",
            points=hit,
        ),
        Metric(
            name="sim.failure.detected",
            unit="1",
            kind="gauge",
            description="Share of its occurrences that the run's own signals showed.",
            points=seen,
        ),
    ]
