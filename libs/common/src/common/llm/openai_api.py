"""Chat completions over the `openai` client, for every server that speaks them.

Always streamed: the timers see every token, an answer without end is cut, and a cancelled call frees its slot. The
client's own retries are off, and nothing it or `httpx2` raises leaves this module as it is. `openai` is imported with
the first call, beside the event loop: it costs 17 MB and half a second.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import httpx2

from common.llm.faults import Fault
from common.llm.redact import redacted
from common.llm.upstream import Call, Chunk
from common.llm.wire import BodyTooLarge, bounded, faulty, pause_of, read_body, usage_of

if TYPE_CHECKING:
    import openai

MAX_ANSWER_BYTES = 4 * 1024 * 1024
_JSON = "application/json"
_EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one kind of server differs: names of parameters, and what it must not be sent."""

    tokens_field: str = "max_tokens"
    sends_temperature: bool = True
    sends_seed: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    schema_extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Added only when the server is to enforce a schema."""


@dataclass(slots=True, kw_only=True)
class OpenAIApi:
    """One server. `secrets` are cut out of everything it says in errors."""

    base_url: str
    key: str = ""
    dialect: Dialect = field(default_factory=Dialect)
    connect_s: float = 5.0
    read_s: float = 120.0
    """Backstop only: the caller's timers are shorter."""
    _client: "openai.AsyncOpenAI | None" = field(default=None, repr=False)

    async def client(self) -> "openai.AsyncOpenAI":
        """The client, made at the first call."""
        if self._client is None:
            await asyncio.to_thread(import_module, "openai.resources.chat")
        if self._client is None:  # another call may have been faster meanwhile
            import openai

            timeout = httpx2.Timeout(self.read_s, connect=self.connect_s)
            transport = httpx2.AsyncClient(
                timeout=timeout,
                follow_redirects=False,  # a redirect would carry the key elsewhere
                event_hooks={"response": [bounded(MAX_ANSWER_BYTES)]},
                limits=httpx2.Limits(max_connections=64, max_keepalive_connections=8),
            )
            self._client = openai.AsyncOpenAI(
                base_url=self.base_url,
                api_key=self.key or "none",
                max_retries=0,
                timeout=timeout,
                http_client=transport,
                default_headers={"Accept-Encoding": "identity", **self.dialect.headers},
            )
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def stream(self, call: Call) -> AsyncGenerator[Chunk]:
        """The answer as it comes.

        Raises:
            Fault: whatever went wrong, with secrets cut out.
        """
        try:
            async with aclosing(self._stream(call)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Fault:
            raise
        except Exception as error:
            raise self._fault(error) from None

    async def _stream(self, call: Call) -> AsyncGenerator[Chunk]:
        client = await self.client()
        create = client.chat.completions.with_streaming_response.create
        async with create(**self._request(call)) as response:
            pause_s = pause_of(response.headers)
            kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
            if kind == _EVENTS:
                yield Chunk(pause_s=pause_s)
                stream = await response.parse()
                async for event in stream:
                    yield _chunk(event.model_dump(warnings=False))
                return
            if kind != _JSON:
                raise Fault(
                    "answer", f"content type {kind or 'missing'}", code="wrong_content_type"
                )
            body = read_body(await response.read())
            for chunk in _chunks_of_whole(body):
                yield chunk

    def _request(self, call: Call) -> dict[str, Any]:
        dialect = self.dialect
        request: dict[str, Any] = {
            "model": call.model,
            "messages": [{"role": m.role, "content": m.content} for m in call.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            dialect.tokens_field: call.max_tokens,
        }
        if dialect.sends_temperature:
            request["temperature"] = call.temperature
        if dialect.sends_seed and call.seed is not None:
            request["seed"] = call.seed
        extra = dict(dialect.extra_body)
        if call.schema is not None and call.rung == "schema":
            extra |= dialect.schema_extra_body
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": call.schema_name, "schema": call.schema, "strict": True},
            }
        elif call.schema is not None and call.rung == "object":
            request["response_format"] = {"type": "json_object"}
        if extra:
            request["extra_body"] = extra
        return request

    def _fault(self, error: Exception) -> Fault:
        fault = _fault_of(error)
        fault.message = redacted(fault.message, (self.key,))
        fault.args = (fault.message,)
        return fault


def _chunk(event: dict[str, Any]) -> Chunk:
    """One event of the stream; an error inside it is raised."""
    if event.get("error"):
        raise faulty("stream", event["error"])
    choices = event.get("choices")
    if not isinstance(choices, list) or not choices:
        return Chunk(usage=usage_of(event.get("usage")), model=event.get("model"))
    choice = choices[0] or {}
    if choice.get("error"):
        raise faulty("stream", choice["error"])
    if choice.get("finish_reason") == "error":
        raise Fault("stream", "the provider ended the stream with an error", code="stream_error")
    return _piece(event, choice, choice.get("delta") or {})


def _piece(event: dict[str, Any], choice: dict[str, Any], said: dict[str, Any]) -> Chunk:
    if said.get("refusal"):
        raise Fault("answer", "the model refused", code="content_filter")
    content = said.get("content")
    return Chunk(
        text=content if isinstance(content, str) else "",
        reasoning=str(said.get("reasoning") or said.get("reasoning_content") or ""),
        finish_reason=choice.get("finish_reason"),
        usage=usage_of(event.get("usage")),
        model=event.get("model"),
        response_id=event.get("id"),
    )


def _chunks_of_whole(body: Any) -> tuple[Chunk, ...]:
    """An answer that came in one piece from a server that does not stream."""
    if not isinstance(body, dict):
        raise Fault("answer", "the answer is no JSON object", code="garbage")
    if body.get("error"):
        raise faulty("stream", body["error"])
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Fault("answer", "the answer holds no choices", code="garbage")
    choice = choices[0] or {}
    if choice.get("finish_reason") == "error" or choice.get("error"):
        raise faulty("stream", choice.get("error") or {"message": "finish_reason error"})
    return (_piece(body, choice, choice.get("message") or {}),)


def _fault_of(error: Exception) -> Fault:
    """Our fault for whatever the client raised, the wire's own reasons first."""
    import openai

    if any(isinstance(cause, BodyTooLarge) for cause in _causes(error)):
        return Fault("answer", "the answer is too large", code="too_large_answer")
    if isinstance(error, openai.APIStatusError):
        return faulty(
            "status",
            error.body,
            status=error.status_code,
            headers=error.response.headers,
            message=error.message,
        )
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError | OSError):
        return _connection_fault(error)
    if isinstance(error, openai.APIError):
        return faulty("stream", error.body, message=error.message)
    if isinstance(error, json.JSONDecodeError):
        return Fault("stream", "a chunk is not JSON", code="garbage")
    return Fault("answer", f"unreadable answer ({type(error).__name__})", code="garbage")


def _connection_fault(error: Exception) -> Fault:
    import openai

    causes = _causes(error)
    if any(isinstance(c, openai.APITimeoutError | httpx2.TimeoutException) for c in causes):
        is_connect = any(isinstance(c, httpx2.ConnectTimeout) for c in causes)
        return Fault(
            "timeout", "timed out", code="timeout_connect" if is_connect else "timeout_idle"
        )
    is_refused = any(isinstance(c, ConnectionRefusedError | httpx2.ConnectError) for c in causes)
    return Fault("refused" if is_refused else "connection", "connection failed")


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what led to it, at most ten deep."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and len(found) < 10:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found
