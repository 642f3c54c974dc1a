"""Promise an event to the bus: an outbox row in the caller's transaction."""

from sqlalchemy.ext.asyncio import AsyncConnection

from common import telemetry
from common.codec import encode
from common.contracts.conversations import ConversationEvent
from common.contracts.events import Event
from gateway.repositories.outbox import OutboxRepository


async def post(
    connection: AsyncConnection, event: Event | ConversationEvent, *, notify: bool = False
) -> None:
    """The trace of this moment travels with the row; `notify` wakes relays in other processes."""
    payload, headers = encode(event)
    telemetry.inject(headers)
    repository = OutboxRepository(connection)
    await repository.add(
        simulation_id=None if isinstance(event, ConversationEvent) else event.simulation_id,
        subject=event.address,
        payload=payload,
        headers=headers,
        message_id=event.message_id,
    )
    if notify:
        await repository.notify()
