"""Heard: the whole network. Said: the failures to rehearse."""

from typing import Any

from common.contracts.events import FailuresSelected, caused_by
from failure.agent import FailureAgent


async def test_the_same_network_gives_the_same_plan_on_redelivery(heard: Any) -> None:
    job = heard("claims")
    agent = FailureAgent(lambda: job.occurred_at)

    first, second = await agent.select(job), await agent.select(job)

    assert first == second
    assert first.event_id == caused_by(job, FailuresSelected)


async def test_what_is_shown_is_what_was_chosen(heard: Any) -> None:
    job = heard("research")

    said = await FailureAgent(lambda: job.occurred_at).select(job)

    assert [(e.event_id, e.event_type, e.source) for e in said.stream] == [
        ("r1.failures.1", "failures_selected", "FailureSimulationAgent")
    ]
    assert said.stream[0].payload["failures"] == said.failures.model_dump(mode="json")


async def test_wishes_of_the_request_are_followed(heard: Any) -> None:
    job = heard("claims", failures=())

    said = await FailureAgent(lambda: job.occurred_at).select(job)

    assert said.failures.modes == ()
    assert (said.network, said.interpretation) == (job.network, job.interpretation)
