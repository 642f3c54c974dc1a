"""Reading a conversation's stream: pages of stored events, and cursors that go on live."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.conversations.frames import KEY_PREFIX, hub_key
from gateway.cursor import Cursor
from gateway.database import Database
from gateway.errors import ConversationNotFound
from gateway.frames import StoredFrame
from gateway.hub import Hub
from gateway.repositories.conversations import Conversation, ConversationRepository
from gateway.repositories.transcripts import TranscriptRepository


class ConversationReader:
    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub

    def cursor(self, conversation_id: str, after: int) -> Cursor:
        return Cursor(self._hub, self._page_by_key, hub_key(conversation_id), after)

    async def _page_by_key(self, key: str, after: int, limit: int) -> Sequence[StoredFrame]:
        async with self._database.transaction() as connection:
            return await TranscriptRepository(connection).events(
                key.removeprefix(KEY_PREFIX), after=after, limit=limit
            )

    async def events_page(self, conversation_id: str, after: int, limit: int) -> bytes:
        """`{conversation_id, status, events, count, next_after, head}` as JSON.

        Raises:
            ConversationNotFound: there is none.
        """
        found = await self.find(conversation_id)
        if found is None:
            raise ConversationNotFound(conversation_id)
        frames = await self._page_by_key(hub_key(conversation_id), after, limit)
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

    async def notice_heads(self) -> None:
        """Tell the hub how far the watched conversations are, for frames that no message brought here."""
        watched = [
            k.removeprefix(KEY_PREFIX) for k in self._hub.watched if k.startswith(KEY_PREFIX)
        ]
        for conversation_id in watched:
            async with self._database.transaction() as connection:
                head = await TranscriptRepository(connection).head(conversation_id)
            self._hub.notice(hub_key(conversation_id), head)
