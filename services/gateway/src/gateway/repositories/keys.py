"""API keys and tickets. What is valid is said by the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.models import api_keys, tickets


@dataclass(frozen=True, slots=True)
class StoredKey:
    id: str
    tenant: str
    secret_hash: bytes
    scopes: Sequence[str]


_VALID = and_(
    api_keys.c.revoked_at.is_(None),
    or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now()),
)
_KEY = (api_keys.c.id, api_keys.c.tenant, api_keys.c.secret_hash, api_keys.c.scopes)


class KeyRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self,
        key_id: str,
        *,
        tenant: str,
        name: str,
        secret_hash: bytes,
        scopes: Sequence[str],
        days: float | None,
    ) -> None:
        """`days` from now it expires; null: never."""
        expires = (
            None
            if days is None
            else func.now() + func.make_interval(0, 0, 0, 0, 0, 0, days * 86_400)
        )
        await self._connection.execute(
            insert(api_keys).values(
                id=key_id,
                tenant=tenant,
                name=name,
                secret_hash=secret_hash,
                scopes=list(scopes),
                expires_at=expires,
            )
        )

    async def valid(self, key_id: str) -> StoredKey | None:
        """The key, unless it is revoked or expired."""
        row = (
            await self._connection.execute(select(*_KEY).where(api_keys.c.id == key_id, _VALID))
        ).first()
        return StoredKey(*row) if row else None

    async def still_valid(self, key_ids: Sequence[str]) -> set[str]:
        rows = await self._connection.scalars(
            select(api_keys.c.id).where(api_keys.c.id.in_(key_ids), _VALID)
        )
        return set(rows)

    async def all(self) -> list[dict[str, Any]]:
        """Newest first, without hashes; `is_valid` as of now."""
        rows = await self._connection.execute(
            select(
                api_keys.c.id,
                api_keys.c.tenant,
                api_keys.c.name,
                api_keys.c.scopes,
                api_keys.c.created_at,
                api_keys.c.expires_at,
                api_keys.c.revoked_at,
                _VALID.label("is_valid"),
            ).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        )
        return [{str(name): value for name, value in row._mapping.items()} for row in rows]

    async def revoke(self, key_id: str) -> datetime | None:
        """When it was revoked, now or earlier; None when there is no such key."""
        revoked = func.coalesce(api_keys.c.revoked_at, func.now())
        moment: datetime | None = await self._connection.scalar(
            update(api_keys)
            .where(api_keys.c.id == key_id)
            .values(revoked_at=revoked)
            .returning(api_keys.c.revoked_at)
        )
        return moment

    async def add_ticket(
        self, ticket_hash: bytes, *, key_id: str, origin: str | None, seconds: float
    ) -> None:
        """Also forgets the ones nobody used in time."""
        await self._connection.execute(delete(tickets).where(tickets.c.expires_at < func.now()))
        await self._connection.execute(
            insert(tickets).values(
                hash=ticket_hash,
                key_id=key_id,
                origin=origin,
                expires_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
            )
        )

    async def take_ticket(self, ticket_hash: bytes, origin: str | None) -> StoredKey | None:
        """The key of a ticket, which is gone with it; None unless it is in time, from its origin, and its key valid."""
        row = (
            await self._connection.execute(
                delete(tickets)
                .where(
                    tickets.c.hash == ticket_hash,
                    tickets.c.expires_at > func.now(),
                    tickets.c.key_id == api_keys.c.id,
                    or_(tickets.c.origin.is_(None), tickets.c.origin == origin),
                    _VALID,
                )
                .returning(*_KEY)
            )
        ).first()
        return StoredKey(*row) if row else None
