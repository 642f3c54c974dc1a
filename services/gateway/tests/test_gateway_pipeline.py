"""Which result is accepted: the pure rule."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.events import STAGES, SimulationRequested, Stage, StageCompleted
from common.contracts.scenario import ScenarioRequest
from gateway.pipeline import (
    COLUMN_OF,
    Record,
    Standing,
    Verdict,
    awaited_event,
    judge,
    next_stage,
)
from gateway.testing import T0, next_result

REQUESTED = SimulationRequested(
    event_id=UUID(int=1),
    simulation_id="s1",
    occurred_at=T0,
    request=ScenarioRequest(scenario_id="c1", text="Sort the mail."),
)


def results() -> list[StageCompleted]:
    """One result per stage, each following from the one before."""
    heard: SimulationRequested | StageCompleted = REQUESTED
    said: list[StageCompleted] = []
    for _ in STAGES:
        heard = next_result(heard)
        said.append(heard)
    return said


RESULTS = results()


def standing(accepted: int) -> Standing:
    """With the first `accepted` results accepted."""
    cause = RESULTS[accepted - 1] if accepted else REQUESTED
    return Standing(
        status="running",
        revision=1,
        stage=STAGES[accepted - 1] if accepted else None,
        accepted_event_id=cause.event_id,
    )


@given(accepted=st.integers(0, 6), said=st.integers(0, 5))
def test_only_the_stage_after_the_last_accepted_one_is_accepted(accepted: int, said: int) -> None:
    verdict = judge(standing(accepted), RESULTS[said])

    expected = (
        Verdict.ACCEPT if said == accepted else Verdict.LATE if said < accepted else Verdict.EARLY
    )
    assert verdict is expected


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_nothing_is_accepted_in_a_final_state(status: str) -> None:
    assert judge(replace(standing(0), status=status), RESULTS[0]) is Verdict.TERMINAL


def test_a_result_of_another_revision_is_superseded() -> None:
    assert judge(replace(standing(0), revision=2), RESULTS[0]) is Verdict.SUPERSEDED


@given(accepted=st.integers(0, 5), ahead=st.integers(0, 5))
def test_a_result_with_a_foreign_cause_is_never_accepted_nor_awaited(
    accepted: int, ahead: int
) -> None:
    said = min(accepted + ahead, 5)
    stranger = RESULTS[said].model_copy(update={"cause_id": uuid4()})

    assert judge(standing(accepted), stranger) is Verdict.STRANGER


def record(accepted: int, **changes: Any) -> Record:
    at = standing(accepted)
    columns = {
        COLUMN_OF[result.stage]: getattr(result, COLUMN_OF[result.stage]).model_dump(
            mode="json", by_alias=True
        )
        for result in RESULTS[:accepted]
    }
    fields: dict[str, Any] = {
        "simulation_id": "s1",
        "revision": 1,
        "origin": "requested",
        "stage": at.stage,
        "accepted_event_id": at.accepted_event_id,
        "attempt": 0,
        "request": REQUESTED.request,
        "results": columns,
        "provenance": {},
    }
    return Record(**fields | changes)


@pytest.mark.parametrize("accepted", range(6))
def test_the_awaited_event_made_again_leads_to_the_same_result(accepted: int) -> None:
    again = awaited_event(record(accepted), attempt=2, now=T0)

    repeated = next_result(again)

    assert repeated.event_id == RESULTS[accepted].event_id
    assert repeated.message_id != RESULTS[accepted].message_id, "the bus must not drop the repeat"
    assert judge(standing(accepted), repeated) is Verdict.ACCEPT


def test_an_edited_network_is_sent_again_as_an_edit() -> None:
    edited = awaited_event(
        record(2, stage="interpretation", origin="edited", command="add one"), attempt=1, now=T0
    )

    assert (edited.subject, getattr(edited, "command", None)) == (
        "sim.v1.architecture.edited",
        "add one",
    )


def test_nobody_is_awaited_after_the_last_stage() -> None:
    with pytest.raises(ValueError, match="through"):
        awaited_event(record(6), attempt=1, now=T0)


@pytest.mark.parametrize(("stage", "follows"), [(None, "interpretation"), ("narrative", None)])
def test_the_pipeline_has_a_first_and_a_last_stage(
    stage: Stage | None, follows: Stage | None
) -> None:
    assert next_stage(stage) == follows
