"""A model server that does as it is told, and a model that says what it is told: for tests of layer and agents."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from common.llm.errors import AnswerInvalid, ModelError, NoModelAnswered
from common.llm.port import Answer, Ask, Delta, Done, Part, Structured
from common.llm.shapes import read_value

_SSE = "text/event-stream"
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does with one request. `pieces` are bytes to send and seconds to sleep between them.

    `end`: close in good order, reset the connection, or hang until the client goes.
    """

    status: int = 200
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes | float] = ()
    end: str = "close"
    answers: bool = True
    """False: not even a status line is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def delta(text: str, finish: str | None = None, **more: Any) -> bytes:
    """One chunk of a streamed chat completion."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return event(id="gen-1", model="served", choices=[choice], **more)


def says(
    text: str, *, finish: str | None = "stop", usage: dict[str, Any] | None = None, parts: int = 2
) -> Reply:
    """A whole streamed answer."""
    cut = max(1, -(-len(text) // parts))
    pieces = [delta(text[at : at + cut]) for at in range(0, len(text), cut)]
    spent = usage or {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    last = [delta("", finish)] if finish else []
    return Reply(
        content_type=_SSE,
        pieces=(*pieces, *last, event(choices=[], usage=spent), b"data: [DONE]\n\n"),
    )


def streams(*pieces: bytes | float, end: str = "close") -> Reply:
    return Reply(content_type=_SSE, pieces=pieces, end=end)


def fails(status: int, error: Any = "failed", **headers: str) -> Reply:
    """An error body in OpenAI's form; `headers` are written with dashes (`retry_after="2"`)."""
    shaped = error if isinstance(error, dict) else {"message": str(error)}
    return Reply(
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        pieces=(json.dumps({"error": shaped}).encode(),),
    )


def json_reply(body: Any, status: int = 200) -> Reply:
    return Reply(status=status, pieces=(json.dumps(body).encode(),))


Script = Callable[[Request], Reply]


@dataclass(slots=True)
class ScriptedServer:
    """Replies in the order of `replies`, the last one for ever; `routes` answer other paths by their prefix."""

    replies: list[Reply] = field(default_factory=list)
    routes: dict[str, Script] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    abandoned: int = 0
    """Requests whose client went before the reply was over."""
    port: int = 0
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[Request]:
        """Requests for chat completions."""
        return [r for r in self.requests if r.path.endswith("/chat/completions")]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server.close_clients()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 2)
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await _read_request(reader)
            self.requests.append(request)
            try:
                await self._reply(self._choose(request), reader, writer)
            except ConnectionError:
                self.abandoned += 1
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    def _choose(self, request: Request) -> Reply:
        for prefix, script in self.routes.items():
            if request.path.startswith(prefix):
                return script(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def _reply(
        self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        gone = asyncio.ensure_future(reader.read(1))
        gone.add_done_callback(lambda read: read.cancelled() or read.exception())
        if reply.answers:
            writer.write(_head(reply))
        for piece in reply.pieces:
            if isinstance(piece, bytes):
                writer.write(piece)
                await writer.drain()
            else:
                await asyncio.wait({gone}, timeout=piece)
            if gone.done():
                self.abandoned += 1
                return
        if reply.end == "hang":
            await gone
            self.abandoned += 1
        elif reply.end == "reset":
            await asyncio.sleep(0.05)  # what was sent arrives first; a reset overtakes it
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        gone.cancel()


def _head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} Scripted", "Connection: close"]
    if reply.content_type:
        lines.append(f"Content-Type: {reply.content_type}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)
    }
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method=method, path=path, headers=headers, body=json.loads(raw or b"null"))


@asynccontextmanager
async def scripted(*replies: Reply, **routes: Script) -> AsyncGenerator[ScriptedServer]:
    """A running server; `routes` are path prefixes with `/` written as `__` (`__api__tags`)."""
    server = ScriptedServer(
        list(replies), {path.replace("__", "/"): script for path, script in routes.items()}
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextmanager
def scripted_in_thread(*replies: Reply, **routes: Script) -> Iterator[ScriptedServer]:
    """As `scripted`, in a thread of its own: for callers that block or run in other processes."""
    server = ScriptedServer(
        list(replies), {path.replace("__", "/"): script for path, script in routes.items()}
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@dataclass(slots=True)
class ScriptedModel:
    """A port for agents' tests: says `answers` in turn (texts, values or our errors), the last one for ever."""

    answers: Sequence[str | BaseModel | ModelError]
    asked: list[Ask] = field(default_factory=list)
    before: Callable[[], Awaitable[None]] | None = None
    prompt_tokens: int = 6_000
    answer_tokens: int = 4_096

    def _next(self, ask: Ask) -> str:
        said = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(ask)
        if isinstance(said, ModelError):
            raise said
        return said if isinstance(said, str) else said.model_dump_json(by_alias=True)

    async def complete(self, ask: Ask) -> Answer:
        if self.before is not None:
            await self.before()
        return Answer(
            text=self._next(ask),
            provider="scripted",
            model="scripted-1",
            prompt_version=ask.prompt_version,
        )

    async def stream(self, ask: Ask) -> AsyncGenerator[Part]:
        answer = await self.complete(ask)
        yield Delta(answer.text)
        yield Done(answer)

    async def structured[T: BaseModel](
        self, ask: Ask, schema: type[T], check: Callable[[T], Sequence[str]] | None = None
    ) -> Structured[T]:
        """As the real port: type and rules are checked, with two re-asks."""
        problems: tuple[str, ...] = ()
        for _ in range(3):
            answer = await self.complete(ask)
            value, problems = read_value(answer.text, schema, check)
            if value is not None:
                return Structured(value=value, answer=answer)
        raise AnswerInvalid("still wrong", problems=problems)


def silent() -> ScriptedModel:
    """A model nobody can reach."""
    return ScriptedModel((NoModelAnswered("no model answered"),))
