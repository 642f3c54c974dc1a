"""The narrator: hears a completed run, says what the dashboards would have shown and the story they tell."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.contracts.events import ObservabilityNarrated, RunCompleted, follow
from common.contracts.narrative import Metric, Narrative
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from narrator.llm import NarratorModel
from narrator.rules.narrate import narrate

NAME = "ObservabilityNarrativeAgent"


@dataclass(frozen=True, slots=True)
class NarratorAgent:
    now: Callable[[], datetime]
    model: NarratorModel | None = None

    async def narrate(self, heard: RunCompleted) -> ObservabilityNarrated:
        """Tell the run; each figure of the story cites the stream event it stands in."""
        found = await self._told(heard)
        narrative = found.value
        return follow(
            heard,
            ObservabilityNarrated,
            now=self.now(),
            provenance=found.provenance,
            stream=[_observability(narrative), _story(narrative)],
            narrative=narrative,
        )

    async def _told(self, heard: RunCompleted) -> Proposed[Narrative]:
        told = narrate(heard)
        by_rules = Proposed(told, Provenance(agent=NAME))
        model = self.model
        propose = None if model is None else lambda: model.tell(heard, told)
        return await proposed_or_rules(heard.request.options.engine, by_rules, propose)


def _observability(narrative: Narrative) -> StreamEvent:
    payload = {
        "alerts": [alert.model_dump(mode="json") for alert in narrative.alerts],
        "metrics": [_summary(metric) for metric in narrative.metrics],
        "trace_id": narrative.trace_id,
        "spans": len(narrative.spans),
        "logs": len(narrative.logs),
    }
    return StreamEvent(event_id="", event_type="observability", source=NAME, payload=payload)


def _summary(metric: Metric) -> dict[str, Any]:
    """Name, unit and size of a metric; the buckets are in the narrative and in the OTLP export."""
    return {
        "name": metric.name,
        "unit": metric.unit,
        "kind": metric.kind,
        "series": len(metric.histograms) + len(metric.points),
        "count": sum(point.count for point in metric.histograms) or None,
    }


def _story(narrative: Narrative) -> StreamEvent:
    payload = {
        "headline": narrative.headline,
        "chapters": [chapter.model_dump(mode="json") for chapter in narrative.chapters],
    }
    return StreamEvent(event_id="", event_type="narrative", source=NAME, payload=payload)
