"""Progress of a stage under way: shown once, in order, and only while it is under way."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from common.contracts.events import StageProgressed
from common.contracts.stream import StreamEvent
from gateway.testing import T0, Recorder

pytestmark = pytest.mark.real


async def progressed(recorder: Recorder, index: int = 1, **changes: Any) -> StageProgressed:
    fields: dict[str, Any] = {
        "event_id": uuid4(),
        "cause_id": None,
        "simulation_id": "s1",
        "occurred_at": T0,
        "stage": "run",
        "worker": "simulation",
        "index": index,
        "done": 0.1,
        "stream": (
            StreamEvent(
                event_id=f"r1.run.p{index}", event_type="observability", source="SimulationEngine"
            ),
        ),
    }
    return StageProgressed.model_validate(fields | changes)


async def under_way(recorder: Recorder) -> Any:
    """Accept all up to the failures; returns the id that the run's cause has."""
    await recorder.submit()
    return (await recorder.accept_until("s1", "failures")).event_id


async def test_progress_is_shown_once_between_what_came_before_and_the_result(
    recorder: Recorder,
) -> None:
    cause = await under_way(recorder)
    before = len(await recorder.frames())

    shown = [
        await recorder.ledger.progress(await progressed(recorder, index, cause_id=cause))
        for index in (1, 1, 2)
    ]
    await recorder.accept_until("s1", "narrative")

    frames = await recorder.frames()
    assert shown == [True, False, True]
    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    assert [f.event_type for f in frames[before : before + 2]] == ["observability"] * 2
    assert (await recorder.simulation()).status == "completed"


@pytest.mark.parametrize(
    "changes", [{"cause_id": UUID(int=1)}, {"revision": 2}, {"stage": "narrative"}], ids=str
)
async def test_progress_of_other_work_is_dropped(
    recorder: Recorder, changes: dict[str, Any]
) -> None:
    cause = await under_way(recorder)
    before = len(await recorder.frames())

    said = await progressed(recorder, **({"cause_id": cause} | changes))

    assert not await recorder.ledger.progress(said)
    assert len(await recorder.frames()) == before


async def test_progress_after_the_end_is_dropped(recorder: Recorder) -> None:
    cause = await under_way(recorder)
    await recorder.accept_until("s1", "narrative")

    assert not await recorder.ledger.progress(await progressed(recorder, cause_id=cause))
