"""What was said in conversations: messages, questions, events; found again by their words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation_models import (
    conversation_events,
    conversations,
    messages,
    questions,
)
from gateway.conversations.frames import stored
from gateway.frames import StoredFrame
from gateway.tenancy import acting_tenant, owned, reachable

MAX_RANKED = 300
"""Of so many of the newest hits the best are shown; a word that stands everywhere needs no full ranking."""


_PARSER = {True: "phraseto_tsquery", False: "websearch_to_tsquery"}


class TranscriptRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self._connection.execute(insert(messages), [dict(row) for row in rows])

    async def message(self, message_id: str) -> dict[str, Any] | None:
        row = (
            await self._connection.execute(
                select(messages).where(messages.c.id == message_id, owned(messages.c.tenant))
            )
        ).first()
        return _plain(row._mapping) if row else None

    async def page(
        self,
        conversation_id: str,
        *,
        after: int = 0,
        limit: int = 100,
        message_type: str | None = None,
    ) -> list[dict[str, Any]]:
        """Messages with number > `after`, in order."""
        query = select(messages).where(
            messages.c.conversation_id == conversation_id,
            messages.c.number > after,
            owned(messages.c.tenant),
        )
        if message_type is not None:
            query = query.where(messages.c.message_type == message_type)
        rows = await self._connection.execute(query.order_by(messages.c.number).limit(limit))
        return [_plain(row._mapping) for row in rows]

    async def ask(self, conversation_id: str, **values: Any) -> None:
        await self._connection.execute(
            insert(questions).values(conversation_id=conversation_id, **values)
        )

    async def questions_of(self, conversation_id: str) -> list[dict[str, Any]]:
        rows = await self._connection.execute(
            select(questions)
            .where(
                questions.c.conversation_id == conversation_id,
                reachable(conversations, conversation_id),
            )
            .order_by(questions.c.asked_at, questions.c.id)
        )
        return [dict(row._mapping) for row in rows]

    async def close_question(
        self, conversation_id: str, question_id: str, *, status: str, answer: str | None = None
    ) -> bool:
        """Whether it was open until now: of two answers one closes it."""
        done = await self._connection.execute(
            update(questions)
            .where(
                questions.c.conversation_id == conversation_id,
                questions.c.id == question_id,
                questions.c.status == "open",
                reachable(conversations, conversation_id),
            )
            .values(status=status, answer_message_id=answer, answered_at=func.now())
        )
        return bool(done.rowcount)

    async def expired(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """(conversation, question) whose deadline has passed and whose policy is not to wait on."""
        rows = await self._connection.execute(
            select(questions.c.conversation_id, questions.c.id)
            .where(
                questions.c.status == "open",
                questions.c.deadline_at <= now,
                questions.c.policy != "wait",
            )
            .order_by(questions.c.deadline_at)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in rows]

    async def add_events(
        self, conversation_id: str, frames: Sequence[StoredFrame], now: datetime
    ) -> None:
        if frames:
            await self._connection.execute(
                insert(conversation_events),
                [
                    {
                        "conversation_id": conversation_id,
                        "seq": frame.seq,
                        "event_type": frame.event_type,
                        "occurred_at": now,
                        "frame": frame.text,
                    }
                    for frame in frames
                ],
            )

    async def events(self, conversation_id: str, *, after: int, limit: int) -> list[StoredFrame]:
        rows = await self._connection.execute(
            select(
                conversation_events.c.seq,
                conversation_events.c.event_type,
                conversation_events.c.frame,
            )
            .where(
                conversation_events.c.conversation_id == conversation_id,
                conversation_events.c.seq > after,
                reachable(conversations, conversation_id),
            )
            .order_by(conversation_events.c.seq)
            .limit(limit)
        )
        return [stored(conversation_id, seq, kind, frame) for seq, kind, frame in rows]

    async def find(
        self,
        query: str,
        *,
        is_phrase: bool,
        filters: Mapping[str, Any],
        limit: int,
        offset: int,
    ) -> list[tuple[str, float]]:
        """(message, score) of the best hits among the acting tenant's newest `MAX_RANKED`, the best first.

        It runs on the gateway's own connection: on a tenant's, row-level security would come before the text index,
        because a search operator may leak what it looks at. What is found is read by `shown`, behind that wall.
        """
        parse = _PARSER[is_phrase]
        wanted, values = _filters(filters)
        join = "JOIN conversations c ON c.id = m.conversation_id" if "status" in values else ""
        statement = f"""
            WITH asked AS MATERIALIZED (SELECT {parse}('english', :q) AS q),
            hits AS MATERIALIZED (
                SELECT m.id, m.search, m.created_at FROM conversation_messages m {join}
                WHERE m.search @@ {parse}('english', :q) AND m.tenant = :tenant {wanted}
                ORDER BY m.created_at DESC LIMIT {MAX_RANKED}
            )
            SELECT hits.id, ts_rank(hits.search, asked.q) AS score
            FROM hits, asked ORDER BY score DESC, hits.created_at DESC, hits.id LIMIT :n OFFSET :o
        """  # noqa: S608 - the parts put in are our own constants; values are bound
        # The plan depends on how common the words are: without them the planner takes the slow way for common ones.
        await self._connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        given = {"q": query, "n": limit, "o": offset, "tenant": acting_tenant()}
        rows = await self._connection.execute(text(statement), given | values)
        return [(row.id, row.score) for row in rows]

    async def shown(
        self, query: str, found: Sequence[tuple[str, float]], *, is_phrase: bool
    ) -> list[dict[str, Any]]:
        """The messages found, in their order, with the words marked by `**`."""
        if not found:
            return []
        statement = f"""
            SELECT m.id, m.conversation_id, m.sender_type, m.sender_id, m.agent_name, m.message_type, m.phase,
                   m.content, m.created_at, c.goal_description, c.status AS conversation_status,
                   ts_headline('english', m.content, {_PARSER[is_phrase]}('english', :q),
                       'StartSel=**, StopSel=**, MaxWords=30, MinWords=10') AS snippet
            FROM conversation_messages m JOIN conversations c ON c.id = m.conversation_id
            WHERE m.id = ANY(:ids) AND m.tenant = :tenant
        """  # noqa: S608 - the part put in is our own constant; values are bound
        scores = dict(found)
        rows = await self._connection.execute(
            text(statement), {"q": query, "ids": list(scores), "tenant": acting_tenant()}
        )
        by_id = {row.id: dict(row._mapping) | {"score": scores[row.id]} for row in rows}
        return [by_id[message_id] for message_id in scores if message_id in by_id]


def _filters(filters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """SQL for the filters that are set, and their values."""
    sql = {
        "agent": "AND m.sender_id = :agent",
        "status": "AND c.status = :status",
        "conversation_id": "AND m.conversation_id = :conversation_id",
        "message_type": "AND m.message_type = :message_type",
        "since": "AND m.created_at >= :since",
        "until": "AND m.created_at < :until",
    }
    chosen = {name: value for name, value in filters.items() if value is not None}
    return " ".join(sql[name] for name in sql if name in chosen), chosen


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "search"}
