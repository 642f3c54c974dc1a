"""One call to one server under four timers: connect (the client's), first token, between tokens, and the deadline.

Keep-alive comments and empty chunks are no progress; reasoning is.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from common.llm.faults import Fault
from common.llm.port import Usage
from common.llm.upstream import Call, Chunk, Upstream

CHARS_PER_TOKEN_MOST = 24
"""An answer longer than this many characters per allowed token has no end in sight."""
Show = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Seconds; `deadline` is the event loop's time."""

    first_token_s: float
    idle_s: float
    deadline: float


@dataclass(slots=True, kw_only=True)
class Heard:
    """What has arrived so far; still true when the attempt fails."""

    parts: list[str] = field(default_factory=list)
    chars: int = 0
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    response_id: str | None = None
    pause_s: float | None = None
    first_token_s: float | None = None
    has_reasoned: bool = False

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def take(self, chunk: Chunk) -> bool:
        """Add a chunk; whether it was progress."""
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.usage = chunk.usage or self.usage
        self.model = chunk.model or self.model
        self.response_id = chunk.response_id or self.response_id
        self.pause_s = chunk.pause_s or self.pause_s
        self.has_reasoned = self.has_reasoned or bool(chunk.reasoning)
        if chunk.text:
            self.parts.append(chunk.text)
            self.chars += len(chunk.text)
        return bool(chunk.text or chunk.reasoning or chunk.finish_reason)


async def attempt(upstream: Upstream, call: Call, timers: Timers, heard: Heard, show: Show) -> None:
    """Fill `heard` with a whole answer, showing text as it comes.

    Raises:
        Fault: it did not become whole. TimeoutError: the deadline passed.
    """
    began = asyncio.get_running_loop().time()
    limit = call.max_tokens * CHARS_PER_TOKEN_MOST + 2_000
    async with aclosing(upstream.stream(call)) as chunks:
        while (chunk := await _next(chunks, timers, heard, began)) is not None:
            _take(heard, chunk, began)
            if heard.chars > limit:
                raise Fault("answer", "the answer does not end", code="endless")
            if chunk.text:
                await show(chunk.text)
    _check_whole(heard)


def _take(heard: Heard, chunk: Chunk, began: float) -> None:
    if heard.take(chunk) and heard.first_token_s is None:
        heard.first_token_s = asyncio.get_running_loop().time() - began


async def _next(
    chunks: AsyncGenerator[Chunk], timers: Timers, heard: Heard, began: float
) -> Chunk | None:
    """The next chunk, null at the end. Until the first token the clock runs from the start of the call."""
    loop = asyncio.get_running_loop()
    is_first = heard.first_token_s is None
    patience = began + timers.first_token_s if is_first else loop.time() + timers.idle_s
    try:
        async with asyncio.timeout_at(min(patience, timers.deadline)):
            return await anext(chunks)
    except StopAsyncIteration:
        return None
    except TimeoutError:
        if loop.time() >= timers.deadline:
            raise
        code = "timeout_first_token" if is_first else "timeout_idle"
        raise Fault("timeout", "no token came in time", code=code) from None


def _check_whole(heard: Heard) -> None:
    match heard.finish_reason:
        case None:
            raise Fault("stream", "the stream ended without a finish reason", code="cut")
        case "content_filter":
            raise Fault("answer", "the provider filtered the answer", code="content_filter")
        case "error":
            raise Fault("stream", "the stream ended with an error", code="stream_error")
    if not heard.text.strip():
        raise Fault("answer", "the answer is empty", code="empty_answer")
