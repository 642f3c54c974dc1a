"""Versions of the personas. No row, or a row without a persona, means the default."""

from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation_models import persona_versions
from gateway.tenancy import acting_tenant, owned


class AgentRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def current(self) -> dict[str, tuple[int, dict[str, Any] | None]]:
        """Agent → its highest version, and the persona of it."""
        rows = await self._connection.execute(
            select(
                persona_versions.c.agent_id, persona_versions.c.version, persona_versions.c.persona
            )
            .ext(distinct_on(persona_versions.c.agent_id))
            .where(owned(persona_versions.c.tenant))
            .order_by(persona_versions.c.agent_id, persona_versions.c.version.desc())
        )
        return {agent_id: (version, persona) for agent_id, version, persona in rows}

    async def versions(self, agent_id: str) -> list[dict[str, Any]]:
        rows = await self._connection.execute(
            select(persona_versions)
            .where(persona_versions.c.agent_id == agent_id, owned(persona_versions.c.tenant))
            .order_by(persona_versions.c.version)
        )
        return [dict(row._mapping) for row in rows]

    async def add(self, agent_id: str, persona: dict[str, Any] | None) -> int:
        """The next version; the default counts as version 1. Raises IntegrityError when two come at once."""
        last = await self._connection.scalar(
            select(func.max(persona_versions.c.version)).where(
                persona_versions.c.agent_id == agent_id, owned(persona_versions.c.tenant)
            )
        )
        version = (last or 1) + 1
        await self._connection.execute(
            insert(persona_versions).values(
                tenant=acting_tenant(), agent_id=agent_id, version=version, persona=persona
            )
        )
        return version
