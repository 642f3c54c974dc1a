"""The deliberation's voice on the bus: hears that a turn is due, says the turn that was taken."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.conversations import (
    PersonaAnswered,
    PersonaAsked,
    Said,
    TurnDue,
    TurnTaken,
    turn_event_id,
)
from common.contracts.values import Provenance
from common.personas import PERSONAS
from conversation.rules.deliberation.turn import opened, state_of, take

NAME = "DeliberationEngine"
AUDITION_MESSAGES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliberationAgent:
    """Takes one turn; the protocol (order, ballots, bounds) is the engine's."""

    now: Callable[[], datetime]

    async def audition(self, asked: PersonaAsked) -> PersonaAnswered:
        """What a persona says first in a deliberation of the whole team, with the others as they are by default."""
        team = tuple(asked.persona if p.id == asked.persona.id else p for p in PERSONAS)
        state = opened("audition", asked.goal, team)
        said: list[Said] = []
        while not state.is_over and state.pending is None and len(said) < AUDITION_MESSAGES:
            turn = take(state)
            said += [m for m in turn.said if m.sender_id == asked.persona.id]
            state = turn.state
        provenance = Provenance(engine="rules", agent=NAME)
        return PersonaAnswered(messages=tuple(said[:AUDITION_MESSAGES]), provenance=provenance)

    async def take(self, heard: TurnDue) -> TurnTaken:
        """The turn that `heard` leads to: the same turn, and the same ids, however often it is asked for.

        Raises:
            DomainError: there is nothing to say, because the conversation is over or waits.
        """
        turn = take(state_of(heard))
        return TurnTaken(
            event_id=turn_event_id(heard, TurnTaken),
            cause_id=heard.event_id,
            conversation_id=heard.conversation_id,
            turn=heard.turn,
            attempt=heard.attempt,
            occurred_at=self.now(),
            provenance=Provenance(engine="rules", agent=NAME),
            speaker=turn.speaker,
            messages=turn.said,
            phase=turn.state.phase,
            state=turn.state.model_dump(mode="json"),
            next_speaker=turn.next_speaker,
            question=turn.question,
            is_over=turn.state.is_over,
            decision=turn.decision,
            final_summary=turn.final_summary,
            cost_usd=0.0,
        )
