"""Answers by idempotency key: the first request with a key does the work, later ones get its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.models import idempotency
from gateway.tenancy import acting_tenant


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """`answer` is null while the first request is still at work."""

    request_hash: str
    answer: Answer | None


class IdempotencyRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self, key: str, request_hash: str, *, abandoned_after_s: float
    ) -> Stored | None:
        """None: the key is ours. Else what is stored under it.

        A claim that was never answered is free again after `abandoned_after_s`: its process died.
        """
        taken = await self._connection.execute(
            insert(idempotency)
            .values(tenant=acting_tenant(), key=key, request_hash=request_hash)
            .on_conflict_do_update(
                index_elements=["tenant", "key"],
                set_={"created_at": func.now()},
                where=(
                    idempotency.c.status.is_(None)
                    & (idempotency.c.request_hash == request_hash)
                    & (idempotency.c.created_at < _ago(abandoned_after_s))
                ),
            )
            .returning(idempotency.c.key)
        )
        if taken.first() is not None:
            return None
        row = (
            await self._connection.execute(
                select(
                    idempotency.c.request_hash,
                    idempotency.c.status,
                    idempotency.c.headers,
                    idempotency.c.response,
                ).where(self._own(key))
            )
        ).first()
        if row is None:
            return None
        if row.status is None:
            return Stored(row.request_hash, None)
        return Stored(row.request_hash, Answer(row.status, row.headers, row.response))

    async def keep(self, key: str, answer: Answer) -> None:
        await self._connection.execute(
            update(idempotency)
            .where(self._own(key))
            .values(status=answer.status, headers=dict(answer.headers), response=answer.body)
        )

    async def release(self, key: str) -> None:
        """Forget a claim whose request was not done, so that it can be tried again."""
        await self._connection.execute(
            delete(idempotency).where(self._own(key) & idempotency.c.status.is_(None))
        )

    async def purge(self, hold_s: float) -> None:
        await self._connection.execute(
            delete(idempotency).where(idempotency.c.created_at < _ago(hold_s))
        )

    def _own(self, key: str) -> ColumnElement[bool]:
        return (idempotency.c.tenant == acting_tenant()) & (idempotency.c.key == key)


def _ago(seconds: float) -> ColumnElement[Any]:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
