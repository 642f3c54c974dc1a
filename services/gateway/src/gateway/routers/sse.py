"""Server-sent events: the same frames as on the websocket, `id:` is the `seq` to resume from."""

import asyncio
from collections.abc import AsyncIterator

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Send

from common.contracts.stream import CATEGORY
from gateway.cursor import CaughtUp, Resync
from gateway.errors import InvalidRequest, SimulationNotFound, Unavailable
from gateway.frames import StoredFrame
from gateway.hub import HubClosed
from gateway.metrics import SOCKETS
from gateway.process import Gateway
from gateway.view import View, parse_categories

KNOWN_CATEGORIES = frozenset(CATEGORY.values())
RETRY_MS = 1_000

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class TimedStream(StreamingResponse):
    """A stream that gives up on a client which stops reading: a send may take `send_timeout_s` at most."""

    def __init__(self, content: AsyncIterator[bytes], send_timeout_s: float) -> None:
        super().__init__(content, media_type="text/event-stream", headers=_HEADERS)
        self._send_timeout_s = send_timeout_s

    async def stream_response(self, send: Send) -> None:
        async def timed(message: Message) -> None:
            async with asyncio.timeout(self._send_timeout_s):
                await send(message)

        try:
            await super().stream_response(timed)
        except TimeoutError as error:
            # Starlette takes OSError for a client that has gone, which is what this is.
            raise OSError("the client does not read") from error


async def event_stream(
    gateway: Gateway, simulation_id: str, after: int, *, speed: float | None, categories: str | None
) -> Response:
    """Raises SimulationNotFound, InvalidRequest, Unavailable."""
    if gateway.is_draining:
        raise Unavailable("This process is about to stop.")
    try:
        view = View(speed=speed, categories=parse_categories(categories, KNOWN_CATEGORIES))
    except ValueError as error:
        raise InvalidRequest(f"categories: {error}") from error
    if await gateway.reader.find(simulation_id) is None:
        raise SimulationNotFound(simulation_id)
    body = _events(gateway, simulation_id, after, view)
    return TimedStream(body, gateway.settings.socket_send_timeout_s)


async def _events(
    gateway: Gateway, simulation_id: str, after: int, view: View
) -> AsyncIterator[bytes]:
    cursor = gateway.reader.cursor(simulation_id, after)
    items = view.over(cursor)
    with SOCKETS.labels("sse").track_inprogress():
        yield f"retry: {RETRY_MS}\n\n".encode()
        async for item in with_pings(items, gateway.settings.sse_ping_s):
            if item is None:
                yield b": ping\n\n"
                continue
            yield as_event(item)
            may_be_last = isinstance(item, CaughtUp) or (
                isinstance(item, StoredFrame) and item.is_terminal
            )
            if may_be_last and await gateway.reader.is_over(simulation_id, cursor.seq):
                yield b"event: end\ndata: {}\n\n"
                return


type Item = StoredFrame | CaughtUp | Resync


async def with_pings(items: AsyncIterator[Item], every_s: float) -> AsyncIterator[Item | None]:
    """The items; None whenever none came for `every_s` seconds. Ends when the process is about to stop."""
    upcoming: asyncio.Future[Item] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({upcoming}, timeout=every_s)
            if not done:
                yield None
                continue
            item, upcoming = upcoming.result(), None
            yield item
    except (HubClosed, StopAsyncIteration):
        return
    finally:
        if upcoming is not None:
            upcoming.cancel()


def as_event(item: Item) -> bytes:
    match item:
        case StoredFrame() if item.is_fleeting:
            return f"data: {item.text}\n\n".encode()
        case StoredFrame():
            return f"id: {item.seq}\ndata: {item.text}\n\n".encode()
        case CaughtUp():
            return (
                b"event: caught_up\ndata: "
                + orjson.dumps({"type": "caught_up", "seq": item.seq})
                + b"\n\n"
            )
        case Resync():
            return (
                b"event: resync\ndata: "
                + orjson.dumps({"type": "resync", "after": item.after})
                + b"\n\n"
            )
