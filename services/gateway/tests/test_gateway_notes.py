"""Who began is written only for stages that take long."""

import asyncio
from uuid import UUID

from common.contracts.events import StageStarted
from gateway.notes import Notes
from gateway.testing import T0


def began(stage: str = "run") -> StageStarted:
    return StageStarted.model_validate(
        {
            "event_id": UUID(int=1),
            "simulation_id": "s1",
            "occurred_at": T0,
            "stage": stage,
            "worker": "simulation",
            "instance": "simulation-1",
        }
    )


class Result:
    """As much of a result as notes look at."""

    simulation_id, revision, stage = "s1", 1, "run"


async def test_a_stage_that_goes_on_is_written_down_once() -> None:
    written: list[StageStarted] = []

    async def write(said: StageStarted) -> None:
        written.append(said)

    notes = Notes(write, after_s=0.01)
    notes.began(began())
    notes.began(began())
    await asyncio.sleep(0.05)

    assert written == [began()]


async def test_a_stage_that_is_over_before_is_not() -> None:
    written: list[StageStarted] = []

    async def write(said: StageStarted) -> None:
        written.append(said)

    notes = Notes(write, after_s=0.05)
    notes.began(began())
    notes.began(began("narrative"))
    notes.over(Result())
    await asyncio.sleep(0.1)

    assert [said.stage for said in written] == ["narrative"]


async def test_a_record_that_is_away_costs_only_the_note() -> None:
    async def write(said: StageStarted) -> None:
        raise ConnectionError

    notes = Notes(write, after_s=0.0)
    notes.began(began())
    await asyncio.sleep(0.02)
    notes.began(began())
    await asyncio.sleep(0.02)
