"""A pull loop over a durable consumer that other processes may share.

nats-py's own `fetch` asks twice and may wait for a full batch; this keeps one request standing, so a message
is here as soon as the server has it.
"""

import asyncio
import json

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

_STATUS_HEADER = "Status"
_NO_RESPONDERS = "503"
_CONFLICT = "409"
"""Consumer deleted, or a change of leader; 408 (request expired) is the ordinary end of a request."""


class PullLoop:
    """`batch` messages are asked for at a time; a request stands for `expires_s` seconds."""

    def __init__(
        self, client: Client, stream: str, durable: str, *, batch: int, expires_s: float = 5.0
    ) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._batch = batch
        self._expires_s = expires_s
        self._inbox = client.new_inbox()
        self._queue: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._owed = 0

    async def open(self) -> None:
        self._subscription = await self._client.subscribe(self._inbox, cb=self._queue.put)

    async def close(self) -> None:
        if not self._client.is_closed:
            await self._subscription.unsubscribe()

    def reset(self) -> None:
        """The connection is new: the standing request died with the old one."""
        self._owed = 0
        self._queue.put_nowait(None)

    async def next(self) -> list[Msg]:
        """Wait for messages; a list that may be empty when the request ran out.

        Raises:
            NotFoundError: the consumer or its stream is gone.
        """
        if self._owed <= 0:
            await self._ask()
        try:
            first = await asyncio.wait_for(self._queue.get(), self._expires_s + 1)
        except TimeoutError:
            # Neither message nor status: the request died with a connection.
            self._owed = 0
            return []
        found = [first]
        while not self._queue.empty():
            found.append(self._queue.get_nowait())
        return [message for message in found if message is not None and self._is_message(message)]

    async def _ask(self) -> None:
        request = {"batch": self._batch, "expires": int(self._expires_s * 1_000_000_000)}
        await self._client.publish(self._subject, json.dumps(request).encode(), self._inbox)
        self._owed = self._batch

    def _is_message(self, message: Msg) -> bool:
        status = (message.headers or {}).get(_STATUS_HEADER)
        if status is None or message.data:
            self._owed -= 1
            return True
        self._owed = 0
        description = (message.headers or {}).get("Description", "")
        if status == _NO_RESPONDERS or (status == _CONFLICT and "Deleted" in description):
            raise NotFoundError(code=int(status), description="the consumer is gone")
        return False
