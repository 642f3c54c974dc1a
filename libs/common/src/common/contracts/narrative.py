"""What a dashboard would have shown, and the story it tells."""

from typing import Any, Literal

from pydantic import Field

from common.contracts.values import Value


class Citation(Value):
    """A number of the story and the stream event it came from: `value` stands at `path` in that event's payload."""

    text: str
    value: float
    event_id: str
    path: str


class Chapter(Value):
    """`happened`, `broke`, `saved`, `change`: what happened, what broke first, what saved it, what to change."""

    kind: Literal["happened", "broke", "saved", "change"]
    title: str
    text: str
    citations: tuple[Citation, ...] = ()


class Alert(Value):
    """What one would page on, with a threshold taken from the run."""

    name: str
    metric: str
    condition: str
    threshold: float
    severity: Literal["page", "ticket"]
    reason: str
    citations: tuple[Citation, ...] = ()


class Span(Value):
    """One span of the sampled task under the OpenTelemetry GenAI names; times are seconds of simulated time."""

    span_id: str
    parent_id: str | None
    name: str
    kind: Literal["INTERNAL", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"] = "INTERNAL"
    service: str
    start_s: float
    end_s: float
    status: Literal["ok", "error"] = "ok"
    attributes: dict[str, Any] = Field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()


class LogRecord(Value):
    sim_time_s: float
    severity: Literal["DEBUG", "INFO", "WARN", "ERROR"]
    service: str
    body: str
    span_id: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class HistogramPoint(Value):
    """`counts[i]` values fell in (bounds[i-1], bounds[i]]; one more count than bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float
    count: int
    attributes: dict[str, Any] = Field(default_factory=dict)


class Metric(Value):
    name: str
    unit: str
    kind: Literal["histogram", "sum", "gauge"]
    description: str = ""
    histograms: tuple[HistogramPoint, ...] = ()
    points: tuple[dict[str, Any], ...] = ()


class Narrative(Value):
    headline: str
    chapters: tuple[Chapter, ...]
    alerts: tuple[Alert, ...] = ()
    spans: tuple[Span, ...] = ()
    logs: tuple[LogRecord, ...] = ()
    metrics: tuple[Metric, ...] = ()
    trace_id: str = ""
