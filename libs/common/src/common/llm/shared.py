"""State that workers share: small documents changed by compare-and-swap, on JetStream KV or in memory."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel

_TRIES = 40


class SharedUnavailable(Exception):
    """The store did not answer. It stays inside the layer; each user says what it does without the store."""


@dataclass(frozen=True, slots=True)
class Entry:
    value: bytes
    revision: int


class Shared(Protocol):
    """Keys are `[a-zA-Z0-9._=/-]`. Every method may raise `SharedUnavailable`."""

    async def get(self, key: str) -> Entry | None: ...

    async def put(self, key: str, value: bytes) -> None: ...

    async def swap(self, key: str, value: bytes, revision: int) -> bool:
        """Write if the key is still at `revision` (0: if there is none); False if another was faster."""
        ...


@dataclass(slots=True)
class MemoryShared:
    """For one process: tests, the command line, and a worker whose bus is away."""

    entries: dict[str, Entry] = field(default_factory=dict)

    async def get(self, key: str) -> Entry | None:
        return self.entries.get(key)

    async def put(self, key: str, value: bytes) -> None:
        now = self.entries.get(key)
        self.entries[key] = Entry(value, (now.revision if now else 0) + 1)

    async def swap(self, key: str, value: bytes, revision: int) -> bool:
        now = self.entries.get(key)
        if (now.revision if now else 0) != revision:
            return False
        self.entries[key] = Entry(value, revision + 1)
        return True


@dataclass(slots=True)
class Degrading:
    """The bus's store, or this process's own memory while that is away."""

    remote: Shared
    local: MemoryShared = field(default_factory=MemoryShared)

    async def get(self, key: str) -> Entry | None:
        try:
            return await self.remote.get(key)
        except SharedUnavailable:
            return await self.local.get(key)

    async def put(self, key: str, value: bytes) -> None:
        try:
            await self.remote.put(key, value)
        except SharedUnavailable:
            await self.local.put(key, value)

    async def swap(self, key: str, value: bytes, revision: int) -> bool:
        try:
            return await self.remote.swap(key, value, revision)
        except SharedUnavailable:
            # The revision is of the other store: what is local now is what counts.
            now = await self.local.get(key)
            return await self.local.swap(key, value, now.revision if now else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """One store per kind of state: they differ in how long they keep it and in what their loss means."""

    state: Shared
    """Circuits and limits: short-lived."""
    answers: Shared
    """Finished answers."""
    ledger: Shared
    """Money and usage; without it paid calls are refused."""


def in_memory() -> Stores:
    return Stores(state=MemoryShared(), answers=MemoryShared(), ledger=MemoryShared())


async def change[D: BaseModel, R](
    shared: Shared,
    key: str,
    shape: type[D],
    act: Callable[[D], tuple[D, R]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> R:
    """Read a document (a fresh one if there is none or it is unreadable), let `act` decide, write it if it changed.

    Raises:
        SharedUnavailable: the store is away, or others were faster all the time.
    """
    for turn in range(_TRIES):
        entry = await shared.get(key)
        before = _read(shape, entry)
        after, result = act(before)
        if after == before:
            return result
        body = after.model_dump_json(exclude_defaults=True).encode()
        if await shared.swap(key, body, entry.revision if entry else 0):
            return result
        await sleep(random.random() * 0.005 * (turn + 1))  # noqa: S311 - jitter against a convoy, no secret
    raise SharedUnavailable(key)


async def read[D: BaseModel](shared: Shared, key: str, shape: type[D]) -> D:
    """The document at `key`, or a fresh one."""
    return _read(shape, await shared.get(key))


def _read[D: BaseModel](shape: type[D], entry: Entry | None) -> D:
    try:
        return shape.model_validate_json(entry.value) if entry else shape()
    except ValueError:
        return shape()
