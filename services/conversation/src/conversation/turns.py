"""The deliberation's voice on the bus: hears that a turn is due, says the turn that was taken.

With a `speaker` a model says the messages; who speaks, what about, every figure and every ballot stay the engine's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from common.contracts.conversations import (
    PersonaAnswered,
    PersonaAsked,
    Said,
    TurnDelta,
    TurnDue,
    TurnTaken,
    turn_event_id,
)
from common.contracts.values import ConversationId, Provenance
from common.personas import PERSONAS
from conversation.rules.deliberation.turn import Turn, opened, overspent, state_of, take
from conversation.speaking import NAME, Show, Speaker, Spoken, Thought, by_rules

AUDITION_MESSAGES = 2
_AUDITIONS = UUID("a3d1f6a4-6f0e-5a53-9d2e-5f4f7d2b9c11")
"""Namespace of the jobs of auditions: the same persona on the same problem is the same job."""


async def unseen(delta: TurnDelta) -> None:
    """Nobody watches."""
    del delta


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliberationAgent:
    """Takes one turn; the protocol (order, ballots, bounds) is the engine's."""

    now: Callable[[], datetime]
    speaker: Speaker | None = None

    async def audition(self, asked: PersonaAsked) -> PersonaAnswered:
        """What a persona says first in a deliberation of the whole team, with the others as they are by default."""
        team = tuple(asked.persona if p.id == asked.persona.id else p for p in PERSONAS)
        state = opened("audition", asked.goal, team)
        spoken: list[Spoken] = []
        while not state.is_over and state.pending is None and len(spoken) < AUDITION_MESSAGES:
            turn = take(state)
            own = tuple(m for m in turn.said if m.sender_id == asked.persona.id)
            spoken += await self._auditioned(asked, replace(turn, said=own))
            state = turn.state
        heard = tuple(spoken[:AUDITION_MESSAGES])
        return PersonaAnswered(messages=_marked(heard, None), provenance=_origin(heard))

    async def _auditioned(self, asked: PersonaAsked, turn: Turn) -> tuple[Spoken, ...]:
        """As in a conversation: by the persona's model and prompt where there is one, checked, else by the rules."""
        if self.speaker is None:
            origin = Provenance(engine="rules", agent=NAME)
            return tuple(Spoken(said=said, provenance=origin) for said in turn.said)
        heard = TurnDue(
            event_id=uuid5(_AUDITIONS, asked.model_dump_json()),
            conversation_id=ConversationId("audition"),
            turn=max(1, turn.state.turn),
            occurred_at=self.now(),
            goal=asked.goal,
            personas=turn.state.personas,
        )
        return await self.speaker.speak(heard, turn, self.speaker.ends_at(heard), unseen)

    async def take(self, heard: TurnDue, show: Show = unseen) -> TurnTaken:
        """The turn that `heard` leads to: the same turn, and the same ids, however often it is asked for.

        `show` is told what a model writes while it writes it.

        Raises:
            DomainError: there is nothing to say, because the conversation is over or waits.
        """
        state = state_of(heard)
        if self.speaker is None:
            return self._taken(heard, take(state))
        if overspent(heard):
            turn = take(state)
            spoken = tuple(by_rules(said, "budget_exceeded") for said in turn.said)
            return self._taken(heard, turn, spoken)
        ends_at = self.speaker.ends_at(heard)
        thought = await self.speaker.think(heard, state, ends_at)
        turn = take(state, thought.suggestion)
        spoken = await self.speaker.speak(heard, turn, ends_at, show)
        return self._taken(heard, turn, spoken, thought)

    def _taken(
        self,
        heard: TurnDue,
        turn: Turn,
        spoken: tuple[Spoken, ...] = (),
        thought: Thought | None = None,
    ) -> TurnTaken:
        return TurnTaken(
            event_id=turn_event_id(heard, TurnTaken),
            cause_id=heard.event_id,
            conversation_id=heard.conversation_id,
            turn=heard.turn,
            attempt=heard.attempt,
            occurred_at=self.now(),
            provenance=_origin(spoken),
            speaker=turn.speaker,
            messages=_marked(spoken, thought) if spoken else turn.said,
            phase=turn.state.phase,
            state=turn.state.model_dump(mode="json"),
            next_speaker=turn.next_speaker,
            question=turn.question,
            is_over=turn.state.is_over,
            decision=turn.decision,
            final_summary=turn.final_summary,
            cost_usd=_cost_usd(spoken, thought),
        )


def _origin(spoken: tuple[Spoken, ...]) -> Provenance:
    """Of the whole turn: the model if it said any of it."""
    origins = [one.provenance for one in spoken]
    by_model = next((origin for origin in origins if origin.engine == "llm"), None)
    return by_model or (origins[0] if origins else Provenance(engine="rules", agent=NAME))


def _marked(spoken: tuple[Spoken, ...], thought: Thought | None) -> tuple[Said, ...]:
    """The messages, each with what said it and, on the first, what became of the model's suggestion."""
    notes = {"suggestion": thought.outcome} if thought is not None and thought.outcome else {}
    return tuple(
        one.said.model_copy(
            update={
                "metadata": {
                    **one.said.metadata,
                    **(notes if number == 0 else {}),
                    "provenance": one.provenance.model_dump(mode="json"),
                }
            }
        )
        for number, one in enumerate(spoken)
    )


def _cost_usd(spoken: tuple[Spoken, ...], thought: Thought | None) -> float | None:
    """What the answers that came cost; null if one of them has no known price."""
    costs = [one.cost_usd for one in spoken] + ([thought.cost_usd] if thought else [])
    known = [cost for cost in costs if cost is not None]
    return float(sum(known)) if len(known) == len(costs) else None
