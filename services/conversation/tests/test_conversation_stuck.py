"""When a discussion stands still, it is seen, named and ended by the ballot."""

import pytest

from common.contracts.conversations import Bounds, QuestionAsked, UserInput
from conversation.rules.deliberation.floor import NO_NEWS_TURNS, next_move, stuck
from conversation.rules.deliberation.state import Spoken, State
from conversation.rules.deliberation.turn import opened, run_through

GOAL = (
    "Should we keep repairing our delivery vans, lease electric vans, or outsource deliveries to a courier? "
    "The vans fail often and a courier costs 9 euros per stop."
)


def unanswered(question: QuestionAsked) -> UserInput:
    return UserInput(kind="skipped", question_id=question.id)


def in_discussion() -> State:
    """A debate whose options are on the table and whose objections are all answered."""
    state = opened("c1", GOAL)
    done, _ = run_through(state, unanswered)
    assert len(done.options) >= 2
    answered = tuple(o.model_copy(update={"status": "answered"}) for o in done.objections[:1])
    return done.model_copy(
        update={
            "phase": "discussion",
            "is_over": False,
            "decision": None,
            "ballot": 0,
            "votes": (),
            "objections": answered,
            "spoken": (),
            "leaders": (),
            "pending": None,
            "questions": (),
            "summarised_at": done.messages,
        }
    )


def turns(count: int, *, is_new: bool) -> tuple[Spoken, ...]:
    return tuple(
        Spoken(agent_id="quality_assurance", key=f"object:{n}", message_id=f"m{n}", is_new=is_new)
        for n in range(count)
    )


def test_turns_without_news_are_standing_still_and_one_with_news_is_not() -> None:
    state = in_discussion()
    assert stuck(state.model_copy(update={"spoken": turns(NO_NEWS_TURNS, is_new=True)})) is None
    assert (
        stuck(state.model_copy(update={"spoken": turns(NO_NEWS_TURNS - 1, is_new=False)})) is None
    )
    silent = stuck(state.model_copy(update={"spoken": turns(NO_NEWS_TURNS, is_new=False)}))
    assert silent is not None
    assert "nothing new" in silent


def test_a_lead_that_swings_to_and_fro_is_standing_still_and_one_that_changes_once_is_not() -> None:
    state = in_discussion()
    a, b = state.options[0].id, state.options[1].id
    swings = stuck(state.model_copy(update={"leaders": (a, b, a, b)}))
    assert swings is not None
    assert "swings" in swings
    assert stuck(state.model_copy(update={"leaders": (a, a, a, b)})) is None
    assert stuck(state.model_copy(update={"leaders": (a, b, b, b)})) is None


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_so_many_rounds_of_objections_and_no_more(rounds: int) -> None:
    state = in_discussion()
    objection = state.objections[0]
    bounds = Bounds(max_discussion_rounds=rounds)
    few = state.model_copy(update={"bounds": bounds, "objections": (objection,) * (2 * rounds - 1)})
    many = state.model_copy(update={"bounds": bounds, "objections": (objection,) * (2 * rounds)})
    assert stuck(few) is None
    assert stuck(many) == f"{rounds} rounds of objections were the limit"


def test_the_remedy_is_the_ballot_with_the_reason_said() -> None:
    state = in_discussion()
    still = state.model_copy(update={"spoken": turns(NO_NEWS_TURNS, is_new=False)})
    move = next_move(still)
    assert move is not None
    assert move.kind == "call_ballot"
    assert "nothing new" in move.reason
