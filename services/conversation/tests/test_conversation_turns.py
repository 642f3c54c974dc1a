"""What a deliberation keeps to, whatever the problem is."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.conversations import Bounds, TurnDue, UserInput
from common.errors import DomainError
from common.personas import PERSONAS
from conversation.rules.deliberation import scoring
from conversation.rules.deliberation.listening import absorb
from conversation.rules.deliberation.state import State
from conversation.rules.deliberation.turn import NothingToSay, opened, run_through, take
from conversation.turns import DeliberationAgent

T0 = datetime(2026, 1, 1, tzinfo=UTC)
GOALS = (
    "Our library loses young readers. How can we attract students between 14 and 18 within a year "
    "for under 20,000 euros?",
    "Should we keep repairing our delivery vans, lease electric vans, or outsource deliveries to a courier? "
    "The vans fail often and a courier costs 9 euros per stop.",
    "Reduce the number of wrong orders in our warehouse before Christmas without hiring more staff.",
    "Decide whether to hold the annual conference online or in person. "
    "Members complained about travel costs last year.",
    "Improve hand hygiene on the hospital ward so that infections fall below 2 percent by June.",
)  # fmt: skip
WORDS = st.sampled_from(
    [
        *("reduce", "sell", "the", "our", "customers", "nurses", "cost", "$5,000", "by June", "or"),
        *(
            "between",
            "and",
            "system",
            "risk",
            "waiting",
            "school",
            "online",
            "buy",
            "keep",
            "?",
            ".",
        ),
        *(",", "without", "energy", "festival", "supplier", "trust", "40", "%", "teach"),
    ]
)


def tight(question) -> UserInput:
    return UserInput(
        kind="answer", content="it is tight", question_id=question.id, message_id=f"u-{question.id}"
    )


@pytest.mark.parametrize("goal", GOALS)
def test_a_deliberation_ends_with_a_decision_that_can_be_checked(goal):
    state, turns = run_through(opened("c1", goal), tight)

    decision = state.decision
    assert decision is not None
    assert decision.option_id in {o.option_id for o in decision.options}
    assert len(turns) <= state.bounds.max_turns
    assert {a.owner for a in decision.actions} <= {p.id for p in PERSONAS}
    assert decision.actions
    last = [v for v in decision.votes if v.ballot == state.ballot]
    assert {v.agent_id for v in last} == {p.id for p in PERSONAS}
    dissenters = {v.agent_id for v in last if v.choice not in {None, decision.option_id}}
    assert {d.agent_id for d in decision.dissents} == dissenters
    assert all(
        o.total == pytest.approx(scoring.team_total(state, o.option_id), abs=1e-3)
        for o in decision.options
    )


@pytest.mark.parametrize("goal", GOALS)
def test_no_sentence_is_said_twice_and_every_message_is_about_this_problem(goal):
    _, turns = run_through(opened("c1", goal), tight)
    said = [m for turn in turns for m in turn.said]

    contents = [m.content for m in said if m.message_type != "vote"]
    assert len(set(contents)) == len(contents)
    assert len({m.message_id for m in said}) == len(said)


def test_two_problems_have_no_message_in_common():
    said = []
    for goal in GOALS:
        _, turns = run_through(opened("c1", goal), tight)
        said.append({m.content for turn in turns for m in turn.said if m.message_type != "vote"})
    for n, one in enumerate(said):
        for other in said[n + 1 :]:
            assert not one & other


@pytest.mark.parametrize("goal", GOALS)
def test_the_state_survives_json_between_all_turns_and_the_debate_is_the_same(goal):
    _, at_once = run_through(opened("c1", goal), tight)
    state, messages = opened("c1", goal), []
    while not state.is_over:
        turn = take(State.model_validate_json(state.model_dump_json()))
        messages += turn.said
        state = turn.state
        if turn.question:
            state = absorb(state, [tight(turn.question)])

    assert messages == [m for turn in at_once for m in turn.said]


@pytest.mark.parametrize("goal", GOALS)
def test_an_objection_is_answered_before_the_ballot_and_answers_move_scores(goal):
    state = opened("c1", goal)
    moved = 0
    while not state.is_over:
        before = {o.id: scoring.team_total(state, o.id) for o in state.on_table}
        turn = take(state)
        key = turn.state.spoken[-1].key
        if key.startswith("answer"):
            after = {o.id: scoring.team_total(turn.state, o.id) for o in turn.state.on_table}
            moved += any(abs(after[o] - before[o]) > 1e-9 for o in before)
        if key.startswith("call_ballot") and turn.state.ballot == 1:
            assert all(o.status != "open" for o in turn.state.objections)
        state = turn.state
        if turn.question:
            state = absorb(state, [tight(turn.question)])
    answered = [o for o in state.objections if o.status != "open"]
    assert answered
    assert moved == len(answered)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=6, max_size=40), st.integers(6, 40), st.integers(1, 3))
def test_any_text_ends_within_its_bounds(words, max_turns, ballots):
    bounds = Bounds(max_turns=max_turns, max_ballots=ballots)
    state, turns = run_through(opened("c1", " ".join(words), bounds=bounds), tight)

    assert state.is_over
    assert len(turns) <= max_turns
    assert state.ballot <= ballots
    assert all(len(m.content) <= 4_000 for turn in turns for m in turn.said)


def test_the_next_speaker_is_named_with_a_reason_and_is_who_speaks():
    state = opened("c1", GOALS[1])
    named = None
    while not state.is_over:
        turn = take(state)
        assert named is None or named == turn.speaker
        named = turn.next_speaker.agent_id if turn.next_speaker else None
        assert turn.next_speaker is None or turn.next_speaker.reason
        state = turn.state
        if turn.question:
            state, named = absorb(state, [tight(turn.question)]), None


def ask_until_question(goal: str, **bounds) -> State:
    state = opened("c1", goal, bounds=Bounds(**bounds))
    while not state.is_over and state.pending is None:
        state = take(state).state
    assert state.pending is not None
    return state


VINEYARD = "How can our small vineyard sell more wine directly to customers instead of through wholesalers?"


def test_a_question_stops_the_conversation_until_it_is_answered_and_the_answer_moves_scores():
    state = ask_until_question(VINEYARD)
    with pytest.raises(NothingToSay):
        take(state)

    totals = [
        scoring.team_total(
            absorb(state, [UserInput(kind="answer", content=text, question_id="q1")]), "A"
        )
        for text in ("at most 500", "no limit")
    ]
    assert totals[0] != totals[1]


def test_an_answer_counts_once_however_often_it_arrives():
    state = ask_until_question(VINEYARD)
    answer = UserInput(kind="answer", content="at most 500", question_id="q1", message_id="m1")
    second = answer.model_copy(update={"message_id": "m2", "content": "no limit"})

    once = absorb(state, [answer])
    assert absorb(once, [answer]) == once
    assert absorb(once, [second]).emphasis == once.emphasis


@pytest.mark.parametrize(
    ("kind", "is_noted"), [("skipped", "Nobody answered"), ("defaulted", "the default")]
)
def test_a_question_nobody_answers_is_noted_and_the_talk_goes_on(kind, is_noted):
    state = absorb(ask_until_question(VINEYARD), [UserInput(kind=kind, question_id="q1")])

    assert state.pending is None
    assert any(is_noted in text for text in state.assumptions)
    assert take(state).said


def test_a_user_who_judges_an_option_moves_its_score_and_is_answered_by_name():
    state = opened("c1", GOALS[1])
    for _ in range(4):
        state = take(state).state
    said = UserInput(
        kind="message",
        content="Riley, outsource deliveries to a courier is too expensive.",
        message_id="m7",
    )
    heard = absorb(state, [said])
    courier = next(o for o in state.options if "courier" in o.name)

    assert scoring.team_total(heard, courier.id) < scoring.team_total(state, courier.id)
    turn = take(heard)
    assert turn.speaker == "quality_assurance"
    assert turn.said[0].parent_message_id == "m7"


def test_a_users_idea_becomes_an_option_that_can_win_votes():
    state = opened("c1", GOALS[2])
    for _ in range(3):
        state = take(state).state
    heard = absorb(
        state,
        [
            UserInput(
                kind="message", content="What about a second check by scanner?", message_id="m1"
            )
        ],
    )

    assert heard.options[-1].name == "a second check by scanner"
    final, _ = run_through(heard, tight)
    assert final.decision is not None
    assert any(o.name == "a second check by scanner" for o in final.decision.options)


def test_a_team_of_one_decides_and_a_team_that_only_cares_for_one_thing_agrees_early():
    alone, _ = run_through(opened("c1", GOALS[1], personas=PERSONAS[:1]), tight)
    thrifty = [p.model_copy(update={"criteria": {"cost": 1.0}}) for p in PERSONAS]
    agreed, turns = run_through(opened("c1", GOALS[1], personas=thrifty), tight)

    assert alone.decision is not None
    assert agreed.decision is not None
    assert agreed.ballot == 1
    assert len(turns) < 25


def due(**fields) -> TurnDue:
    values = {
        "event_id": UUID(int=1),
        "conversation_id": "c1",
        "turn": 1,
        "occurred_at": T0,
        "goal": GOALS[0],
    }
    return TurnDue(**(values | fields))


def test_a_turn_asked_for_twice_is_the_same_turn():
    agent = DeliberationAgent(now=lambda: T0)
    first, again = asyncio.run(agent.take(due())), asyncio.run(agent.take(due()))
    assert first == again
    assert first.cause_id == UUID(int=1)


def test_time_that_has_run_out_leads_to_the_ballot():
    agent = DeliberationAgent(now=lambda: T0)
    taken = asyncio.run(agent.take(due()))
    late = due(state=taken.state, spent_s=4_000.0, turn=2)
    said = []
    for turn in range(2, 8):
        taken = asyncio.run(
            agent.take(late.model_copy(update={"state": taken.state, "turn": turn}))
        )
        said += [m.message_type for m in taken.messages]
        if taken.is_over:
            break
    assert taken.is_over
    assert "vote" in said


def test_the_floor_given_after_the_end_is_refused():
    state, _ = run_through(opened("c1", GOALS[0]), tight)
    with pytest.raises(DomainError):
        asyncio.run(
            DeliberationAgent(now=lambda: T0).take(due(state=state.model_dump(mode="json")))
        )


def test_an_option_nobody_knows_is_asked_about_and_the_answer_is_weighed() -> None:
    goal = "Decide whether to meet on Mondays or on Fridays for the reading circle in the library."
    state = ask_until_question(goal)
    question = state.questions[0]
    option = next(o for o in state.options if f"“{o.name}”" in question.text)

    told = UserInput(kind="answer", content="It is cheap, but not popular.", question_id="q1")
    heard = absorb(state, [told])

    added = {a.criterion: a.delta for a in heard.arguments if a.source == "user"}
    assert added["cost"] > 0 > added["acceptance"]
    assert {a.option_id for a in heard.arguments if a.source == "user"} == {option.id}


def test_a_figure_the_text_gives_for_an_option_weighs_against_its_cost() -> None:
    state = opened("c1", "Should we rent the hall or sing in the church? The hall costs 900 euros.")
    hall = next(o for o in state.options if "hall" in o.name)

    assert any("900 euros" in a.text and a.criterion == "cost" and a.delta < 0
               for a in state.arguments if a.option_id == hall.id)  # fmt: skip
