"""The one writer of conversations: gives the floor, takes what was said, keeps it, and shows it after the commit.

Everything happens under the conversation's row lock. A turn counts only if it answers the floor that was given last.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.conversations import (
    Bounds,
    Persona,
    Said,
    TurnDue,
    TurnFailed,
    TurnTaken,
    UserInput,
)
from common.contracts.values import ConversationId
from gateway.conversations.fanout import ConversationFanout
from gateway.conversations.frames import ConversationEventType, frame
from gateway.conversations.shapes import message_body
from gateway.database import Database
from gateway.errors import ConversationNotFound
from gateway.frames import StoredFrame
from gateway.repositories.conversations import Conversation, ConversationRepository
from gateway.repositories.transcripts import TranscriptRepository
from gateway.services.grounding import simulation_facts
from gateway.services.outgoing import post

_TURNS = UUID("0f3c1c58-5a86-5d8d-9d0f-0c6d6a2f7d10")
"""Namespace of the ids of turns."""
OPENS = "project_manager"


@dataclass(slots=True)
class Sitting:
    """A conversation under its lock: what is to be changed and shown when the transaction commits."""

    connection: AsyncConnection
    row: Conversation
    now: datetime
    notify: bool
    changes: dict[str, Any] = field(default_factory=dict)
    frames: list[StoredFrame] = field(default_factory=list)

    def get(self, name: str) -> Any:
        """A column as it will be."""
        return self.changes.get(name, getattr(self.row, name))

    def set(self, **values: Any) -> None:
        self.changes |= values

    def show(self, event_type: ConversationEventType, payload: Mapping[str, Any]) -> None:
        seq = self.row.next_seq + len(self.frames)
        self.frames.append(frame(self.row.id, seq, event_type, payload, self.now))

    async def keep(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Store messages in their order and show them; returns them numbered."""
        first = self.get("message_count") + 1
        own = {
            "tenant": self.row.tenant,
            "conversation_id": self.row.id,
            "created_at": self.now,
        }
        numbered = [row | own | {"number": number} for number, row in enumerate(rows, first)]
        await TranscriptRepository(self.connection).add(numbered)
        self.set(message_count=self.get("message_count") + len(numbered))
        for row in numbered:
            self.show("conversation.message.new", message_body(row))
        return numbered

    def status(self, status: str, reason: str | None = None) -> None:
        before = self.get("status")
        self.set(status=status)
        if status in {"completed", "failed"}:
            self.set(finished_at=self.now, due_event_id=None, pending_question=None)
        payload = {"status": status, "previous": before, "reason": reason}
        self.show("conversation.status.changed", payload)

    async def give_floor(self, attempt: int = 0) -> None:
        """Promise the next turn to the worker, with all it needs; the last one again for `attempt` > 0."""
        turn = self.get("turn") if attempt else self.get("turn") + 1
        inputs = self.row.due_inputs if attempt else self.get("inbox")
        due = await self._due(turn, inputs, attempt)
        await post(self.connection, due, notify=self.notify)
        self.set(turn=turn, due_event_id=due.event_id, due_inputs=list(inputs), due_at=self.now)
        self.set(attempt=attempt)
        if not attempt:
            self.set(inbox=[], reemissions=0)
            speaker = self.get("next_speaker") or self._opening()
            self.show("agent.typing", dict(speaker) | {"turn": turn})

    def _opening(self) -> dict[str, str]:
        names = {persona["id"]: persona["name"] for persona in self.row.personas}
        return {"agent_id": OPENS, "name": names.get(OPENS, OPENS), "reason": "opens"}

    async def _due(self, turn: int, inputs: Sequence[Mapping[str, Any]], attempt: int) -> TurnDue:
        facts = None
        if self.get("state") is None and self.row.simulation_id:
            facts = await simulation_facts(self.connection, self.row.simulation_id)
        return TurnDue(
            event_id=uuid5(_TURNS, f"{self.row.id}:{turn}:{self.row.created_at.isoformat()}"),
            conversation_id=ConversationId(self.row.id),
            turn=turn,
            attempt=attempt,
            occurred_at=self.now,
            goal=self.row.goal_description,
            state=self.get("state"),
            inputs=tuple(UserInput.model_validate(given) for given in inputs),
            personas=tuple(Persona.model_validate(persona) for persona in self.row.personas),
            bounds=Bounds.model_validate(self.row.bounds),
            simulation_id=self.row.simulation_id,
            facts=facts[0] if facts else None,
            sources=facts[1] if facts else {},
            spent_s=self.get("spent_s"),
            spent_usd=self.get("spent_usd"),
        )

    @property
    def may_go_on(self) -> bool:
        """Begun, not paused, nobody has the floor, and no answer is awaited."""
        return (
            self.get("turn") > 0
            and self.get("status") == "active"
            and self.get("due_event_id") is None
            and self.get("pending_question") is None
        )

    async def write(self) -> None:
        """What was gathered, into the record."""
        await TranscriptRepository(self.connection).add_events(self.row.id, self.frames, self.now)
        next_seq = self.row.next_seq + len(self.frames)
        if self.changes or self.frames:
            repository = ConversationRepository(self.connection)
            await repository.change(self.row.id, **self.changes, next_seq=next_seq)


class Floor:
    def __init__(
        self,
        database: Database,
        fanout: ConversationFanout,
        wake: asyncio.Event,
        *,
        notify: bool = False,
    ) -> None:
        self._database = database
        self._fanout = fanout
        self._wake = wake
        self._notify = notify

    @asynccontextmanager
    async def sitting(self, conversation_id: str) -> AsyncIterator[Sitting]:
        """The conversation under its lock; frames leave and the relay wakes after the commit.

        Raises:
            ConversationNotFound: there is none.
        """
        async with self._database.transaction() as connection:
            repository = ConversationRepository(connection)
            row = await repository.get(conversation_id, lock=True)
            if row is None:
                raise ConversationNotFound(conversation_id)
            sitting = Sitting(connection, row, await repository.now(), self._notify)
            yield sitting
            await sitting.write()
        self._wake.set()
        await self._fanout.deliver(row.tenant, conversation_id, sitting.frames)

    async def accept(self, taken: TurnTaken) -> bool:
        """Keep a turn if it is the one awaited. Safe to repeat: a late or repeated turn changes nothing."""
        try:
            async with self.sitting(taken.conversation_id) as sitting:
                if sitting.row.due_event_id != taken.cause_id or sitting.row.is_over:
                    return False
                await _take(sitting, taken)
        except ConversationNotFound:
            return False
        return True

    async def fail(self, said: TurnFailed) -> bool:
        """The worker gave up: the conversation ends as failed, unless the turn was taken meanwhile."""
        try:
            async with self.sitting(said.conversation_id) as sitting:
                if sitting.row.due_event_id != said.cause_id or sitting.row.is_over:
                    return False
                sitting.set(error=said.error, reason=said.reason)
                sitting.status("failed", said.reason)
        except ConversationNotFound:
            return False
        return True


async def _take(sitting: Sitting, taken: TurnTaken) -> None:
    row = sitting.row
    spoke_s = (sitting.now - row.due_at).total_seconds() if row.due_at else 0.0
    sitting.set(
        due_event_id=None,
        due_inputs=[],
        state=taken.state,
        spent_s=row.spent_s + max(0.0, spoke_s),
        spent_usd=row.spent_usd + (taken.cost_usd or 0.0),
        next_speaker=taken.next_speaker.model_dump(mode="json") if taken.next_speaker else None,
    )
    if taken.phase != row.phase:
        sitting.set(phase=taken.phase)
        sitting.show("conversation.phase.changed", {"phase": taken.phase, "previous": row.phase})
    await sitting.keep([_stored(said, taken) for said in taken.messages])
    complete = {"agent_id": taken.speaker, "turn": taken.turn, "duration_s": round(spoke_s, 3)}
    complete["message_ids"] = [said.message_id for said in taken.messages]
    sitting.show("agent.response.complete", complete)
    await _consequences(sitting, taken)


async def _consequences(sitting: Sitting, taken: TurnTaken) -> None:
    """The decision, a question, the end, or the next turn."""
    if taken.decision is not None:
        decision = taken.decision.model_dump(mode="json")
        sitting.set(decision=decision, final_summary=taken.final_summary)
        shown = {
            name: decision[name] for name in ("option_id", "option", "rule", "agreement", "turnout")
        }
        sitting.show(
            "conversation.consensus.reached", shown | {"final_summary": taken.final_summary}
        )
    if taken.question is not None:
        asked = taken.question
        deadline = sitting.now + timedelta(seconds=asked.deadline_s) if asked.deadline_s else None
        await TranscriptRepository(sitting.connection).ask(
            sitting.row.id,
            id=asked.id,
            message_id=asked.message_id,
            text=asked.text,
            why=asked.why,
            asked_by=asked.asked_by,
            addressee=asked.addressee,
            policy=asked.policy,
            default_answer=asked.default,
            options=list(asked.options),
            asked_at=sitting.now,
            deadline_at=deadline,
        )
        sitting.set(pending_question=asked.id)
    if taken.is_over:
        sitting.status("completed", "decided")
    elif sitting.may_go_on:
        await sitting.give_floor()


def _stored(said: Said, taken: TurnTaken) -> dict[str, Any]:
    """A turn may be said by several: then each message names its own origin."""
    of_turn = taken.provenance.model_dump(mode="json")
    origin = said.metadata.get("provenance", of_turn)
    return {
        "id": said.message_id,
        "sender_type": "agent",
        "sender_id": said.sender_id,
        "agent_name": said.agent_name,
        "content": said.content,
        "message_type": said.message_type,
        "parent_message_id": said.parent_message_id,
        "requires_user_response": said.requires_user_response,
        "phase": said.phase,
        "metadata": dict(said.metadata) | {"turn": taken.turn, "provenance": origin},
    }
