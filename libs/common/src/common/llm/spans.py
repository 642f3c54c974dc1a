"""OpenTelemetry GenAI spans and metrics of every attempt, under the names of semantic conventions v1.41.1.

The conventions have no attribute for money: it is `sim.cost.usd`. Content is left out unless asked for, and then cut.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry import metrics, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from common.llm.attempt import Heard
from common.llm.port import Ask, Usage
from common.llm.redact import redacted
from common.llm.upstream import Call, Upstream

_MAX_CONTENT_CHARS = 8_000
_DURATION_BUCKETS = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
_TOKEN_BUCKETS = tuple(4**power for power in range(14))
_KNOWN = {"openai": "openai"}
"""Our provider names that the conventions list; the others are custom values, which they allow."""

_tracer = trace.get_tracer("simulator.llm")
_meter = metrics.get_meter("simulator.llm")
_duration = _meter.create_histogram(
    "gen_ai.client.operation.duration",
    unit="s",
    explicit_bucket_boundaries_advisory=_DURATION_BUCKETS,
)
_tokens = _meter.create_histogram(
    "gen_ai.client.token.usage",
    unit="{token}",
    explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS,
)
_first_chunk = _meter.create_histogram(
    "gen_ai.client.operation.time_to_first_chunk",
    unit="s",
    explicit_bucket_boundaries_advisory=_DURATION_BUCKETS,
)
_reused = _meter.create_counter("sim.llm.answers.reused", unit="{answer}")


@dataclass(frozen=True, slots=True)
class Observed:
    """The span of one attempt and the attributes its metrics share."""

    span: Span
    labels: dict[str, str]
    captures: bool

    def ended(self, heard: Heard, usage: Usage, latency_s: float, code: str | None) -> None:
        """Write what came back; `code` is why it failed, null for a whole answer."""
        span = self.span
        _set_usage(span, usage)
        if heard.model:
            span.set_attribute("gen_ai.response.model", heard.model)
        if heard.response_id:
            span.set_attribute("gen_ai.response.id", heard.response_id)
        if heard.finish_reason:
            span.set_attribute("gen_ai.response.finish_reasons", (heard.finish_reason,))
        if heard.first_token_s is not None:
            span.set_attribute("gen_ai.response.time_to_first_chunk", heard.first_token_s)
            _first_chunk.record(heard.first_token_s, self.labels)
        if self.captures:
            span.set_attribute("gen_ai.output.messages", _content((("assistant", heard.text),)))
        if code is not None:
            span.set_attribute("error.type", code)
            span.set_status(Status(StatusCode.ERROR, code))
        _duration.record(latency_s, self.labels | ({"error.type": code} if code else {}))
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                _tokens.record(count, self.labels | {"gen_ai.token.type": kind})


@contextmanager
def observing(ask: Ask, upstream: Upstream, call: Call, *, captures: bool) -> Iterator[Observed]:
    """The span `chat <model>` around one attempt; each retry is a sibling."""
    labels = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _KNOWN.get(upstream.name, upstream.name),
        "gen_ai.request.model": call.model,
    }
    with _tracer.start_as_current_span(
        f"chat {call.model}",
        kind=SpanKind.CLIENT,
        attributes={**labels, **_asked(ask, call), **_server(upstream.address)},
        record_exception=False,  # our own code is set; a message could hold content
        set_status_on_exception=False,
    ) as span:
        if captures:
            said = tuple((m.role, m.content) for m in call.messages)
            span.set_attribute("gen_ai.input.messages", _content(said))
        yield Observed(span, labels, captures)


def reused(ask: Ask, provider: str, model: str) -> None:
    """An answer was taken from an earlier call: counted, and told on the span around."""
    _reused.add(1, {"gen_ai.provider.name": provider, "gen_ai.request.model": model})
    trace.get_current_span().add_event(
        "sim.llm.answer_reused", {"sim.agent": ask.agent, "gen_ai.request.model": model}
    )


def _asked(ask: Ask, call: Call) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {
        "gen_ai.request.max_tokens": call.max_tokens,
        "gen_ai.request.temperature": call.temperature,
        "gen_ai.request.stream": True,
        "gen_ai.output.type": "json" if call.schema is not None else "text",
        "gen_ai.agent.name": ask.agent,
        "sim.llm.task": ask.task,
        "sim.prompt.version": ask.prompt_version,
    }
    if call.seed is not None:
        found["gen_ai.request.seed"] = call.seed
    if ask.simulation_id:
        found["gen_ai.conversation.id"] = ask.simulation_id
    return found


def _server(address: str) -> dict[str, str | int]:
    parts = urlsplit(address)
    found: dict[str, str | int] = {"server.address": parts.hostname or ""}
    if parts.port:
        found["server.port"] = parts.port
    return found


def _set_usage(span: Span, usage: Usage) -> None:
    counts = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    for name, count in counts.items():
        if count is not None:
            span.set_attribute(name, count)
    if usage.cost_usd is not None:
        span.set_attribute("sim.cost.usd", float(usage.cost_usd))


def _content(messages: tuple[tuple[str, str], ...]) -> str:
    """Messages in the conventions' form, secrets cut out, each at most `_MAX_CONTENT_CHARS` long."""
    return json.dumps(
        [
            {
                "role": role,
                "parts": [{"type": "text", "content": redacted(text, limit=_MAX_CONTENT_CHARS)}],
            }
            for role, text in messages
        ],
        ensure_ascii=False,
    )


def export_metrics(service: str, instance: str) -> None:
    """Send metrics where the standard variables name an OTLP endpoint; imported only then."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create({"service.name": service, "service.instance.id": instance})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=2))
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))
