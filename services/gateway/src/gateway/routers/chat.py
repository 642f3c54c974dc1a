"""The chat assistant: one answer, or the same in pieces as server-sent events."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool
from starlette.responses import Response, StreamingResponse

from common.contracts.chat import MAX_CHAT_CHARS, ChatAnswered, ChatDelta
from common.contracts.values import ID_PATTERN
from common.errors import SimulatorError
from gateway.errors import InvalidRequest
from gateway.frames import iso
from gateway.metrics import SOCKETS
from gateway.process import Gateway
from gateway.routers.bodies import clean_text
from gateway.routers.dependencies import IdempotencyKey, TheGateway, answer
from gateway.routers.shapes import PROBLEMS
from gateway.routers.sse import TimedStream
from gateway.services.chatting import ChatMessage

router = APIRouter(tags=["chat"], responses=PROBLEMS)

MAX_METADATA_KEYS = 50
_IDS = ("simulation_id", "conversation_id", "session_id")
Id = Annotated[str, Field(pattern=ID_PATTERN)]


class MessageBody(BaseModel):
    content: Annotated[
        str, AfterValidator(clean_text), Field(min_length=1, max_length=MAX_CHAT_CHARS)
    ]
    user_id: Id | None = None
    timestamp: str | None = Field(default=None, max_length=64)
    metadata: dict[str, Any] | None = Field(default=None, max_length=MAX_METADATA_KEYS)


class ChatBody(BaseModel):
    """`metadata` may name a `simulation_id`, a `conversation_id` and a `session_id`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": {
                        "content": "What is the bottleneck, and what would relieve it?",
                        "metadata": {"simulation_id": "refund-desk-1", "session_id": "tab-1"},
                    }
                }
            ]
        }
    )

    message: MessageBody
    stream: StrictBool = False

    def chat_message(self) -> ChatMessage:
        """Raises InvalidRequest when an id in `metadata` is no id."""
        metadata = self.message.metadata or {}
        for name in _IDS:
            value = metadata.get(name)
            if value is not None and not (
                isinstance(value, str) and re.fullmatch(ID_PATTERN, value)
            ):
                raise InvalidRequest(f"message.metadata.{name}: 1 to 64 letters, digits, _ or -")
        return ChatMessage(
            content=self.message.content, user_id=self.message.user_id, metadata=metadata
        )


class ChatResponse(BaseModel):
    content: str
    message_id: str
    timestamp: str
    status: str
    topic: str = ""
    citations: list[dict[str, Any]] = []
    suggestions: list[str] = []
    provenance: dict[str, Any] = {}


class ChatAnswer(BaseModel):
    response: ChatResponse


@router.post(
    "/chat",
    response_model=ChatAnswer,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def chat(
    body: ChatBody, gateway: TheGateway, idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask about a simulation or a conversation; each figure in the answer names the event it stands in."""
    message = body.chat_message()
    if body.stream:
        return _streamed(gateway, message)
    return answer({"response": _body(await gateway.chats.ask(message))})


@router.post("/chat-stream", response_class=StreamingResponse)
async def chat_stream(body: ChatBody, gateway: TheGateway) -> Response:
    """The same in pieces: `{"content", "status": "partial"}` … `{"content": "", "status": "complete", …}`."""
    return _streamed(gateway, body.chat_message())


@router.get("/chat/sessions/{session_id}")
async def read_session(
    session_id: Annotated[str, Path(pattern=ID_PATTERN)],
    gateway: TheGateway,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """What was asked and answered in a session, oldest first."""
    rows = await gateway.chats.history(session_id, limit)
    exchanges = [
        {
            key: row[key]
            for key in (
                "id",
                "kind",
                "request",
                "response",
                "status",
                "error",
                "topic",
                "metadata",
                "duration_ms",
            )
        }
        | {"started_at": iso(row["started_at"])}
        for row in rows
    ]
    return answer({"session_id": session_id, "exchanges": exchanges, "count": len(exchanges)})


def _body(answered: ChatAnswered) -> dict[str, Any]:
    return {
        "content": answered.content,
        "message_id": answered.message_id,
        "timestamp": iso(answered.answered_at),
        "status": answered.status,
        "topic": answered.topic,
        "citations": [citation.model_dump(mode="json") for citation in answered.citations],
        "suggestions": list(answered.suggestions),
        "provenance": answered.provenance.model_dump(mode="json"),
    }


def _streamed(gateway: Gateway, message: ChatMessage) -> Response:
    return TimedStream(_frames(gateway, message), gateway.settings.socket_send_timeout_s)


async def _frames(gateway: Gateway, message: ChatMessage) -> AsyncIterator[bytes]:
    with SOCKETS.labels("chat").track_inprogress():
        try:
            async for said in gateway.chats.stream(message):
                yield _frame(said)
        except SimulatorError as error:
            yield _data({"error": error.code, "message": str(error), "status": "error"})
        except Exception:
            failed = {"error": "internal_error", "message": "Something went wrong on our side."}
            yield _data(failed | {"status": "error"})
            raise


def _frame(said: ChatDelta | ChatAnswered) -> bytes:
    if isinstance(said, ChatDelta):
        return _data({"content": said.content, "status": "partial"})
    if said.status == "error":
        return _data({"error": said.error, "message": said.content, "status": "error"})
    return _data(_body(said) | {"content": ""})


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
