"""Sends what the dashboards would have shown to the configured OTLP endpoint, as if the rehearsed network were running.

Best effort and never in the way: the simulation does not wait for it, and a collector that is away costs a warning.
"""

import asyncio
import logging
import os
from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.trace import SpanContext, TraceFlags

from common.contracts.events import ObservabilityNarrated
from common.contracts.narrative import Narrative
from common.exports.otlp import otlp_requests

logger = logging.getLogger(__name__)

SEND_WITHIN_S = 5.0
MAX_UNDER_WAY = 8


def endpoint() -> str | None:
    """The base of the standard OTLP endpoint variable; null when telemetry is not exported."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    return os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None


@dataclass(slots=True)
class Collector:
    """Posts OTLP JSON to `base_url`; null sends nothing."""

    base_url: str | None
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def send(self, narrated: ObservabilityNarrated) -> None:
        """Start sending, unless too many are under way; link the worker's span to the simulated trace."""
        if self.base_url is None:
            return
        _link(narrated.narrative)
        if len(self._under_way) >= MAX_UNDER_WAY:
            logger.warning("simulated telemetry dropped: the collector is slow")
            return
        task = asyncio.create_task(self._send(narrated))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send(self, narrated: ObservabilityNarrated) -> None:
        import httpx2  # only with an endpoint: it costs start-up time and memory

        bodies = otlp_requests(
            narrated.narrative,
            started_at=narrated.occurred_at,
            simulation_id=narrated.simulation_id,
        )
        try:
            async with httpx2.AsyncClient(timeout=SEND_WITHIN_S, trust_env=False) as client:
                for path, body in bodies.items():
                    answer = await client.post(f"{str(self.base_url).rstrip('/')}{path}", json=body)
                    answer.raise_for_status()
        except httpx2.HTTPError as error:
            logger.warning(
                "simulated telemetry was not taken", extra={"error": type(error).__name__}
            )


def _link(narrative: Narrative) -> None:
    """From the span of the real work to the root of the simulated trace."""
    root = next((span for span in narrative.spans if span.parent_id is None), None)
    if root is not None:
        target = SpanContext(
            int(narrative.trace_id, 16), int(root.span_id, 16), True, TraceFlags(1)
        )
        trace.get_current_span().add_link(target, {"sim.simulated": True})
