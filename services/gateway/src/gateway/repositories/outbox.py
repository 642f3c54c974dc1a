"""Messages that are promised to the bus: written with the state they tell of, removed once it has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, exists, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.models import outbox

OUTBOX_CHANNEL = "gateway_outbox"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    subject: str
    payload: bytes
    headers: Mapping[str, str]
    message_id: str


class OutboxRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self,
        *,
        simulation_id: str | None,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str],
        message_id: str,
    ) -> None:
        await self._connection.execute(
            _ADD,
            {
                "simulation_id": simulation_id,
                "subject": subject,
                "payload": payload,
                "headers": dict(headers),
                "message_id": message_id,
            },
        )

    async def notify(self) -> None:
        """Wake relays of other processes when this transaction commits."""
        await self._connection.execute(text(f"NOTIFY {OUTBOX_CHANNEL}"))

    async def claim(self, limit: int) -> Sequence[OutboxRow]:
        """The oldest rows no other relay holds, locked until this transaction ends."""
        rows = await self._connection.execute(_CLAIM, {"most": limit})
        return [OutboxRow(*row) for row in rows]

    async def remove(self, ids: Sequence[int]) -> None:
        await self._connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))

    async def backlog(self, limit: int) -> int:
        """How many rows wait, counted no further than `limit`."""
        few = select(outbox.c.id).limit(limit).subquery()
        return await self._connection.scalar(select(func.count()).select_from(few)) or 0

    async def oldest_age_s(self) -> float:
        """Seconds the oldest row has waited; 0 when there is none."""
        age = select(func.extract("epoch", func.now() - func.min(outbox.c.created_at)))
        return float(await self._connection.scalar(age) or 0.0)

    async def has_for(self, simulation_id: str) -> bool:
        row = select(exists().where(outbox.c.simulation_id == simulation_id))
        return bool(await self._connection.scalar(row))


# Made once: building and hashing a statement costs more than running it.
_ADD = insert(outbox)
_CLAIM = (
    select(outbox.c.id, outbox.c.subject, outbox.c.payload, outbox.c.headers, outbox.c.message_id)
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
