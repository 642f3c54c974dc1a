"""What stands at the moment somebody asks: backlogs, states, workers, money. Read for `/metrics`, kept nowhere.

Labels never hold an id. What cannot be read is left out: a gap in a graph says "unknown", a 0 would be a lie.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from common.streams import WORKERS

type Values = dict[tuple[str, ...], float]


def exposition(status: Mapping[str, Any]) -> bytes:
    """Prometheus text of one status page (`/api/status`)."""
    registry = CollectorRegistry()
    registry.register(_Once((*_bus(status), *_record(status), *_workers(status), *_models(status))))
    return generate_latest(registry)


class _Once:
    """A collector of what was read before; the client library wants an object."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def _gauge(name: str, text: str, labels: tuple[str, ...], values: Values) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        gauge.add_metric(key, value)
    return gauge


def _bus(status: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge(
        "gateway_bus_connected",
        "1 when the bus is there",
        (),
        {(): float(status["bus"]["connected"])},
    )
    consumers = status["consumers"] or ()
    for field, name, text in (
        ("pending", "bus_consumer_pending", "Messages a durable consumer has not been given yet"),
        ("unacknowledged", "bus_consumer_unacknowledged", "Messages given and not acknowledged"),
        ("redelivered", "bus_consumer_redelivered", "Unacknowledged messages given before"),
    ):
        values: Values = {(one["stream"], one["consumer"]): float(one[field]) for one in consumers}
        yield _gauge(name, text, ("stream", "consumer"), values)


def _record(status: Mapping[str, Any]) -> Iterator[Metric]:
    states = status["simulations"] or {}
    by_state: Values = {(state,): float(count) for state, count in states.items()}
    yield _gauge("record_simulations", "Simulations on record", ("state",), by_state)
    if status["outbox"] is not None:
        outbox = status["outbox"]
        yield _gauge("outbox_rows", "Messages promised to the bus", (), {(): outbox["rows"]})
        age: Values = {(): outbox["oldest_age_s"]}
        yield _gauge("outbox_oldest_age_seconds", "Age of the oldest promise", (), age)


def _workers(status: Mapping[str, Any]) -> Iterator[Metric]:
    alive: Values = {(worker,): 0.0 for worker in WORKERS}
    for worker in status["workers"]:
        key = (worker["worker"],)
        alive[key] = alive.get(key, 0.0) + float(worker["alive"])
    yield _gauge("workers_alive", "Worker processes heard in the last 6 s", ("worker",), alive)


def _models(status: Mapping[str, Any]) -> Iterator[Metric]:
    """By agent and model; a cost nobody knows is left out."""
    used = status.get("models") or {}
    labels = ("agent", "provider", "model")
    for field, name, text in (
        ("calls", "models_calls_today", "Calls of models on this UTC day"),
        ("failed", "models_failed_today", "Calls that failed on this UTC day"),
        ("reused", "models_reused_today", "Answers taken from the cache on this UTC day"),
        ("cost_usd", "models_cost_usd_today", "USD spent on this UTC day"),
    ):
        known = [one for one in used.get("by", ()) if one[field] is not None]
        values: Values = {tuple(one[name] for name in labels): float(one[field]) for one in known}
        yield _gauge(name, text, labels, values)
