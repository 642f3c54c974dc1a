"""Traces across the bus: one W3C context from the HTTP request to the last event.

Spans are named by the subject's template, never with an id in it: FastStream's own middleware names them
by the concrete subject, one name per simulation. Export follows the standard `OTEL_*` variables.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

tracer = trace.get_tracer("simulator")


def setup(service: str, instance: str = "") -> TracerProvider:
    """Install the process's tracer provider; spans leave the process only where an OTLP endpoint is configured.

    Without an endpoint spans still have ids, so that logs can be joined.
    """
    resource = Resource.create(
        {"service.name": service, "service.instance.id": instance or service}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(WithoutQuery())
    if endpoint_configured():
        # Imported here: the exporter costs 12 MB and most runs have no endpoint.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(timeout=2), schedule_delay_millis=500)
        )
    trace.set_tracer_provider(provider)
    return provider


class WithoutQuery(SpanProcessor):
    """Takes the query out of request spans: a ticket, or a key put there by mistake, is no matter for a trace."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        if span.attributes and "url.query" in span.attributes:
            span.set_attribute("url.query", "")


def endpoint_configured() -> bool:
    """Whether the standard variables name an OTLP endpoint and do not switch the exporter off."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none"
    named = any(
        os.environ.get(name)
        for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )
    return named and not off and not none


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the current trace context into message headers."""
    propagate.inject(headers)


@contextmanager
def processing(
    template: str, headers: Mapping[str, str] | None, **attributes: str | int
) -> Iterator[Span]:
    """The span of one message's processing, child of the span that sent it. Errors are recorded on it."""
    context = propagate.extract(dict(headers or {}))
    with tracer.start_as_current_span(
        f"process {template}",
        context=context,
        kind=SpanKind.CONSUMER,
        attributes=_messaging("process", template) | attributes,
        set_status_on_exception=True,
    ) as span:
        yield span


@contextmanager
def publishing(template: str, **attributes: str | int) -> Iterator[Span]:
    """The span of one publish; `inject` inside it so that the reader becomes its child."""
    with tracer.start_as_current_span(
        f"publish {template}",
        kind=SpanKind.PRODUCER,
        attributes=_messaging("publish", template) | attributes,
    ) as span:
        yield span


def failed(span: Span, code: str) -> None:
    """Mark a span as failed with a low-cardinality error code."""
    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR, code))


def _messaging(operation: str, template: str) -> dict[str, str | int]:
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": "send" if operation == "publish" else "process",
        "messaging.destination.template": template,
    }
