"""The websocket: a simulation's stream, resumable from any `seq`.

Close codes: 1013 too many sockets, 4004 no such simulation appeared in time, 4008 the client reads too slowly
(it can resume), 4012 the process is about to stop (its reason says after how many
milliseconds to resume), 4029 too many frames from the client, 4400 a parameter is not valid.
"""

import asyncio
import contextlib
import random
import re
import time
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from common.contracts.values import ID_PATTERN
from common.errors import TransientError
from gateway.cursor import CaughtUp, Cursor, Resync
from gateway.frames import StoredFrame
from gateway.hub import HubClosed
from gateway.metrics import CLOSED, SOCKETS
from gateway.process import Gateway
from gateway.routers.sse import KNOWN_CATEGORIES
from gateway.view import View, parse_categories

TOO_MANY_SOCKETS = 1013
NEVER_APPEARED = 4004
SLOW = 4008
RESTART = 4012
TOO_MANY_FRAMES = 4029
BAD_PARAMETER = 4400

FRAMES_PER_MIN = 120
MAX_FRAME_CHARS = 64 * 1024

router = APIRouter(tags=["live"])


class _Close(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def closing(code: int, reason: str) -> Exception:
    """What a session raises to be closed with this code."""
    return _Close(code, reason)


@router.websocket("/ws/{simulation_id}")
async def follow_simulation(websocket: WebSocket, simulation_id: str) -> None:
    gateway: Gateway = websocket.app.state.gateway
    if not is_welcome(websocket, gateway.settings.cors_origins):
        await websocket.close(1008)
        return
    await websocket.accept()
    with SOCKETS.labels("ws").track_inprogress():
        session = SocketSession(websocket, gateway, simulation_id)
        await session.run()


def is_welcome(websocket: WebSocket, origins: tuple[str, ...]) -> bool:
    """A browser says where its page is from: only our own host and the listed origins may connect."""
    origin = websocket.headers.get("origin")
    if origin is None or origin in origins:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host")


class SocketSession:
    """One socket: one task sends, one reads; when either ends, so does the other."""

    def __init__(self, websocket: WebSocket, gateway: Gateway, simulation_id: str) -> None:
        self._websocket = websocket
        self._gateway = gateway
        self._simulation_id = simulation_id
        self._sending = asyncio.Lock()
        self._allowance = Allowance(FRAMES_PER_MIN)
        self._view = View()
        self._cursor: Cursor | None = None

    async def run(self) -> None:
        try:
            self._cursor = self._configure()
            await self._until_first_ends(self._send_all(), self._read_all(), self._give_up())
        except _Close as close:
            await self._close(close.code, close.reason)
        except HubClosed:
            await self._close(RESTART, restart_reason(random.random()))  # noqa: S311 - jitter
        except TimeoutError:
            await self._close(SLOW, "you read too slowly; resume with after=<last seq>")
        except (WebSocketDisconnect, RuntimeError, OSError):
            return

    def _configure(self) -> Cursor:
        query = self._websocket.query_params
        try:
            if not re.fullmatch(ID_PATTERN, self._simulation_id):
                raise ValueError("simulation_id: 1 to 64 letters, digits, _ or -")
            self._view.categories = parse_categories(query.get("categories"), KNOWN_CATEGORIES)
            self._view.speed = positive(query.get("speed"))
            after = whole(query.get("after", "0"))
        except ValueError as error:
            raise _Close(BAD_PARAMETER, str(error)) from error
        if self._gateway.hub.readers >= self._gateway.settings.max_sockets:
            raise _Close(TOO_MANY_SOCKETS, "too many sockets; try again later")
        return self._gateway.reader.cursor(self._simulation_id, after)

    async def _until_first_ends(self, *work: Any) -> None:
        tasks = [asyncio.ensure_future(item) for item in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _send_all(self) -> None:
        assert self._cursor is not None
        async for item in self._view.over(self._cursor):
            match item:
                case StoredFrame():
                    await self._send(item.text)
                case CaughtUp():
                    await self._control(type="caught_up", seq=item.seq)
                case Resync():
                    await self._control(type="resync", after=item.after)

    async def _read_all(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._allowance.take(time.monotonic()):
                raise _Close(TOO_MANY_FRAMES, f"at most {FRAMES_PER_MIN} frames per minute")
            await self._answer(message.get("text") or "")

    async def _answer(self, text: str) -> None:
        frame = parse_client_frame(text)
        match frame.get("type"):
            case "ping":
                await self._control(type="pong", seq=self._seq, timestamp=self._now())
            case "get_status":
                await self._control(**await self._status())
            case "subscribe_to_updates":
                await self._subscribe(frame)
            case unknown:
                await self._control(
                    type="error",
                    error="unknown_frame",
                    message=f"unknown type {str(unknown)[:50]!r}; known: ping, get_status, subscribe_to_updates",
                )

    async def _subscribe(self, frame: dict[str, Any]) -> None:
        wanted = frame.get("categories")
        try:
            text = ",".join(map(str, wanted)) if isinstance(wanted, list) else wanted
            self._view.categories = parse_categories(text, KNOWN_CATEGORIES)
        except (ValueError, AttributeError) as error:
            await self._control(type="error", error="bad_categories", message=str(error))
            return
        shown = sorted(self._view.categories or KNOWN_CATEGORIES)
        await self._control(type="subscribed", categories=shown, seq=self._seq)

    async def _status(self) -> dict[str, Any]:
        try:
            found = await self._gateway.reader.find(self._simulation_id)
        except TransientError:
            return {"type": "status", "simulation_id": self._simulation_id, "status": "unavailable"}
        return {
            "type": "status",
            "simulation_id": self._simulation_id,
            "status": found.status if found else "unknown",
            "revision": found.revision if found else None,
            "seq": self._seq,
            "head": found.next_seq - 1 if found else 0,
        }

    async def _give_up(self) -> None:
        """End the wait for a simulation that never comes."""
        await asyncio.sleep(self._gateway.settings.socket_wait_s)
        if self._seq == 0 and not await self._exists():
            raise _Close(NEVER_APPEARED, "no such simulation appeared")
        await asyncio.Event().wait()

    async def _exists(self) -> bool:
        return await self._gateway.reader.find(self._simulation_id) is not None

    @property
    def _seq(self) -> int:
        return self._cursor.seq if self._cursor else 0

    def _now(self) -> str:
        return self._gateway.now().isoformat(timespec="milliseconds")

    async def _control(self, **fields: Any) -> None:
        await self._send(orjson.dumps(fields).decode())

    async def _send(self, text: str) -> None:
        """Raises TimeoutError when the client does not take it in time."""
        async with self._sending, asyncio.timeout(self._gateway.settings.socket_send_timeout_s):
            await self._websocket.send({"type": "websocket.send", "text": text})

    async def _close(self, code: int, reason: str) -> None:
        CLOSED.labels(str(code)).inc()
        with contextlib.suppress(RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(1):
                await self._websocket.close(code, reason)


def restart_reason(chance: float) -> str:
    """When to come back, spread by `chance` (0…1), so that not all come in the same moment."""
    retry_ms = round(500 + 2_500 * chance)
    return f"restart; retry_ms={retry_ms}; resume with after=<last seq>"


class Allowance:
    """A bucket of `per_min` frames that fills evenly; times are monotonic seconds."""

    def __init__(self, per_min: int) -> None:
        self._per_min = per_min
        self._left = float(per_min)
        self._last_s: float | None = None

    def take(self, now_s: float) -> bool:
        if self._last_s is not None:
            self._left = min(
                self._per_min, self._left + (now_s - self._last_s) * self._per_min / 60
            )
        self._last_s = now_s
        self._left -= 1
        return self._left >= 0


def parse_client_frame(text: str) -> dict[str, Any]:
    """`{"type": "ping"}`, `{"action": "ping"}` and `ping` mean the same; anything else is of unknown type."""
    if len(text) > MAX_FRAME_CHARS:
        return {"type": "too long"}
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"type": text.strip()}
    if isinstance(frame, str):
        return {"type": frame}
    if not isinstance(frame, dict):
        return {"type": None}
    return frame | {"type": frame.get("type") or frame.get("action") or frame.get("event")}


def whole(value: str) -> int:
    """Raises ValueError unless it is a whole number from 0 on."""
    if not re.fullmatch(r"\d{1,18}", value):
        raise ValueError("after: a whole number from 0 on")
    return int(value)


def positive(value: str | None) -> float | None:
    """Raises ValueError unless it is a finite number above 0."""
    if value is None:
        return None
    number = float(value) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value) else 0.0
    if number <= 0:
        raise ValueError("speed: a number above 0")
    return number
