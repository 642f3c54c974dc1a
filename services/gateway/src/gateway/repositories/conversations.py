"""Conversations: how far they are, who has the floor, which are alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation_models import OVER, conversations
from gateway.tenancy import acting_tenant, owned

REAPER_LOCK = 5_021_303


@dataclass(frozen=True, slots=True)
class Conversation:
    """The whole row but for search columns; `decision` and `next_speaker` are JSON as the worker said it."""

    id: str
    tenant: str
    goal_description: str
    status: str
    phase: str
    request_hash: str
    simulation_id: str | None
    bounds: Mapping[str, Any]
    personas: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any]
    turn: int
    state: Mapping[str, Any] | None
    inbox: Sequence[Mapping[str, Any]]
    due_event_id: UUID | None
    due_inputs: Sequence[Mapping[str, Any]]
    due_at: datetime | None
    attempt: int
    reemissions: int
    spent_s: float
    spent_usd: float
    next_speaker: Mapping[str, Any] | None
    pending_question: str | None
    decision: Mapping[str, Any] | None
    final_summary: str | None
    next_seq: int
    message_count: int
    error: str | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    archived_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.status in OVER


_COLUMNS = tuple(conversations.c[name] for name in Conversation.__dataclass_fields__)
_HEAD_WITHOUT = {"state", "inbox", "due_inputs", "personas"}


class ConversationRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def now(self) -> datetime:
        """The database's clock: all processes share it."""
        return (await self._connection.execute(select(func.now()))).scalar_one()

    async def add(self, conversation_id: str, embedding: str, **values: Any) -> bool:
        """A new row; False when the id is taken, by whomever."""
        row = insert(conversations).values(id=conversation_id, tenant=acting_tenant(), **values)
        done = await self._connection.execute(row.on_conflict_do_nothing())
        if not done.rowcount:
            return False
        await self.embed(conversation_id, embedding)
        return True

    async def embed(self, conversation_id: str, embedding: str) -> None:
        await self._connection.execute(
            text("UPDATE conversations SET embedding = CAST(:v AS vector) WHERE id = :id"),
            {"v": embedding, "id": conversation_id},
        )

    async def get(self, conversation_id: str, *, lock: bool = False) -> Conversation | None:
        query = select(*_COLUMNS).where(
            conversations.c.id == conversation_id, owned(conversations.c.tenant)
        )
        if lock:
            query = query.with_for_update()
        row = (await self._connection.execute(query)).first()
        return Conversation(*row) if row else None

    async def change(self, conversation_id: str, **values: Any) -> None:
        await self._connection.execute(
            update(conversations)
            .where(conversations.c.id == conversation_id, owned(conversations.c.tenant))
            .values(updated_at=func.now(), **values)
        )

    async def delete(self, conversation_id: str) -> bool:
        done = await self._connection.execute(
            delete(conversations).where(
                conversations.c.id == conversation_id, owned(conversations.c.tenant)
            )
        )
        return bool(done.rowcount)

    async def delete_many(self, *, status: str | None, before: datetime | None) -> int:
        """Those that are over or paused, by state and age; how many went."""
        wanted: list[ColumnElement[bool]] = [
            conversations.c.status != "active",
            owned(conversations.c.tenant),
        ]
        if status is not None:
            wanted.append(conversations.c.status == status)
        if before is not None:
            wanted.append(conversations.c.updated_at < before)
        done = await self._connection.execute(delete(conversations).where(*wanted))
        return done.rowcount or 0

    async def newest(
        self, *, status: str | None, archived: bool, limit: int, offset: int
    ) -> tuple[list[Conversation], int]:
        wanted: list[ColumnElement[bool]] = [
            conversations.c.archived_at.isnot(None)
            if archived
            else conversations.c.archived_at.is_(None),
            owned(conversations.c.tenant),
        ]
        if status is not None:
            wanted.append(conversations.c.status == status)
        total = await self._connection.scalar(
            select(func.count()).select_from(conversations).where(*wanted)
        )
        rows = await self._connection.execute(
            select(*(_light(name) for name in Conversation.__dataclass_fields__))
            .where(*wanted)
            .order_by(conversations.c.created_at.desc(), conversations.c.id)
            .limit(limit)
            .offset(offset)
        )
        return [Conversation(*row) for row in rows], total or 0

    async def alike(self, embedding: str, *, besides: str, limit: int) -> list[dict[str, Any]]:
        """The nearest by cosine; `similarity` is 1 for the same direction, 0 for nothing in common."""
        # An index scan that goes on until enough rows are the tenant's own.
        await self._connection.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
        rows = await self._connection.execute(
            text(
                "SELECT id, goal_description, status, final_summary, created_at,"
                " 1 - (embedding <=> CAST(:v AS vector)) AS similarity FROM conversations"
                " WHERE id <> :id AND embedding IS NOT NULL AND tenant = :tenant"
                " ORDER BY embedding <=> CAST(:v AS vector) LIMIT :n"
            ),
            {"v": embedding, "id": besides, "n": limit, "tenant": acting_tenant()},
        )
        return [dict(row._mapping) for row in rows]

    async def heads(self, ids: Sequence[str]) -> dict[str, int]:
        """The last seq of each of `ids` that exists."""
        rows = await self._connection.execute(
            select(conversations.c.id, conversations.c.next_seq).where(conversations.c.id.in_(ids))
        )
        return {row.id: row.next_seq - 1 for row in rows}

    async def count_by_status(self) -> dict[str, int]:
        rows = await self._connection.execute(
            select(conversations.c.status, func.count())
            .where(owned(conversations.c.tenant))
            .group_by(conversations.c.status)
        )
        return {row[0]: row[1] for row in rows}

    async def waiting_for_user(self) -> int:
        return (
            await self._connection.scalar(
                select(func.count())
                .select_from(conversations)
                .where(
                    owned(conversations.c.tenant),
                    conversations.c.pending_question.isnot(None),
                    conversations.c.status.not_in(OVER),
                )
            )
            or 0
        )

    async def is_leader(self) -> bool:
        """Whether this transaction may do the reaper's work; the lock ends with it."""
        lock = select(func.pg_try_advisory_xact_lock(REAPER_LOCK))
        return bool(await self._connection.scalar(lock))

    async def silent(self, *, stalled_s: float, limit: int) -> list[str]:
        """Conversations whose turn nobody took for `stalled_s` seconds, locked."""
        age = func.make_interval(0, 0, 0, 0, 0, 0, stalled_s)
        rows = await self._connection.scalars(
            select(conversations.c.id)
            .where(
                conversations.c.due_event_id.isnot(None), conversations.c.due_at < func.now() - age
            )
            .order_by(conversations.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(rows)

    async def purge_archived(self, days: int) -> int:
        old = func.now() - func.make_interval(0, 0, 0, days)
        done = await self._connection.execute(
            delete(conversations).where(conversations.c.archived_at < old)
        )
        return done.rowcount or 0


def _light(name: str) -> Any:
    """A list does not carry the state of each."""
    if name in _HEAD_WITHOUT:
        return text(f"NULL AS {name}")
    return conversations.c[name]
