"""What people do with conversations: begin, start, speak, answer, pause, archive, delete."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.conversations import Bounds, UserInput
from gateway.conversations.embedding import embed, literal
from gateway.conversations.shapes import conversation_body, message_body, question_body
from gateway.database import Database
from gateway.errors import (
    AlreadyAnswered,
    ConversationIdTaken,
    ConversationNotFound,
    ConversationOver,
    InvalidRequest,
    MessageNotFound,
    SimulationNotFound,
)
from gateway.repositories.conversations import Conversation, ConversationRepository
from gateway.repositories.simulations import SimulationRepository
from gateway.repositories.transcripts import TranscriptRepository
from gateway.services.agents import AgentService
from gateway.services.floor import Floor, Sitting


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a conversation is to be about, validated."""

    goal: str
    id: str | None = None
    simulation_id: str | None = None
    agents: tuple[str, ...] | None = None
    bounds: Bounds = field(default_factory=Bounds)
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        content = [self.goal, self.simulation_id, self.agents, self.bounds.model_dump(mode="json")]
        return hashlib.sha256(orjson.dumps(content)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What a user says; `id` makes it safe to send twice."""

    content: str
    id: str | None = None
    parent_message_id: str | None = None
    user_id: str = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Null: as it is."""

    status: Literal["active", "paused", "completed"] | None = None
    is_archived: bool | None = None
    metadata: dict[str, Any] | None = None


class ConversationService:
    def __init__(
        self,
        database: Database,
        floor: Floor,
        agents: AgentService,
        new_id: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._floor = floor
        self._agents = agents
        self._new_id = new_id

    async def begin(self, beginning: Beginning) -> dict[str, Any]:
        """Store it; nobody speaks before `start`. The same id with the same body answers the same.

        Raises:
            ConversationIdTaken: the id belongs to another request.
            SimulationNotFound, AgentNotFound: it names one that does not exist.
        """
        conversation_id = beginning.id or str(self._new_id())
        personas = await self._agents.team(beginning.agents)
        async with self._database.transaction() as connection:
            await self._check_simulation(connection, beginning.simulation_id)
            repository = ConversationRepository(connection)
            await repository.add(
                conversation_id,
                literal(embed(beginning.goal)),
                goal_description=beginning.goal,
                simulation_id=beginning.simulation_id,
                bounds=beginning.bounds.model_dump(mode="json"),
                personas=[persona.model_dump(mode="json") for persona in personas],
                metadata=beginning.metadata,
                request_hash=beginning.fingerprint,
            )
            found = await repository.get(conversation_id)
        if found is None or found.request_hash != beginning.fingerprint:
            # Not there, and not to be added: ids are unique in the whole installation.
            raise ConversationIdTaken(f"The conversation id {conversation_id!r} is taken.")
        return conversation_body(found)

    async def _check_simulation(
        self, connection: AsyncConnection, simulation_id: str | None
    ) -> None:
        if simulation_id is None:
            return
        if await SimulationRepository(connection).get(simulation_id) is None:
            raise SimulationNotFound(simulation_id)

    async def find(self, conversation_id: str) -> Conversation:
        """Raises ConversationNotFound."""
        async with self._database.transaction() as connection:
            found = await ConversationRepository(connection).get(conversation_id)
        if found is None:
            raise ConversationNotFound(conversation_id)
        return found

    async def read(self, conversation_id: str) -> dict[str, Any]:
        return conversation_body(await self.find(conversation_id))

    async def listed(
        self, *, status: str | None, archived: bool, limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        async with self._database.transaction() as connection:
            found, total = await ConversationRepository(connection).newest(
                status=status, archived=archived, limit=limit, offset=offset
            )
        return [conversation_body(row) for row in found], total

    async def start(self, conversation_id: str) -> dict[str, Any]:
        """Give the floor for the first time; starting twice is the same as once.

        Raises:
            ConversationOver: it is over.
        """
        async with self._floor.sitting(conversation_id) as sitting:
            _refuse_over(sitting)
            if sitting.row.turn == 0 and sitting.row.status == "active":
                sitting.status("active", "started")
                await sitting.give_floor()
        return await self.read(conversation_id)

    async def change(self, conversation_id: str, changes: Changes) -> dict[str, Any]:
        """Pause, resume, end, archive. Raises ConversationOver for a state after the end."""
        async with self._floor.sitting(conversation_id) as sitting:
            if changes.status is not None and changes.status != sitting.row.status:
                _refuse_over(sitting)
                sitting.status(changes.status, "asked for")
            if changes.is_archived is not None:
                sitting.set(archived_at=sitting.now if changes.is_archived else None)
            if changes.metadata is not None:
                sitting.set(metadata=changes.metadata)
            if changes.status == "active" and sitting.may_go_on:
                await sitting.give_floor()
        return await self.read(conversation_id)

    async def delete(self, conversation_id: str) -> None:
        async with self._database.transaction() as connection:
            if not await ConversationRepository(connection).delete(conversation_id):
                raise ConversationNotFound(conversation_id)

    async def delete_many(self, *, status: str | None, before: datetime | None) -> int:
        """Raises InvalidRequest when nothing narrows it down."""
        if status is None and before is None:
            raise InvalidRequest("Name a status or a date: everything is deleted by a reset only.")
        async with self._database.transaction() as connection:
            return await ConversationRepository(connection).delete_many(
                status=status, before=before
            )

    async def speak(self, conversation_id: str, said: Utterance) -> dict[str, Any]:
        """Keep what a user says; if it answers the open question, the conversation goes on.

        Raises:
            AlreadyAnswered: it answers a question that another message has answered.
            ConversationOver: it is over.
            MessageNotFound: its parent is not of this conversation.
        """
        message_id = said.id or str(self._new_id())
        async with self._floor.sitting(conversation_id) as sitting:
            transcript = TranscriptRepository(sitting.connection)
            known = await transcript.message(message_id)
            if known is not None:
                return self._repeated(known, said, conversation_id)
            _refuse_over(sitting)
            question = await self._answered(sitting, transcript, said)
            kept = await self._keep(sitting, transcript, said, message_id, question)
        return message_body(kept)

    def _repeated(
        self, known: dict[str, Any], said: Utterance, conversation_id: str
    ) -> dict[str, Any]:
        same = (known["conversation_id"], known["content"]) == (conversation_id, said.content)
        if not same:
            raise ConversationIdTaken("This message id was used for another message.")
        return message_body(known)

    async def _answered(
        self, sitting: Sitting, transcript: TranscriptRepository, said: Utterance
    ) -> dict[str, Any] | None:
        """The question this answers: the one it is a reply to, or the open one when it replies to nothing."""
        questions = await transcript.questions_of(sitting.row.id)
        if said.parent_message_id is None:
            open_ = sitting.row.pending_question
            return next((q for q in questions if q["id"] == open_), None)
        found = next((q for q in questions if q["message_id"] == said.parent_message_id), None)
        if found is None:
            parent = await transcript.message(said.parent_message_id)
            if parent is None or parent["conversation_id"] != sitting.row.id:
                raise MessageNotFound(said.parent_message_id)
        elif found["status"] != "open":
            raise AlreadyAnswered("Another answer came first and counts.")
        return found

    async def _keep(
        self,
        sitting: Sitting,
        transcript: TranscriptRepository,
        said: Utterance,
        message_id: str,
        question: dict[str, Any] | None,
    ) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": message_id,
            "sender_type": "user",
            "sender_id": said.user_id,
            "agent_name": None,
            "content": said.content,
            "message_type": "user_response" if question else "discussion",
            "parent_message_id": question["message_id"] if question else said.parent_message_id,
            "requires_user_response": False,
            "phase": sitting.row.phase,
            "metadata": {},
        }
        (kept,) = await sitting.keep([row])
        given = UserInput(
            kind="answer" if question else "message",
            message_id=message_id,
            content=said.content,
            question_id=question["id"] if question else None,
            user_id=said.user_id,
        )
        sitting.set(inbox=[*sitting.row.inbox, given.model_dump(mode="json")])
        if question is not None:
            await transcript.close_question(
                sitting.row.id, question["id"], status="answered", answer=message_id
            )
            if sitting.row.pending_question == question["id"]:
                sitting.set(pending_question=None)
        if sitting.may_go_on:
            await sitting.give_floor()
        return kept

    async def messages(
        self, conversation_id: str, *, after: int, limit: int, message_type: str | None
    ) -> list[dict[str, Any]]:
        await self.find(conversation_id)
        async with self._database.transaction() as connection:
            rows = await TranscriptRepository(connection).page(
                conversation_id, after=after, limit=limit, message_type=message_type
            )
        return [message_body(row) for row in rows]

    async def message(self, message_id: str) -> dict[str, Any]:
        async with self._database.transaction() as connection:
            found = await TranscriptRepository(connection).message(message_id)
        if found is None:
            raise MessageNotFound(message_id)
        return message_body(found)

    async def pending(self, conversation_id: str) -> list[dict[str, Any]]:
        """The messages that wait for the user, each with its question."""
        await self.find(conversation_id)
        async with self._database.transaction() as connection:
            transcript = TranscriptRepository(connection)
            questions = await transcript.questions_of(conversation_id)
            found = []
            for question in questions:
                if question["status"] == "open":
                    message = await transcript.message(question["message_id"])
                    assert message is not None, "a question is asked by a message"
                    found.append(message_body(message) | {"question": question_body(question)})
        return found


def _refuse_over(sitting: Sitting) -> None:
    if sitting.row.is_over:
        raise ConversationOver(f"The conversation is {sitting.row.status}.")
