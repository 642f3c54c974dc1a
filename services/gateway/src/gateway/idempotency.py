"""`Idempotency-Key` on every POST: the same key and request get the first answer again for a day. Plain ASGI.

Only successes are kept: a request that was refused did nothing, and may be corrected and sent again.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import TransientError
from gateway.database import Database
from gateway.errors import ApiError, InvalidRequest, KeyInProgress, KeyReused, Unavailable
from gateway.problems import problem
from gateway.repositories.idempotency import Answer, IdempotencyRepository, Stored

ABANDONED_AFTER_S = 60.0
MAX_KEY_CHARS = 255
_KEPT_HEADERS = ("content-type", "location")


class Keys(Protocol):
    """Where answers are kept by key."""

    async def claim(self, key: str, request_hash: str) -> Stored | None: ...
    async def keep(self, key: str, answer: Answer) -> None: ...
    async def release(self, key: str) -> None: ...


class StoredKeys:
    """In PostgreSQL, each call in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, key: str, request_hash: str) -> Stored | None:
        async with self._database.transaction() as connection:
            repository = IdempotencyRepository(connection)
            return await repository.claim(key, request_hash, abandoned_after_s=ABANDONED_AFTER_S)

    async def keep(self, key: str, answer: Answer) -> None:
        async with self._database.transaction() as connection:
            await IdempotencyRepository(connection).keep(key, answer)

    async def release(self, key: str) -> None:
        async with self._database.transaction() as connection:
            await IdempotencyRepository(connection).release(key)


class Idempotency:
    """Expects the whole body in one message: `BoundedBody` stands before it."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get("idempotency-key") if scope["type"] == "http" else None
        if key is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            await self._once(key, scope, receive, send)
        except ApiError as error:
            await problem(error, scope["path"])(scope, receive, send)
        except TransientError as error:
            unavailable = Unavailable(str(error))
            await problem(unavailable, scope["path"])(scope, receive, send)

    async def _once(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        if not 0 < len(key) <= MAX_KEY_CHARS:
            raise InvalidRequest(f"Idempotency-Key: 1 to {MAX_KEY_CHARS} characters")
        body = await receive()
        stored = await self._keys.claim(key, _request_hash(scope, body.get("body", b"")))
        if stored is not None:
            await _replayed(stored, _request_hash(scope, body.get("body", b"")))(
                scope, receive, send
            )
            return
        recorder = _Recorder(send)
        try:
            await self._app(scope, _again(body, receive), recorder)
        finally:
            # Also when the handler failed: a claim without an answer blocks the key for a minute.
            await self._settle(key, recorder)

    async def _settle(self, key: str, recorder: "_Recorder") -> None:
        answer = recorder.answer()
        if answer is not None and answer.status < 300:
            await self._keys.keep(key, answer)
        else:
            await self._keys.release(key)
        await recorder.flush()


@dataclass(slots=True)
class _Recorder:
    """Holds the answer back until it is kept, so that nobody sees an answer that could not be repeated."""

    send: Send
    held: list[Message] = field(default_factory=list)

    async def __call__(self, message: Message) -> None:
        self.held.append(message)

    async def flush(self) -> None:
        for message in self.held:
            await self.send(message)

    def answer(self) -> Answer | None:
        if not self.held or self.held[0]["type"] != "http.response.start":
            return None
        headers = MutableHeaders(raw=self.held[0]["headers"])
        return Answer(
            status=self.held[0]["status"],
            headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
            body=b"".join(message.get("body", b"") for message in self.held[1:]),
        )


def _replayed(stored: Stored, request_hash: str) -> Response:
    """Raises KeyReused, KeyInProgress."""
    if stored.request_hash != request_hash:
        raise KeyReused("This Idempotency-Key was used for another request.")
    if stored.answer is None:
        raise KeyInProgress("The first request with this Idempotency-Key is still at work.")
    headers = {**stored.answer.headers, "Idempotency-Replayed": "true"}
    return Response(stored.answer.body, stored.answer.status, headers=headers)


def _request_hash(scope: Scope, body: bytes) -> str:
    parts = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], body)
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _again(body: Message, receive: Receive) -> Receive:
    pending = [body]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again
