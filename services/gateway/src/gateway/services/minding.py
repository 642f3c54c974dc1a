"""Minds conversations: asks again for turns nobody took, closes questions past their deadline, forgets the archived."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from common.contracts.conversations import UserInput
from common.errors import TransientError
from common.streams import CONVERSATION, TURN_PROJECTOR
from gateway.database import Database
from gateway.errors import ConversationNotFound
from gateway.repositories.conversations import ConversationRepository
from gateway.repositories.transcripts import TranscriptRepository
from gateway.services.floor import Floor
from gateway.settings import GatewaySettings

EVERY_S = 2.0
BATCH = 100

WAITED_AT = (CONVERSATION, TURN_PROJECTOR)
QUEUED_PATIENCE = 10
"""So many times as long a turn may be silent while turns wait: the worker is busy, not deaf. Asked again, they would
only lengthen the queue, until conversations that nobody refused are given up."""

log = logging.getLogger(__name__)


class Lags(Protocol):
    async def lags(self, consumers: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """How many messages are `pending` for each (stream, durable). Raises BusAway."""
        ...


class Minder:
    """One process at a time minds; the others find the lock taken and rest."""

    def __init__(
        self,
        database: Database,
        floor: Floor,
        bus: Lags,
        settings: GatewaySettings,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._floor = floor
        self._bus = bus
        self._settings = settings
        self._sleep = sleep

    async def run(self) -> None:
        """Endless."""
        while True:
            await self._sleep(EVERY_S)
            try:
                await self.round()
            except TransientError as error:
                log.warning("minding conversations failed", extra={"error": error.code})

    async def round(self) -> None:
        """One look at all conversations. Raises TransientError; the next round does the rest."""
        patience_s = await self._patience_s()
        silent, expired = await self._found(patience_s)
        for conversation_id in silent:
            await self._ask_again(conversation_id, patience_s)
        for conversation_id, question_id in expired:
            await self._expire(conversation_id, question_id)

    async def _patience_s(self) -> float:
        """How long a turn may be silent: much longer while others wait for the same worker, or nobody knows."""
        stalled_s = self._settings.conversation_stalled_after_s
        try:
            lags = await self._bus.lags([(spec.stream, spec.durable) for spec in WAITED_AT])
        except TransientError:
            return stalled_s * QUEUED_PATIENCE
        return stalled_s * (QUEUED_PATIENCE if any(lag["pending"] for lag in lags) else 1)

    async def _found(self, patience_s: float) -> tuple[list[str], list[tuple[str, str]]]:
        async with self._database.transaction() as connection:
            repository = ConversationRepository(connection)
            if not await repository.is_leader():
                return [], []
            silent = await repository.silent(stalled_s=patience_s, limit=BATCH)
            now = await repository.now()
            expired = await TranscriptRepository(connection).expired(now, BATCH)
            if self._settings.archive_days is not None:
                await repository.purge_archived(self._settings.archive_days)
        return silent, expired

    async def _ask_again(self, conversation_id: str, patience_s: float) -> None:
        """The same turn under the next attempt; after the last one the conversation ends."""
        async with self._floor.sitting(conversation_id) as sitting:
            row = sitting.row
            if row.due_event_id is None or row.is_over:
                return
            age_s = (sitting.now - row.due_at).total_seconds() if row.due_at else 0.0
            if age_s < patience_s:
                return  # somebody was faster
            if row.reemissions >= self._settings.conversation_max_reemissions:
                reason = f"Nobody took turn {row.turn}, asked {row.reemissions + 1} times."
                sitting.set(error="stalled", reason=reason)
                sitting.status("failed", reason)
                return
            sitting.set(reemissions=row.reemissions + 1)
            await sitting.give_floor(attempt=row.attempt + 1)
        log.warning("a turn was asked for again", extra={"conversation_id": conversation_id})

    async def _expire(self, conversation_id: str, question_id: str) -> None:
        """The deadline has passed: go on as the question's policy says."""
        try:
            async with self._floor.sitting(conversation_id) as sitting:
                transcript = TranscriptRepository(sitting.connection)
                questions = await transcript.questions_of(conversation_id)
                question = next(q for q in questions if q["id"] == question_id)
                kind = "defaulted" if question["policy"] == "default" else "skipped"
                closed = await transcript.close_question(conversation_id, question_id, status=kind)
                if not closed or sitting.row.is_over:
                    return
                given = UserInput.model_validate({"kind": kind, "question_id": question_id})
                sitting.set(inbox=[*sitting.row.inbox, given.model_dump(mode="json")])
                if sitting.row.pending_question == question_id:
                    sitting.set(pending_question=None)
                if sitting.may_go_on:
                    await sitting.give_floor()
        except ConversationNotFound:
            return
