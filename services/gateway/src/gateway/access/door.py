"""The door: who asks, whether he may, and how often. Plain ASGI, before anything reads a body or a record.

What is behind it acts for the caller's tenant. Streams end when their key is revoked: websockets with 4001.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import TransientError
from gateway.access.keyring import KeyRing
from gateway.access.keys import SCOPES, Caller
from gateway.access.policy import is_public, is_stream, kind_of, scope_needed
from gateway.access.rates import Rates
from gateway.errors import (
    ApiError,
    Forbidden,
    TooManyRequests,
    TooManyStreams,
    Unauthenticated,
    Unavailable,
)
from gateway.problems import problem
from gateway.settings import GatewaySettings
from gateway.tenancy import PUBLIC, acting_for

NOT_AUTHENTICATED = 4001
FORBIDDEN = 4003
TOO_MANY = 4029
TRY_LATER = 1013

_ANYBODY = Caller(PUBLIC, None, frozenset(SCOPES))
_END_OF_STREAM = b"event: revoked\ndata: {}\n\n"


class Door:
    def __init__(self, app: ASGIApp, settings: GatewaySettings, ring: KeyRing) -> None:
        self._app = app
        self._settings = settings
        self._ring = ring
        self._rates = Rates(settings)
        self._streams: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_public(scope):
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._admit(scope)
        except ApiError as error:
            await _refuse(error, scope, receive, send)
        except TransientError as error:
            await _refuse(Unavailable(str(error)), scope, receive, send)
        else:
            scope.setdefault("state", {})["caller"] = caller
            with acting_for(caller.tenant):
                await self._serve(caller, scope, receive, send)

    async def _admit(self, scope: Scope) -> Caller:
        """Raises ApiError, TransientError."""
        headers = Headers(scope=scope)
        if self._settings.is_open:
            check_local(scope, headers, self._settings)
            return _ANYBODY
        address = scope["client"][0] if scope.get("client") else "unknown"
        self._rates.arrive(address)
        try:
            caller = await self._identify(scope, headers)
        except Unauthenticated:
            self._rates.failed(address)
            raise
        if caller.key_id:
            self._rates.use(caller.key_id, kind_of(scope))
        needed = scope_needed(scope)
        if needed not in caller.scopes:
            raise Forbidden(
                f"This key may not do that: it needs the scope {needed!r}.",
                suggestion=f"It has: {', '.join(sorted(caller.scopes)) or 'none'}.",
            )
        return caller

    async def _identify(self, scope: Scope, headers: Headers) -> Caller:
        kind, _, key = headers.get("authorization", "").partition(" ")
        if key and kind.lower() == "bearer":
            return await self._ring.by_key(key.strip())
        ticket = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
        if ticket and is_stream(scope):
            return await self._ring.by_ticket(ticket, headers.get("origin"))
        raise Unauthenticated("This needs an API key.")

    async def _serve(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        if caller.key_id is None or not is_stream(scope):
            await self._app(scope, receive, send)
            return
        if self._streams[caller.tenant] >= self._settings.max_streams_per_tenant:
            await _refuse(TooManyStreams("Too many streams are open."), scope, receive, send)
            return
        self._streams[caller.tenant] += 1
        try:
            await self._while_good(caller.key_id, scope, receive, send)
        finally:
            self._streams[caller.tenant] -= 1

    async def _while_good(self, key_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        stream = _Stream(send)
        with self._ring.watch(key_id) as void:
            work = asyncio.ensure_future(self._app(scope, receive, stream))
            gone = asyncio.ensure_future(void.wait())
            try:
                await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    await work
                    return
            finally:
                for task in (work, gone):
                    task.cancel()
                await asyncio.gather(work, gone, return_exceptions=True)
        await stream.end()


class _Stream:
    """What goes out to one client, and how it is ended from outside."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last: Message | None = None

    async def __call__(self, message: Message) -> None:
        self._last = message
        await self._send(message)

    async def end(self) -> None:
        last = self._last["type"] if self._last else ""
        with contextlib.suppress(RuntimeError, OSError):
            if last.startswith("websocket."):
                reason = "the key is revoked or expired"
                await self._send(
                    {"type": "websocket.close", "code": NOT_AUTHENTICATED, "reason": reason}
                )
            elif last:
                await self._send({"type": "http.response.body", "body": _END_OF_STREAM})


def check_local(scope: Mapping[str, Any], headers: Headers, settings: GatewaySettings) -> None:
    """In an open installation: no page of the web may use a browser on this machine to get in.

    A foreign name that resolves to loopback shows in `Host`, a foreign page that posts in `Origin`.

    Raises:
        Forbidden: either is foreign.
    """
    host = headers.get("host", "")
    if not is_known(host, settings.known_hosts):
        raise Forbidden(
            f"This installation is open to this machine only, not to {host[:100]!r}.",
            suggestion="Call it by localhost, name the host in GATEWAY_ALLOWED_HOSTS, or use keys.",
        )
    if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH", "DELETE"}:
        return
    origin = headers.get("origin")
    if (
        origin is not None
        and origin not in settings.cors_origins
        and urlsplit(origin).netloc != host
    ):
        raise Forbidden(
            "A page of another origin may not call this.",
            suggestion="Name its origin in GATEWAY_CORS_ORIGINS.",
        )


def is_known(host: str, known: Collection[str]) -> bool:
    """A numeric address is no name that anybody could have pointed here."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in known or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await problem(error, scope["path"])(scope, receive, send)
        return
    # Accepted first: a browser is told nothing of a handshake that fails, but it does get a close code.
    await receive()
    await send({"type": "websocket.accept"})
    code = _CLOSE_CODES.get(type(error), TRY_LATER)
    await send({"type": "websocket.close", "code": code, "reason": error.detail[:120]})


_CLOSE_CODES: dict[type[ApiError], int] = {
    Unauthenticated: NOT_AUTHENTICATED,
    Forbidden: FORBIDDEN,
    TooManyRequests: TOO_MANY,
    TooManyStreams: TRY_LATER,
}
