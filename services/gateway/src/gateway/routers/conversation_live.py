"""A conversation's stream on websocket and SSE: the same protocol as a simulation's."""

import re
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.responses import Response

from common.contracts.values import ID_PATTERN
from common.errors import TransientError
from gateway.conversations.frames import ends
from gateway.cursor import CaughtUp, Cursor
from gateway.errors import ConversationNotFound, Unavailable
from gateway.frames import StoredFrame
from gateway.metrics import SOCKETS
from gateway.process import Gateway
from gateway.routers.live import (
    BAD_PARAMETER,
    TOO_MANY_SOCKETS,
    SocketSession,
    closing,
    is_welcome,
    whole,
)
from gateway.routers.sse import RETRY_MS, TimedStream, as_event, with_pings

router = APIRouter(tags=["live"])


@router.websocket("/ws/conversations/{conversation_id}")
async def follow_conversation(websocket: WebSocket, conversation_id: str) -> None:
    gateway: Gateway = websocket.app.state.gateway
    if not is_welcome(websocket, gateway.settings.cors_origins):
        await websocket.close(1008)
        return
    await websocket.accept()
    with SOCKETS.labels("ws").track_inprogress():
        await ConversationSocket(websocket, gateway, conversation_id).run()


class ConversationSocket(SocketSession):
    """As a simulation's socket, on the record of a conversation."""

    def _configure(self) -> Cursor:
        try:
            if not re.fullmatch(ID_PATTERN, self._simulation_id):
                raise ValueError("conversation_id: 1 to 64 letters, digits, _ or -")
            after = whole(self._websocket.query_params.get("after", "0"))
        except ValueError as error:
            raise closing(BAD_PARAMETER, str(error)) from error
        if self._gateway.hub.readers >= self._gateway.settings.max_sockets:
            raise closing(TOO_MANY_SOCKETS, "too many sockets; try again later")
        return self._gateway.conversation_reader.cursor(self._simulation_id, after)

    async def _exists(self) -> bool:
        return await self._gateway.conversation_reader.find(self._simulation_id) is not None

    async def _status(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"type": "status", "conversation_id": self._simulation_id}
        try:
            found = await self._gateway.conversation_reader.find(self._simulation_id)
        except TransientError:
            return shown | {"status": "unavailable"}
        return shown | {
            "status": found.status if found else "unknown",
            "phase": found.phase if found else None,
            "is_waiting_for_user": bool(found and found.pending_question and not found.is_over),
            "seq": self._seq,
            "head": found.next_seq - 1 if found else 0,
        }


async def conversation_stream(gateway: Gateway, conversation_id: str, after: int) -> Response:
    """Raises ConversationNotFound, Unavailable."""
    if gateway.is_draining:
        raise Unavailable("This process is about to stop.")
    if await gateway.conversation_reader.find(conversation_id) is None:
        raise ConversationNotFound(conversation_id)
    body = _events(gateway, conversation_id, after)
    return TimedStream(body, gateway.settings.socket_send_timeout_s)


async def _events(gateway: Gateway, conversation_id: str, after: int) -> AsyncIterator[bytes]:
    cursor = gateway.conversation_reader.cursor(conversation_id, after)
    with SOCKETS.labels("sse").track_inprogress():
        yield f"retry: {RETRY_MS}\n\n".encode()
        async for item in with_pings(aiter(cursor), gateway.settings.sse_ping_s):
            if item is None:
                yield b": ping\n\n"
                continue
            yield as_event(item)
            may_be_last = isinstance(item, CaughtUp) or (
                isinstance(item, StoredFrame) and ends(item)
            )
            if may_be_last and await gateway.conversation_reader.is_over(
                conversation_id, cursor.seq
            ):
                yield b"event: end\ndata: {}\n\n"
                return
