"""Small facts that outlive a process."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.models import marks

BUS_STORE = "bus_store"


class MarkRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, name: str) -> str | None:
        return await self._connection.scalar(select(marks.c.value).where(marks.c.name == name))

    async def set(self, name: str, value: str) -> None:
        await self._connection.execute(
            insert(marks)
            .values(name=name, value=value)
            .on_conflict_do_update(index_elements=["name"], set_={"value": value})
        )
