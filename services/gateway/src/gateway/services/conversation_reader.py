"""Reading a conversation's stream: pages of stored events, and cursors that go on live."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.conversations.fanout import LIVE_KIND
from gateway.cursor import Cursor
from gateway.database import Database
from gateway.errors import ConversationNotFound
from gateway.frames import StoredFrame
from gateway.hub import Channel, Hub
from gateway.repositories.conversations import Conversation, ConversationRepository
from gateway.repositories.transcripts import TranscriptRepository
from gateway.tenancy import acting_tenant


class ConversationReader:
    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub

    def cursor(self, conversation_id: str, after: int) -> Cursor:
        channel = Channel(acting_tenant(), LIVE_KIND, conversation_id)
        return Cursor(self._hub, self._page, channel, after)

    async def _page(self, channel: Channel, after: int, limit: int) -> Sequence[StoredFrame]:
        return await self.page(channel.id, after, limit)

    async def page(self, conversation_id: str, after: int, limit: int) -> Sequence[StoredFrame]:
        async with self._database.transaction() as connection:
            return await TranscriptRepository(connection).events(
                conversation_id, after=after, limit=limit
            )

    async def events_page(self, conversation_id: str, after: int, limit: int) -> bytes:
        """`{conversation_id, status, events, count, next_after, head}` as JSON.

        Raises:
            ConversationNotFound: there is none.
        """
        found = await self.find(conversation_id)
        if found is None:
            raise ConversationNotFound(conversation_id)
        frames = await self.page(conversation_id, after, limit)
        body: dict[str, Any] = {
            "conversation_id": conversation_id,
            "status": found.status,
            "events": [orjson.Fragment(frame.text) for frame in frames],
            "count": len(frames),
            "next_after": frames[-1].seq if frames else after,
            "head": found.next_seq - 1,
        }
        return orjson.dumps(body)

    async def find(self, conversation_id: str) -> Conversation | None:
        async with self._database.transaction() as connection:
            return await ConversationRepository(connection).get(conversation_id)

    async def is_over(self, conversation_id: str, seq: int) -> bool:
        """Whether nothing follows `seq`."""
        found = await self.find(conversation_id)
        return found is None or (found.is_over and seq >= found.next_seq - 1)
