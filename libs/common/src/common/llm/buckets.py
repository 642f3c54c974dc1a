"""The stores of `common.llm.shared` on JetStream KV, over a worker's own connection to the bus."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from common.llm.shared import Degrading, Entry, SharedUnavailable, Stores
from common.streams import MODEL_ANSWERS, MODEL_LEDGER, MODEL_STATE, StreamSpec, bucket_of

ANSWER_WITHIN_S = 1.0
AWAY_S = 5.0
"""After a failure the bus is not asked again for this long: a call must not pay for it at every step."""


@dataclass(slots=True)
class Link:
    """What the buckets of one connection know together: that it is away until `away_until` (event loop time)."""

    open: Callable[[str], Awaitable[KeyValue]]
    away_until: float = 0.0


@dataclass(slots=True)
class BucketShared:
    """One bucket; opened at the first use, so that nothing waits for the bus at start."""

    link: Link
    name: str
    _bucket: KeyValue | None = field(default=None)

    async def get(self, key: str) -> Entry | None:
        async def act(bucket: KeyValue) -> Entry | None:
            try:
                found = await bucket.get(key)
            except KeyNotFoundError:
                return None
            return Entry(found.value or b"", found.revision or 0)

        return await self._do(act)

    async def put(self, key: str, value: bytes) -> None:
        await self._do(lambda bucket: bucket.put(key, value))

    async def swap(self, key: str, value: bytes, revision: int) -> bool:
        async def act(bucket: KeyValue) -> bool:
            try:
                await bucket.update(key, value, last=revision)
            except KeyWrongLastSequenceError:
                return False
            return True

        return await self._do(act)

    async def _do[T](self, act: Callable[[KeyValue], Awaitable[T]]) -> T:
        now = asyncio.get_running_loop().time
        if now() < self.link.away_until:
            raise SharedUnavailable("away")
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if self._bucket is None:
                    self._bucket = await self.link.open(self.name)
                return await act(self._bucket)
        except (NatsError, TimeoutError, OSError) as error:
            self.link.away_until = now() + AWAY_S
            raise SharedUnavailable(type(error).__name__) from error


def stores_on(bucket: Callable[[str], Awaitable[KeyValue]]) -> Stores:
    """Stores over a connection's way to open a bucket. Only the ledger has no stand-in: money is not guessed."""
    link = Link(bucket)

    def opened(stream: StreamSpec) -> BucketShared:
        return BucketShared(link, bucket_of(stream))

    return Stores(
        state=Degrading(opened(MODEL_STATE)),
        answers=Degrading(opened(MODEL_ANSWERS)),
        ledger=opened(MODEL_LEDGER),
    )
