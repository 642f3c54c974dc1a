"""A worker's `/metrics` (Prometheus text) and `/health/*` on one small port, only where a setting asks for it.

It runs in the worker's own event loop: a loop that stands still answers no probe, which is what a probe should find
out. A heartbeat file would need a shell in every probe of a cluster and a second way for Prometheus.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from faststream.exceptions import FastStreamException

from common.bus import Bus

if TYPE_CHECKING:
    from prometheus_client import Metric

READ_WITHIN_S = 2.0
MAX_REQUEST_LINE_BYTES = 4_096
TEXT = "text/plain; version=0.0.4; charset=utf-8"

type Page = tuple[HTTPStatus, bytes]


async def serve(bus: Bus, host: str, port: int, rss_bytes: Callable[[], int]) -> asyncio.Server:
    """Listen until the server is closed; port 0 takes a free one."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(bus, rss_bytes))
    pages: dict[str, Callable[[], Page]] = {
        "/metrics": lambda: (HTTPStatus.OK, generate_latest(registry)),
        "/health/live": lambda: (HTTPStatus.OK, b"ok\n"),
        "/health/ready": lambda: _ready(bus),
    }

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError, ValueError):
            async with asyncio.timeout(READ_WITHIN_S):
                status, body = pages.get(await _path(reader), _unknown)()
                writer.write(_head(status, body) + body)
                await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=MAX_REQUEST_LINE_BYTES)


def _ready(bus: Bus) -> Page:
    """Whether the bus is there: without it a worker hears nothing."""
    with suppress(FastStreamException):  # before the broker has started
        if bus.broker.connection.is_connected:
            return HTTPStatus.OK, b"ok\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, b"not connected to NATS\n"


def _unknown() -> Page:
    return HTTPStatus.NOT_FOUND, b"/metrics, /health/live, /health/ready\n"


async def _path(reader: asyncio.StreamReader) -> str:
    """The path of a GET; everything else of the request is read past and ignored.

    Raises:
        ValueError: a line is too long, or this is no request.
    """
    method, target, _ = (await reader.readline()).decode("latin-1").split(" ", 2)
    while (await reader.readline()).strip():
        pass
    return target.partition("?")[0] if method == "GET" else ""


def _head(status: HTTPStatus, body: bytes) -> bytes:
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {TEXT}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode()


class _Collector:
    """Reads the bus's counters when asked: work costs nothing more than before."""

    def __init__(self, bus: Bus, rss_bytes: Callable[[], int]) -> None:
        self._bus = bus
        self._rss_bytes = rss_bytes

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.metrics_core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        counters, label = self._bus.counters, [self._bus.worker]
        counts: dict[str, tuple[float, str]] = {
            "handled": (counters.handled, "Jobs and questions finished"),
            "retried": (counters.retried, "Deliveries handed back to be tried again"),
            "given_up": (counters.given_up, "Jobs that failed for good and are in the DLQ"),
            "malformed": (counters.malformed, "Messages nobody could read"),
            "redelivered": (counters.redelivered, "Deliveries that were not the first"),
            "busy_seconds": (counters.busy_s, "Seconds spent on jobs, summed over slots"),
            "cpu_seconds": (_cpu_s(), "Processor time of this process"),
        }
        gauges: dict[str, tuple[float, str]] = {
            "in_flight": (counters.in_flight, "Jobs under way"),
            "slots": (self._bus.slots, "Jobs this process takes at the same time"),
            "resident_bytes": (self._rss_bytes(), "Resident memory"),
            "connected": (_ready(self._bus)[0] == HTTPStatus.OK, "1 when the bus is there"),
        }
        for name, (value, text) in counts.items():
            counter = CounterMetricFamily(f"worker_{name}", text, labels=["worker"])
            counter.add_metric(label, value)
            yield counter
        for name, (value, text) in gauges.items():
            gauge = GaugeMetricFamily(f"worker_{name}", text, labels=["worker"])
            gauge.add_metric(label, value)
            yield gauge
        jobs = HistogramMetricFamily("worker_job_seconds", "Time per delivery", labels=["worker"])
        jobs.add_metric(label, self._bus.durations.cumulative(), self._bus.durations.sum_s)
        yield jobs


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system
