"""Ollama's native API: sign of life, models, pull, warm-up, tuning. Chat goes over its OpenAI side (`openai_api`)."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.llm.faults import Fault
from common.llm.fetch import client_for, fault_of, fetch
from common.llm.wire import BodyTooLarge

_ALIVE_WITHIN_S = 0.8
_LOAD_WITHIN_S = 300.0
"""Ollama's own bound on loading a model (`OLLAMA_LOAD_TIMEOUT`)."""
_LINE_BYTES = 64 * 1024
_PULL_STALLS_S = 120.0


class Installed(BaseModel):
    """One installed model, as `/api/tags` tells. Null where this version of Ollama does not say."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    digest: str = ""
    size: int = 0
    capabilities: tuple[str, ...] | None = None
    details: dict[str, Any] = Field(default_factory=dict)

    @property
    def can_chat(self) -> bool:
        """Models that only embed are not for us; an old server that does not say is believed."""
        if self.capabilities is not None:
            return "completion" in self.capabilities
        return "embed" not in self.name and "bert" not in str(self.details.get("family", ""))


class Shown(BaseModel):
    """What `/api/show` tells about one model."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    capabilities: tuple[str, ...] = ()
    model_info: dict[str, Any] = Field(default_factory=dict)
    parameters: str = ""

    @property
    def context_tokens(self) -> int | None:
        """The model's own context length (what the server gives it may be less); null if it is not told."""
        for key, value in self.model_info.items():
            if key.endswith(".context_length") and isinstance(value, int):
                return value
        return None


class Running(BaseModel):
    """One loaded model, as `/api/ps` tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    size_vram: int = 0
    context_length: int | None = None
    expires_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A pull under way: bytes over all layers known so far. `done_bytes` never falls; `share` neither (0…1)."""

    status: str
    done_bytes: int
    total_bytes: int
    share: float


@dataclass(slots=True)
class Pulled:
    """Turns the server's lines into monotone progress: a layer's `completed` falls when a part is retried."""

    done: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    share: float = 0.0
    is_complete: bool = False

    def take(self, line: dict[str, Any]) -> Progress:
        """Progress after one line.

        Raises:
            Fault: the line tells of an error (it comes under HTTP 200).
        """
        if line.get("error"):
            raise _pull_fault(str(line["error"]))
        status, digest = str(line.get("status", "")), line.get("digest")
        if isinstance(digest, str):
            self.total[digest] = max(self.total.get(digest, 0), _bytes(line.get("total")))
            done = min(_bytes(line.get("completed")), self.total[digest])
            self.done[digest] = max(self.done.get(digest, 0), done)
        self.is_complete = self.is_complete or status == "success"
        done_bytes, total_bytes = sum(self.done.values()), sum(self.total.values())
        now = done_bytes / total_bytes if total_bytes else 0.0
        self.share = 1.0 if self.is_complete else max(self.share, min(now, 0.999))
        return Progress(
            status=status, done_bytes=done_bytes, total_bytes=total_bytes, share=self.share
        )


@dataclass(slots=True, kw_only=True)
class OllamaApi:
    """One Ollama server."""

    base_url: str
    key: str = ""
    connect_s: float = 1.0
    _client: httpx2.AsyncClient | None = field(default=None, repr=False)

    def client(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = client_for(self.base_url, key=self.key, connect_s=self.connect_s)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def version(self) -> str:
        """The server's version: it answers although a generation hangs, so this is a sign of life and no more."""
        found = await fetch(self.client(), "GET", "/api/version")
        return str(found.get("version", "")) if isinstance(found, dict) else ""

    async def is_alive(self) -> bool:
        try:
            async with asyncio.timeout(_ALIVE_WITHIN_S):
                return bool(await self.version())
        except (Fault, TimeoutError):
            return False

    async def wait_until_up(self, within_s: float) -> bool:
        """Whether the server answered within `within_s` seconds (it may just be starting)."""
        end = asyncio.get_running_loop().time() + within_s
        while not await self.is_alive():
            if asyncio.get_running_loop().time() >= end:
                return False
            await asyncio.sleep(0.25)
        return True

    async def models(self) -> tuple[Installed, ...]:
        """Installed models, by name."""
        found = await fetch(self.client(), "GET", "/api/tags")
        models = _several(found, Installed)
        return tuple(sorted(models, key=lambda model: model.name))

    async def running(self) -> tuple[Running, ...]:
        return _several(await fetch(self.client(), "GET", "/api/ps"), Running)

    async def show(self, model: str) -> Shown:
        found = await fetch(self.client(), "POST", "/api/show", {"model": model})
        try:
            return Shown.model_validate(found)
        except ValidationError:
            raise Fault("answer", "unreadable answer to show", code="garbage") from None

    async def load(self, model: str, keep_alive: str) -> None:
        """Bring a model into memory and keep it there; a client that gives up would abort the load."""
        body = {"model": model, "keep_alive": _keep_alive(keep_alive)}
        async with client_for(self.base_url, key=self.key, read_s=_LOAD_WITHIN_S) as client:
            await fetch(client, "POST", "/api/generate", body)

    async def unload(self, model: str) -> None:
        await fetch(self.client(), "POST", "/api/generate", {"model": model, "keep_alive": 0})

    async def derive(self, name: str, base: str, parameters: dict[str, int]) -> None:
        """A model with its own parameters: the only way to set the context length for `/v1`."""
        body = {"model": name, "from": base, "parameters": parameters, "stream": False}
        async with client_for(self.base_url, key=self.key, read_s=60.0) as client:
            await fetch(client, "POST", "/api/create", body)

    async def pull(self, model: str) -> AsyncGenerator[Progress]:
        """Fetch a model. Closing the generator cancels; asking again resumes.

        Raises:
            Fault: no such model, or the server stopped before it said `success`.
        """
        pulled = Pulled()
        try:
            async with aclosing(self._pull_lines(model)) as lines:
                async for line in lines:
                    yield pulled.take(line)
        except Fault:
            raise
        except Exception as error:
            raise fault_of(error) from None
        if not pulled.is_complete:
            raise Fault("stream", "the pull ended before it was complete", code="cut")

    async def _pull_lines(self, model: str) -> AsyncGenerator[dict[str, Any]]:
        timeout = httpx2.Timeout(_PULL_STALLS_S, connect=self.connect_s)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        async with (
            httpx2.AsyncClient(base_url=self.base_url, headers=headers, timeout=timeout) as client,
            client.stream("POST", "/api/pull", json={"model": model, "stream": True}) as response,
        ):
            if response.status_code >= 400:
                raw = (await response.aread())[:_LINE_BYTES]
                raise _pull_fault(_error_in(raw), status=response.status_code)
            async for line in _lines(response.aiter_bytes()):
                yield line


async def _lines(parts: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any]]:
    """JSON objects, one per line; a line without end is refused."""
    rest = b""
    async for part in parts:
        rest += part
        *whole, rest = rest.split(b"\n")
        for line in whole:
            if line.strip():
                yield _object(line)
        if len(rest) > _LINE_BYTES:
            raise BodyTooLarge(str(_LINE_BYTES))
    if rest.strip():
        yield _object(rest)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        raise Fault("stream", "a line is not JSON", code="garbage") from None
    return found if isinstance(found, dict) else {}


def _several[M: BaseModel](found: Any, shape: type[M]) -> tuple[M, ...]:
    rows = found.get("models") if isinstance(found, dict) else None
    if not isinstance(rows, list):
        return ()
    try:
        return tuple(shape.model_validate(row) for row in rows)
    except ValidationError:
        raise Fault("answer", "unreadable list of models", code="garbage") from None


def _pull_fault(message: str, status: int | None = None) -> Fault:
    unknown = "file does not exist" in message or "not found" in message
    code = "model_not_found" if unknown else "pull_failed"
    return Fault("status" if status else "stream", message[:300], status=status, code=code)


def _error_in(raw: bytes) -> str:
    try:
        found = json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
    return str(found.get("error", "")) if isinstance(found, dict) else ""


def _bytes(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _keep_alive(value: str) -> str | int:
    """Ollama takes a duration ("30m") or a number of seconds, negative for ever."""
    try:
        return int(value)
    except ValueError:
        return value
