"""Acceptance on a real record: first wins, late and foreign are dropped, seq has no gap, final is final."""

import asyncio
from typing import Any
from uuid import uuid4

import orjson
import pytest

from common.contracts.events import STAGES, StageFailed, StageStarted
from gateway.errors import IdTaken
from gateway.pipeline import Verdict
from gateway.services.ledger import Ending
from gateway.services.submission import Patience, Submission
from gateway.testing import T0, Recorder, next_result

pytestmark = pytest.mark.real


def stage_failed(**changes: Any) -> StageFailed:
    fields: dict[str, Any] = {
        "event_id": uuid4(),
        "simulation_id": "s1",
        "occurred_at": T0,
        "stage": "interpretation",
        "worker": "interpreter",
        "error": "domain_error",
        "reason": "The text says nothing.",
    }
    return StageFailed.model_validate(fields | changes)


async def test_an_accepted_scenario_is_stored_with_its_promise_to_the_bus(
    recorder: Recorder,
) -> None:
    requested = await recorder.submit()

    (row,) = await recorder.outbox()
    (frame,) = await recorder.frames()
    assert row.subject == "sim.v1.simulation.requested.s1"
    assert row.message_id == str(requested.event_id)
    assert (frame.seq, frame.event_type) == (1, "simulation_started")
    assert (await recorder.simulation()).status == "queued"


async def test_the_same_id_and_body_is_accepted_once(recorder: Recorder) -> None:
    await recorder.submit()
    await recorder.submit()

    assert len(await recorder.outbox()) == 1
    assert len(await recorder.frames()) == 1


async def test_twenty_at_once_with_one_id_are_accepted_once(recorder: Recorder) -> None:
    await asyncio.gather(*(recorder.submit() for _ in range(20)))

    assert len(await recorder.outbox()) == 1


async def test_the_same_id_with_another_body_is_refused_and_stores_nothing(
    recorder: Recorder,
) -> None:
    await recorder.submit(words="Sort the mail.")

    with pytest.raises(IdTaken):
        await recorder.submissions.submit("s1", Submission(text="Another."), Patience(wait="none"))

    assert len(await recorder.outbox()) == 1


async def test_a_pipeline_of_results_ends_the_simulation_with_its_figures(
    recorder: Recorder,
) -> None:
    await recorder.submit()
    await recorder.accept_until("s1", "narrative")

    frames = await recorder.frames()
    ended = orjson.loads(frames[-1].text)
    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    assert ended["event_type"] == "simulation_completed"
    assert ended["payload"]["summary"]["success"] == 0.9
    assert ended["payload"]["summary"]["cost_usd_per_task"] is None, "unknown is null, never 0"
    simulation = await recorder.simulation()
    assert (simulation.status, simulation.next_seq) == ("completed", len(frames) + 1)
    assert simulation.finished_at is not None
    assert [row.subject for row in await recorder.outbox()][-1] == "sim.v1.simulation.completed.s1"


async def test_of_a_hundred_copies_of_each_result_one_is_accepted(recorder: Recorder) -> None:
    await recorder.submit()

    for _ in STAGES:
        result = next_result(await recorder.heard_next("s1"))
        verdicts = await asyncio.gather(*(recorder.ledger.accept(result) for _ in range(20)))
        assert verdicts.count(Verdict.ACCEPT) == 1

    frames = await recorder.frames()
    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    assert len({orjson.loads(frame.text)["event_id"] for frame in frames}) == len(frames)


async def test_a_result_that_comes_too_early_is_accepted_once_its_cause_is(
    recorder: Recorder,
) -> None:
    first = next_result(await recorder.submit())
    second = next_result(first)

    early = await recorder.ledger.accept(second)
    verdicts = [await recorder.ledger.accept(result) for result in (first, second)]

    assert early is Verdict.EARLY
    assert verdicts == [Verdict.ACCEPT, Verdict.ACCEPT]


async def test_a_foreign_result_leaves_no_trace(recorder: Recorder) -> None:
    result = next_result(await recorder.submit())
    before = await recorder.simulation()

    verdict = await recorder.ledger.accept(result.model_copy(update={"cause_id": uuid4()}))

    assert verdict is Verdict.STRANGER
    assert await recorder.simulation() == before
    assert len(await recorder.frames()) == 1


async def test_a_result_for_a_simulation_that_was_deleted_is_dropped(recorder: Recorder) -> None:
    result = next_result(await recorder.submit())

    verdict = await recorder.ledger.accept(result.model_copy(update={"simulation_id": "gone"}))

    assert verdict is Verdict.STRANGER


async def test_a_cancelled_simulation_takes_no_result(recorder: Recorder) -> None:
    result = next_result(await recorder.submit())
    await recorder.ledger.end("s1", Ending(state="cancelled"))
    frames = await recorder.frames()

    assert await recorder.ledger.accept(result) is Verdict.TERMINAL
    assert await recorder.frames() == frames
    assert (await recorder.simulation()).status == "cancelled"


async def test_a_simulation_ends_once(recorder: Recorder) -> None:
    await recorder.submit()

    ended = await asyncio.gather(
        *(recorder.ledger.end("s1", Ending(state="cancelled")) for _ in range(10))
    )

    assert ended.count(True) == 1
    assert [frame.event_type for frame in await recorder.frames()].count(
        "simulation_cancelled"
    ) == 1


async def test_a_worker_that_gives_up_ends_the_simulation_with_its_reason(
    recorder: Recorder,
) -> None:
    await recorder.submit()

    assert await recorder.ledger.fail(stage_failed())

    simulation = await recorder.simulation()
    assert (simulation.status, simulation.error) == ("failed", "domain_error")
    assert simulation.reason == "The text says nothing."


@pytest.mark.parametrize("changes", [{"revision": 7}, {"stage": "run"}])
async def test_a_failure_of_another_revision_or_stage_ends_nothing(
    recorder: Recorder, changes: dict[str, Any]
) -> None:
    await recorder.submit()

    assert not await recorder.ledger.fail(stage_failed(**changes))

    assert (await recorder.simulation()).status == "queued"


async def test_a_failure_after_the_result_ends_nothing(recorder: Recorder) -> None:
    await recorder.submit()
    await recorder.accept_until("s1", "interpretation")

    assert not await recorder.ledger.fail(stage_failed())


async def test_a_worker_that_begins_makes_the_simulation_run(recorder: Recorder) -> None:
    await recorder.submit()

    await recorder.ledger.started(
        StageStarted(
            event_id=uuid4(),
            simulation_id="s1",
            occurred_at=T0,
            stage="interpretation",
            worker="interpreter",
            instance="interpreter-1",
        )
    )

    assert (await recorder.simulation()).status == "running"


async def test_text_with_nul_characters_from_a_model_is_stored(recorder: Recorder) -> None:
    result = next_result(await recorder.submit())
    found = getattr(result, "interpretation").model_copy(update={"summary": "a\x00b"})  # noqa: B009

    verdict = await recorder.ledger.accept(result.model_copy(update={"interpretation": found}))

    assert verdict is Verdict.ACCEPT
