"""Heard: a completed run. Said: what the dashboards would have shown, and the story."""

from collections.abc import Callable

from common.contracts.events import RunCompleted
from narrator.agent import NarratorAgent


async def test_the_narrator_shows_figures_then_the_story_and_repeats_on_redelivery(
    make_run: Callable[..., RunCompleted],
) -> None:
    run = make_run()
    agent = NarratorAgent(lambda: run.occurred_at)

    first, second = await agent.narrate(run), await agent.narrate(run)

    assert first == second
    assert [(e.event_id, e.event_type, e.source) for e in first.stream] == [
        ("r2.narrative.1", "observability", "ObservabilityNarrativeAgent"),
        ("r2.narrative.2", "narrative", "ObservabilityNarrativeAgent"),
    ]
    assert first.stream[1].payload["chapters"] == [
        c.model_dump(mode="json") for c in first.narrative.chapters
    ]
    assert len(first.stream[0].payload["alerts"]) == len(first.narrative.alerts)
