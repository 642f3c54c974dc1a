"""Chat: ground the question in the record, ask the assistant, log the exchange whatever becomes of it."""

import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from common.contracts.chat import MAX_HISTORY, ChatAnswered, ChatAsked, ChatDelta, ChatTurn
from common.contracts.values import ID_PATTERN
from common.errors import SimulatorError, TransientError
from gateway.bus import Bus
from gateway.conversations.asking import converse
from gateway.database import Database
from gateway.errors import ChatFailed
from gateway.repositories.interactions import InteractionRepository
from gateway.services.grounding import conversation_facts, simulation_facts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """What a user sends, validated. `metadata` may name a simulation, a conversation and a session."""

    content: str
    user_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def named(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) and re.fullmatch(ID_PATTERN, value) else None


@dataclass(slots=True)
class _Exchange:
    """One row of the log in the making; times are monotonic seconds."""

    id: str
    kind: str
    message: ChatMessage
    began_s: float
    started_at: datetime
    text: str = ""
    first_byte_s: float | None = None
    answered: ChatAnswered | None = None
    error: str | None = None

    def row(self, now_s: float) -> dict[str, Any]:
        answered = self.answered
        is_error = self.error is not None or (answered is not None and answered.status == "error")
        return {
            "id": self.id,
            "kind": self.kind,
            "session_id": self.message.named("session_id"),
            "user_id": self.message.user_id,
            "simulation_id": self.message.named("simulation_id"),
            "conversation_id": self.message.named("conversation_id"),
            "request": self.message.content,
            "response": answered.content if answered else self.text or None,
            "status": "error" if is_error else "complete" if answered else "abandoned",
            "error": self.error or (answered.error if answered else None),
            "topic": answered.topic if answered else None,
            "provenance": answered.provenance.model_dump(mode="json") if answered else {},
            "metadata": self.message.metadata,
            "started_at": self.started_at,
            "first_byte_ms": _ms(self.first_byte_s, self.began_s),
            "duration_ms": _ms(now_s, self.began_s),
        }


class ChatService:
    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        new_id: Callable[[], UUID],
        now: Callable[[], datetime],
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._bus = bus
        self._new_id = new_id
        self._now = now
        self._timeout_s = timeout_s
        self._clock = clock

    async def ask(self, message: ChatMessage) -> ChatAnswered:
        """The whole answer.

        Raises:
            ApiError, TransientError: there is none; the log says why.
        """
        answered: ChatAnswered | None = None
        async for said in self.stream(message, kind="chat"):
            if isinstance(said, ChatAnswered):
                answered = said
        if answered is None or answered.status == "error":
            raise ChatFailed(answered.content if answered else "The assistant gave no answer.")
        return answered

    async def stream(
        self, message: ChatMessage, kind: str = "chat_stream"
    ) -> AsyncIterator[ChatDelta | ChatAnswered]:
        """Pieces, then the answer; exactly one row in the log, also when the reader leaves early.

        Raises:
            ApiError, TransientError: as `ask`.
        """
        exchange = _Exchange(
            str(self._new_id()), kind, message, self._clock(), started_at=self._now()
        )
        try:
            asked = await self._grounded(exchange)
            async for said in converse(self._bus, asked, timeout_s=self._timeout_s):
                self._note(exchange, said)
                yield said
        except SimulatorError as error:
            exchange.error = error.code
            raise
        except Exception:
            exchange.error = "internal_error"
            raise
        finally:
            await self._log(exchange)

    def _note(self, exchange: _Exchange, said: ChatDelta | ChatAnswered) -> None:
        exchange.first_byte_s = exchange.first_byte_s or self._clock()
        if isinstance(said, ChatAnswered):
            exchange.answered = said
        else:
            exchange.text += said.content

    async def _grounded(self, exchange: _Exchange) -> ChatAsked:
        """The question with the record it names and what was said before in its session."""
        message = exchange.message
        simulation_id, conversation_id = (
            message.named("simulation_id"),
            message.named("conversation_id"),
        )
        facts: dict[str, Any] | None = None
        sources: dict[str, str] = {}
        history: tuple[ChatTurn, ...] = ()
        async with self._database.transaction() as connection:
            if simulation_id is not None:
                found = await simulation_facts(connection, simulation_id)
                facts, sources = found or (None, {})
            elif conversation_id is not None:
                facts = await conversation_facts(connection, conversation_id)
            if (session := message.named("session_id")) is not None:
                rows = await InteractionRepository(connection).session(session, MAX_HISTORY // 2)
                history = tuple(turn for row in rows for turn in _turns(row))
        return ChatAsked(
            request_id=exchange.id,
            message=message.content,
            stream=exchange.kind == "chat_stream",
            session_id=message.named("session_id"),
            user_id=message.user_id,
            simulation_id=simulation_id,
            conversation_id=conversation_id,
            facts=facts,
            sources=sources,
            history=history,
            metadata=message.metadata,
            asked_at=exchange.started_at,
        )

    async def _log(self, exchange: _Exchange) -> None:
        """A row that cannot be written is told to the process's log; the user's answer does not suffer."""
        try:
            async with self._database.transaction() as connection:
                await InteractionRepository(connection).add(**exchange.row(self._clock()))
        except TransientError:
            log.error("an exchange could not be logged", extra={"interaction_id": exchange.id})

    async def history(self, session_id: str, limit: int) -> list[dict[str, Any]]:
        """The last exchanges of a session, oldest first."""
        async with self._database.transaction() as connection:
            return await InteractionRepository(connection).session(session_id, limit)


def _turns(row: dict[str, Any]) -> list[ChatTurn]:
    said = [ChatTurn(role="user", content=row["request"])]
    if row["response"]:
        said.append(ChatTurn(role="assistant", content=row["response"][:2_000]))
    return said


def _ms(then_s: float | None, began_s: float) -> float | None:
    return None if then_s is None else round((then_s - began_s) * 1000, 3)
