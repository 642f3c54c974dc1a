"""Scenario texts as people sent them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.models import scenarios
from gateway.tenancy import acting_tenant, owned


@dataclass(frozen=True, slots=True)
class Scenario:
    id: str
    created_at: datetime
    scenario_text: str
    scenario_type: str | None
    name: str | None
    description: str | None


_COLUMNS = (
    scenarios.c.id,
    scenarios.c.created_at,
    scenarios.c.scenario_text,
    scenarios.c.scenario_type,
    scenarios.c.name,
    scenarios.c.description,
)


class ScenarioRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self,
        scenario_id: str,
        *,
        text: str,
        scenario_type: str | None,
        name: str | None,
        description: str | None,
    ) -> None:
        await self._connection.execute(
            insert(scenarios).values(
                id=scenario_id,
                tenant=acting_tenant(),
                scenario_text=text,
                scenario_type=scenario_type,
                name=name,
                description=description,
            )
        )

    async def get(self, scenario_id: str) -> Scenario | None:
        row = (
            await self._connection.execute(select(*_COLUMNS).where(self._own(scenario_id)))
        ).first()
        return Scenario(*row) if row else None

    async def newest(self, *, q: str | None, limit: int, offset: int) -> tuple[list[Scenario], int]:
        """A page, newest first, and how many there are in all. `q` is looked for in text, type and name."""
        condition = owned(scenarios.c.tenant)
        if q:
            fields = (scenarios.c.scenario_text, scenarios.c.scenario_type, scenarios.c.name)
            condition &= or_(*(field.icontains(q, autoescape=True) for field in fields))
        rows = await self._connection.execute(
            select(*_COLUMNS)
            .where(condition)
            .order_by(scenarios.c.created_at.desc(), scenarios.c.id)
            .limit(limit)
            .offset(offset)
        )
        total = await self._connection.scalar(
            select(func.count()).select_from(scenarios).where(condition)
        )
        return [Scenario(*row) for row in rows], total or 0

    async def delete(self, scenario_id: str) -> bool:
        """Remove it with its simulations; whether there was one."""
        result = await self._connection.execute(
            delete(scenarios).where(self._own(scenario_id)).returning(scenarios.c.id)
        )
        return result.first() is not None

    def _own(self, scenario_id: str) -> ColumnElement[bool]:
        return (scenarios.c.id == scenario_id) & (owned(scenarios.c.tenant))
