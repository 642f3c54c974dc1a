"""What every request passes: bounded bodies and security headers. Plain ASGI."""

import asyncio

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import ApiError, BodyTooLarge, MalformedBody
from gateway.problems import problem

BODY_TIMEOUT_S = 10.0
DRAIN_BYTES = 8 * 1024 * 1024
"""What is read and thrown away of a body that is too large, so that the client gets to read the answer."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-site",
}
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data: https://fastapi.tiangolo.com;"
    " script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline'"
    " https://cdn.jsdelivr.net; frame-ancestors 'none'"
)


class RequestTimedOut(ApiError):
    status, title, code = 408, "Request timeout", "request_timeout"


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                policy = _DOCS_POLICY if scope["path"].startswith("/docs") else _API_POLICY
                headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self._app(scope, receive, with_headers)


class BoundedBody:
    """Reads the body before the application does; one that is too large, too slow or no JSON never reaches it."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await self._read(receive)
            check_json(body, Headers(scope=scope).get("content-type", ""))
        except TimeoutError:
            await problem(RequestTimedOut("The body took too long."), scope["path"])(
                scope, receive, send
            )
        except (BodyTooLarge, MalformedBody) as error:
            await problem(error, scope["path"])(scope, receive, send)
        else:
            await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= self._max_bytes:
                chunks.append(chunk)
            if size > DRAIN_BYTES or not message.get("more_body"):
                break
        if size > self._max_bytes:
            raise BodyTooLarge(f"The body may have {self._max_bytes} bytes.")
        return b"".join(chunks)


def check_json(body: bytes, content_type: str) -> None:
    """Refuse what claims to be JSON and is not, in particular what only lenient parsers take.

    Python's own parser accepts lone surrogates, which neither UTF-8 nor PostgreSQL can carry on.

    Raises:
        MalformedBody: not one JSON value in UTF-8, or nested too deeply.
    """
    if not body or content_type.partition(";")[0].strip().lower() != "application/json":
        return
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise MalformedBody(f"The body is not valid JSON ({where}).") from error


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand out `body` once, then whatever the client says next (that it left)."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
