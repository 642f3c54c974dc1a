"""Simulated telemetry as OTLP in its JSON encoding: spans, metrics and logs with the simulated agents as services.

Source: opentelemetry-proto, `docs/specification.md` (JSON Protobuf Encoding): ids are hex, 64-bit integers are
decimal strings, enums are integers, field names are lowerCamelCase.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from common.contracts.narrative import HistogramPoint, LogRecord, Metric, Narrative, Span
from common.contracts.report import Report
from common.exports.readiness import narrative_of

Json = dict[str, Any]

_SCOPE = {"name": "scenario-simulator", "version": "1"}
_KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_SEVERITIES = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}
_CUMULATIVE = 2
_STATUS = {"ok": 1, "error": 2}


def export_otlp(report: Report) -> str:
    """One document with `resourceSpans`, `resourceMetrics` and `resourceLogs`.

    Raises:
        ExportNotReady: the run is not narrated yet.
    """
    narrative = narrative_of(report)
    requests = otlp_requests(
        narrative, started_at=report.created_at, simulation_id=report.simulation_id
    )
    merged: Json = {}
    for body in requests.values():
        merged |= body
    return json.dumps(merged, ensure_ascii=False, indent=1)


def otlp_requests(
    narrative: Narrative, *, started_at: datetime, simulation_id: str
) -> dict[str, Json]:
    """Bodies by the path they are posted to: `/v1/traces`, `/v1/metrics`, `/v1/logs`; empty ones are left out.

    Args:
        narrative: whose simulated seconds are laid on the clock from `started_at` on.
        started_at: when the sampled task came in; aware.
        simulation_id: goes into every resource as `sim.simulation.id`.
    """
    clock = _Clock(started_at)
    root = next((s.service for s in narrative.spans if s.parent_id is None), "simulation")
    end_s = max((span.end_s for span in narrative.spans), default=0.0)
    bodies: dict[str, Json] = {}
    if narrative.spans:
        spans = [(s.service, _span(s, narrative.trace_id, clock)) for s in narrative.spans]
        bodies["/v1/traces"] = {
            "resourceSpans": _by_service(spans, "scopeSpans", "spans", simulation_id)
        }
    if narrative.metrics:
        metrics = [(root, _metric(m, clock, end_s)) for m in narrative.metrics]
        bodies["/v1/metrics"] = {
            "resourceMetrics": _by_service(metrics, "scopeMetrics", "metrics", simulation_id)
        }
    if narrative.logs:
        logs = [(log.service, _log(log, narrative.trace_id, clock)) for log in narrative.logs]
        bodies["/v1/logs"] = {
            "resourceLogs": _by_service(logs, "scopeLogs", "logRecords", simulation_id)
        }
    return bodies


class _Clock:
    """Nanoseconds since 1970 of a simulated second, as OTLP writes them."""

    def __init__(self, started_at: datetime) -> None:
        self._zero_ns = int(started_at.timestamp() * 1_000_000) * 1_000

    def at(self, sim_time_s: float) -> str:
        return str(self._zero_ns + round(sim_time_s * 1e9))


def _by_service(
    items: Iterable[tuple[str, Json]], scopes: str, key: str, simulation_id: str
) -> list[Json]:
    groups: dict[str, list[Json]] = {}
    for service, item in items:
        groups.setdefault(service, []).append(item)
    return [
        {
            "resource": {
                "attributes": _attributes(
                    {
                        "service.name": service,
                        "service.namespace": "scenario-simulator",
                        "deployment.environment.name": "simulation",
                        "sim.simulated": True,
                        "sim.simulation.id": simulation_id,
                    }
                )
            },
            scopes: [{"scope": _SCOPE, key: members}],
        }
        for service, members in groups.items()
    ]


def _span(span: Span, trace_id: str, clock: _Clock) -> Json:
    body: Json = {
        "traceId": trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": clock.at(span.start_s),
        "endTimeUnixNano": clock.at(max(span.end_s, span.start_s)),
        "attributes": _attributes(span.attributes),
        "status": {"code": _STATUS[span.status]},
    }
    if span.parent_id:
        body["parentSpanId"] = span.parent_id
    if span.events:
        body["events"] = [
            {
                "name": str(event.get("name", "event")),
                "timeUnixNano": clock.at(float(event.get("time_s", span.start_s))),
                "attributes": _attributes(event.get("attributes", {})),
            }
            for event in span.events
        ]
    return body


def _log(log: LogRecord, trace_id: str, clock: _Clock) -> Json:
    body: Json = {
        "timeUnixNano": clock.at(log.sim_time_s),
        "observedTimeUnixNano": clock.at(log.sim_time_s),
        "severityNumber": _SEVERITIES[log.severity],
        "severityText": log.severity,
        "body": {"stringValue": log.body},
        "attributes": _attributes(log.attributes),
    }
    if log.span_id:
        body |= {"traceId": trace_id, "spanId": log.span_id}
    name = log.attributes.get("event.name")
    if isinstance(name, str):
        body["eventName"] = name
    return body


def _metric(metric: Metric, clock: _Clock, end_s: float) -> Json:
    body: Json = {"name": metric.name, "unit": metric.unit, "description": metric.description}
    if metric.kind == "histogram":
        points = [_histogram(point, clock, end_s) for point in metric.histograms]
        body["histogram"] = {"aggregationTemporality": _CUMULATIVE, "dataPoints": points}
        return body
    points = [
        {
            "attributes": _attributes(point.get("attributes", {})),
            "startTimeUnixNano": clock.at(0.0),
            "timeUnixNano": clock.at(end_s),
            "asDouble": float(point["value"]),
        }
        for point in metric.points
        if math.isfinite(float(point["value"]))
    ]
    if metric.kind == "gauge":
        body["gauge"] = {"dataPoints": points}
    else:
        body["sum"] = {
            "aggregationTemporality": _CUMULATIVE,
            "isMonotonic": True,
            "dataPoints": points,
        }
    return body


def _histogram(point: HistogramPoint, clock: _Clock, end_s: float) -> Json:
    return {
        "attributes": _attributes(point.attributes),
        "startTimeUnixNano": clock.at(0.0),
        "timeUnixNano": clock.at(end_s),
        "count": str(point.count),
        "sum": point.sum,
        "bucketCounts": [str(count) for count in point.counts],
        "explicitBounds": list(point.bounds),
    }


def _attributes(values: Mapping[str, Any]) -> list[Json]:
    return [
        {"key": str(key), "value": _value(value)}
        for key, value in values.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    ]


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"stringValue": str(value)}
