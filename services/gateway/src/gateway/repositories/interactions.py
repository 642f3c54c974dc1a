"""The log of chat exchanges: one row each, whether it went well or not."""

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation_models import interaction_logs
from gateway.tenancy import acting_tenant, owned


class InteractionRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, **values: Any) -> None:
        await self._connection.execute(
            insert(interaction_logs).values(tenant=acting_tenant(), **values)
        )

    async def session(self, session_id: str, limit: int) -> list[dict[str, Any]]:
        """The last `limit` exchanges of a session, oldest first."""
        rows = await self._connection.execute(
            select(interaction_logs)
            .where(interaction_logs.c.session_id == session_id, owned(interaction_logs.c.tenant))
            .order_by(interaction_logs.c.started_at.desc())
            .limit(limit)
        )
        return [dict(row._mapping) for row in rows][::-1]

    async def newest(self, limit: int, offset: int) -> list[dict[str, Any]]:
        rows = await self._connection.execute(
            select(interaction_logs)
            .where(owned(interaction_logs.c.tenant))
            .order_by(interaction_logs.c.started_at.desc(), interaction_logs.c.id)
            .limit(limit)
            .offset(offset)
        )
        return [dict(row._mapping) for row in rows]
