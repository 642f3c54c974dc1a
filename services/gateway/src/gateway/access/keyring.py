"""Who a key or a ticket stands for; and a watch over the keys whose streams are open."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from common.errors import TransientError
from gateway.access.keys import Caller, Scope, hashed, make_ticket, matches, parse_key
from gateway.database import Database
from gateway.errors import Unauthenticated
from gateway.repositories.keys import KeyRepository, StoredKey

FRESH_S = 2.0
"""For so long a key that was good is taken as good: with `CHECK_S` a revoked one is out within 5 s everywhere."""
CHECK_S = 2.0
TICKET_S = 30.0


@dataclass(frozen=True, slots=True)
class _Known:
    key: StoredKey
    until_s: float


class KeyRing:
    """Only good keys are remembered, so what strangers send takes no memory. Times are monotonic seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._watched: dict[str, set[asyncio.Event]] = {}

    async def by_key(self, text: str) -> Caller:
        """Raises Unauthenticated, TransientError."""
        parsed = parse_key(text)
        if parsed is None:
            raise Unauthenticated("The API key has not the shape sk_<id>_<secret>.")
        key_id, secret = parsed
        known = self._known.get(key_id)
        is_fresh = known is not None and known.until_s > self._clock()
        key = known.key if known and is_fresh else await self._stored(key_id)
        if not matches(secret, key.secret_hash if key else None) or key is None:
            raise Unauthenticated("The API key is unknown, expired or revoked.")
        if not is_fresh:
            self._known[key_id] = _Known(key, self._clock() + FRESH_S)
        return _caller(key)

    async def by_ticket(self, text: str, origin: str | None) -> Caller:
        """A ticket opens one stream, once. Raises Unauthenticated, TransientError."""
        async with self._database.transaction() as connection:
            key = await KeyRepository(connection).take_ticket(hashed(text), origin)
        if key is None:
            raise Unauthenticated("The ticket is unknown, used, too old, or of another page.")
        return Caller(key.tenant, key.id, frozenset({"stream"}))

    async def ticket(self, key_id: str, origin: str | None) -> str:
        """A new ticket for whoever holds the key `key_id`. Raises TransientError."""
        ticket = make_ticket()
        async with self._database.transaction() as connection:
            await KeyRepository(connection).add_ticket(
                hashed(ticket), key_id=key_id, origin=origin, seconds=TICKET_S
            )
        return ticket

    @contextmanager
    def watch(self, key_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the key stops being good."""
        void = asyncio.Event()
        self._watched.setdefault(key_id, set()).add(void)
        try:
            yield void
        finally:
            self._watched[key_id].discard(void)
            if not self._watched[key_id]:
                del self._watched[key_id]

    async def run(self) -> None:
        """Endless. While the database is away nobody is sent off: nothing is known to have changed."""
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                await self.look()
            except TransientError:
                continue

    async def look(self) -> None:
        """Set the events of watched keys that are no longer good. Raises TransientError."""
        now_s = self._clock()
        self._known = {k: known for k, known in self._known.items() if known.until_s > now_s}
        if not self._watched:
            return
        async with self._database.statements() as connection:
            good = await KeyRepository(connection).still_valid(list(self._watched))
        for key_id in self._watched.keys() - good:
            self._known.pop(key_id, None)
            for void in self._watched[key_id]:
                void.set()

    async def _stored(self, key_id: str) -> StoredKey | None:
        async with self._database.statements() as connection:
            return await KeyRepository(connection).valid(key_id)


def _caller(key: StoredKey) -> Caller:
    return Caller(key.tenant, key.id, frozenset(cast("Scope", scope) for scope in key.scopes))
