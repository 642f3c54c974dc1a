"""One turn, pure: what came from outside is taken in, the floor is given, the move is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from common.contracts.conversations import (
    Bounds,
    Decision,
    NextSpeaker,
    Persona,
    QuestionAsked,
    Said,
    TurnDue,
    UserInput,
)
from common.errors import DomainError
from common.personas import PERSONAS
from conversation.rules.deliberation import arguing, deciding, opening
from conversation.rules.deliberation.draft import Draft
from conversation.rules.deliberation.floor import Move, next_move
from conversation.rules.deliberation.listening import absorb
from conversation.rules.deliberation.options import emphasis, material
from conversation.rules.deliberation.problem import read_problem
from conversation.rules.deliberation.simulated import suggested
from conversation.rules.deliberation.state import State
from conversation.rules.deliberation.suggestions import (
    Invitation,
    Suggestion,
    invitation,
    taken_in,
    wrong,
)

MOVES: dict[str, Callable[[Draft, Move], None]] = {
    "frame": opening.frame,
    "gaps": opening.gaps,
    "propose": opening.propose,
    "assess": opening.assess,
    "ask": opening.ask,
    "ask_about": opening.ask_about,
    "summarise": opening.summarise,
    "reply": opening.reply,
    "object": arguing.object_to,
    "answer": arguing.answer,
    "call_ballot": deciding.call_ballot,
    "vote": deciding.vote,
    "compromise": deciding.compromise,
    "decide": deciding.decide,
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn said and left."""

    state: State
    speaker: str
    reason: str
    kind: str
    """The move that was made."""
    said: tuple[Said, ...]
    next_speaker: NextSpeaker | None
    question: QuestionAsked | None
    decision: Decision | None
    final_summary: str | None


class BrokenState(DomainError):
    """What came as the state is not one of ours."""

    code = "broken_state"


class NothingToSay(DomainError):
    """The floor was given although the conversation is over or waits for the user."""

    code = "nothing_to_say"


def opened(
    conversation_id: str,
    goal: str,
    personas: Sequence[Persona] = PERSONAS,
    bounds: Bounds | None = None,
    due: TurnDue | None = None,
) -> State:
    """The state before the first turn: the problem read, all options and arguments found, nothing said."""
    problem = read_problem(goal)
    team = tuple(personas) or PERSONAS
    found = material(problem, team, suggested(due) if due is not None else ())
    return State(
        conversation_id=conversation_id,
        problem=problem,
        personas=team,
        bounds=bounds or Bounds(),
        options=found.options,
        arguments=found.arguments,
        emphasis=emphasis(problem),
    )


def state_of(due: TurnDue) -> State:
    """The state a turn begins with, with what came from outside taken in."""
    if due.state is None:
        state = opened(due.conversation_id, due.goal, due.personas or PERSONAS, due.bounds, due)
    else:
        state = _read(due.state)
        if due.personas:
            state = state.model_copy(update={"personas": due.personas})
    if due.spent_s > due.bounds.conversation_timeout_s or overspent(due):
        state = state.model_copy(update={"turn": max(state.turn, state.bounds.max_turns - 4)})
    return absorb(state, due.inputs)


def _read(state: dict[str, Any]) -> State:
    """Raises BrokenState when it is of another version, or none."""
    try:
        return State.model_validate(state)
    except ValidationError as error:
        raise BrokenState("the state of the conversation cannot be read") from error


def overspent(due: TurnDue) -> bool:
    """Whether the conversation has used up its money."""
    return due.bounds.budget_usd is not None and due.spent_usd > due.bounds.budget_usd


def invited(state: State) -> Invitation | None:
    """The slot that the move which is due has for a suggestion, if it has one."""
    move = next_move(state)
    return invitation(state, move) if move is not None else None


def take(state: State, suggestion: Suggestion | None = None) -> Turn:
    """Make the move that is due, with a suggestion that `suggestions.wrong` finds nothing wrong with.

    Raises:
        NothingToSay: there is none.
    """
    move = next_move(state)
    if move is None:
        raise NothingToSay("the conversation is over or waits for an answer")
    asked = invitation(state, move) if suggestion is not None else None
    if asked is not None and suggestion is not None and not wrong(state, asked, suggestion):
        state, move = taken_in(state, asked, suggestion)
    draft = Draft(state.model_copy(update={"turn": state.turn + 1}))
    MOVES[move.kind](draft, move)
    draft.note_leader()
    following = next_move(draft.state)
    return Turn(
        state=draft.state,
        speaker=move.agent_id,
        reason=move.reason,
        kind=move.kind,
        said=tuple(draft.said),
        next_speaker=_named(draft.state, following),
        question=draft.question,
        decision=draft.state.decision,
        final_summary=draft.final_summary,
    )


def _named(state: State, move: Move | None) -> NextSpeaker | None:
    if move is None:
        return None
    persona = state.persona(move.agent_id)
    return NextSpeaker(agent_id=persona.id, name=persona.name, reason=move.reason)


def run_through(
    state: State, answer: Callable[[QuestionAsked], UserInput], limit: int = 200
) -> tuple[State, list[Turn]]:
    """The whole deliberation at once, with `answer` in the user's seat: for tests, the gallery and the terminal."""
    turns: list[Turn] = []
    while not state.is_over and len(turns) < limit:
        turn = take(state)
        turns.append(turn)
        state = turn.state
        if turn.question is not None:
            state = absorb(state, [answer(turn.question)])
    return state, turns
