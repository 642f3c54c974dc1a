"""The providers as this layer asks them: which model, at what price, over which dialect."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from common.llm.catalogue import Offer, best_offer, offers_in
from common.llm.faults import Fault
from common.llm.fetch import client_for, fetch
from common.llm.ollama import Installed, OllamaApi
from common.llm.openai_api import Dialect, OpenAIApi
from common.llm.port import Ask
from common.llm.settings import AUTO, Ollama, OpenRouter, Provider
from common.llm.tokens import estimate_messages
from common.llm.upstream import Call, Chosen, Chunk

_LIST_FRESH_S = 60.0
_OFFERS_FRESH_S = 3_600.0
_ALIVE_FRESH_S = 1.0
_MILLION = Decimal(1_000_000)


@dataclass(slots=True, kw_only=True)
class OllamaServer:
    """Ollama: free of charge, one place at a time unless it is set up for more."""

    settings: Ollama
    address: str
    api: OllamaApi
    chat: OpenAIApi
    name: str = "ollama"
    is_paid: bool = False
    _installed: tuple[Installed, ...] = ()
    _listed_at: float = 0.0
    _alive_at: float = 0.0
    _alive: bool = False
    _ready: set[str] = field(default_factory=set)
    _warm: set[asyncio.Task[None]] = field(default_factory=set)

    async def prepare(self) -> None:
        await self.chat.client()

    async def choose(self, ask: Ask, *, needs_schema: bool) -> Chosen:
        wanted = self.settings.model_for(ask.agent, ask.task, ask.model_class)
        model = await self._find(wanted)
        if model is None and self.settings.pull_missing and wanted != AUTO:
            await self._pull(wanted)
            model = await self._find(wanted)
        if model is None:
            raise Fault("status", f"model {wanted} is not installed", status=404)
        name = await self._tuned(model.name)
        self._keep_warm(name)
        return Chosen(
            name=name, digest=model.digest, context_tokens=self._context(), **_set(self.settings)
        )

    def stream(self, call: Call) -> AsyncGenerator[Chunk]:
        return self.chat.stream(call)

    async def is_alive(self) -> bool:
        now = time.monotonic()
        if now - self._alive_at > _ALIVE_FRESH_S:
            self._alive = await self.api.is_alive()
            self._alive_at = now
        return self._alive

    async def aclose(self) -> None:
        for task in self._warm:
            task.cancel()
        await self.api.aclose()
        await self.chat.aclose()

    def _context(self) -> int | None:
        return self.settings.context_tokens or self.settings.num_ctx

    async def _find(self, wanted: str) -> Installed | None:
        """The installed model of that name, or the largest one that can chat."""
        now = time.monotonic()
        if not self._installed or now - self._listed_at > _LIST_FRESH_S:
            self._installed, self._listed_at = await self.api.models(), now
        if wanted == AUTO:
            able = [m for m in self._installed if m.can_chat]
            return max(able, key=lambda m: (m.size, m.name), default=None)
        names = (wanted, f"{wanted}:latest")
        return next((m for m in self._installed if m.name in names), None)

    async def _pull(self, model: str) -> None:
        async for _ in self.api.pull(model):
            pass
        self._installed = ()

    async def _tuned(self, base: str) -> str:
        """The model itself, or the one derived from it with the parameters that are set."""
        set_here = {
            "num_ctx": self.settings.num_ctx,
            "num_thread": self.settings.num_thread,
            "num_gpu": self.settings.num_gpu,
        }
        parameters = {key: value for key, value in set_here.items() if value is not None}
        if not parameters:
            return base
        name = derived_name(base, parameters)
        if name not in self._ready:
            await self.api.derive(name, base, parameters)
            self._ready.add(name)
        return name

    def _keep_warm(self, name: str) -> None:
        """Load the model in the background once, so that `keep_alive` holds for the calls over `/v1` too."""
        if name in self._ready:
            return
        self._ready.add(name)
        task = asyncio.create_task(self._load(name))
        self._warm.add(task)
        task.add_done_callback(self._warm.discard)

    async def _load(self, name: str) -> None:
        with suppress(Fault):
            await self.api.load(name, self.settings.keep_alive)


def derived_name(base: str, parameters: dict[str, int]) -> str:
    """A stable name for a model with these parameters."""
    digest = hashlib.sha256(repr((base, sorted(parameters.items()))).encode()).hexdigest()[:8]
    return f"simulator-{base.replace(':', '-').replace('/', '-')}-{digest}"


@dataclass(slots=True, kw_only=True)
class CompatibleServer:
    """OpenAI, or any server that speaks its chat completions."""

    settings: Provider
    address: str
    chat: OpenAIApi
    name: str
    is_paid: bool
    key: str = field(default="", repr=False)
    _first_model: str = ""

    async def prepare(self) -> None:
        await self.chat.client()

    async def choose(self, ask: Ask, *, needs_schema: bool) -> Chosen:
        wanted = self.settings.model_for(ask.agent, ask.task, ask.model_class)
        if wanted == AUTO:
            wanted = self._first_model = self._first_model or await self._first()
        return Chosen(
            name=wanted, context_tokens=self.settings.context_tokens, **_set(self.settings)
        )

    def stream(self, call: Call) -> AsyncGenerator[Chunk]:
        return self.chat.stream(call)

    async def is_alive(self) -> bool:
        try:
            await self._first()
        except Fault:
            return False
        return True

    async def aclose(self) -> None:
        await self.chat.aclose()

    async def _first(self) -> str:
        async with client_for(self.address, key=self.key, read_s=2.0) as client:
            found = await fetch(client, "GET", "models")
        rows = found.get("data") if isinstance(found, dict) else None
        ids = [str(row.get("id")) for row in rows or () if isinstance(row, dict) and row.get("id")]
        if not ids:
            raise Fault("status", "the server lists no model", status=404)
        return ids[0]


@dataclass(slots=True, kw_only=True)
class OpenRouterServer:
    """OpenRouter: prices and capabilities from its own list, read once an hour."""

    settings: OpenRouter
    address: str
    chat: OpenAIApi
    key: str = field(default="", repr=False)
    name: str = "openrouter"
    is_paid: bool = True
    _offers: tuple[Offer, ...] = ()
    _listed_at: float = 0.0

    async def prepare(self) -> None:
        await self.chat.client()

    async def choose(self, ask: Ask, *, needs_schema: bool) -> Chosen:
        wanted = self.settings.model_for(ask.agent, ask.task, ask.model_class)
        if wanted != AUTO and self.settings.price_output_usd is not None:
            return Chosen(
                name=wanted, context_tokens=self.settings.context_tokens, **_set(self.settings)
            )
        offers = await self._list(required=wanted == AUTO)
        if wanted != AUTO:
            return self._offered(wanted, next((o for o in offers if o.id == wanted), None))
        needed = estimate_messages(ask.messages) + ask.max_tokens
        offer = best_offer(
            offers,
            task=ask.task,
            context_tokens=needed,
            needs_schema=needs_schema,
            max_price_usd=self.settings.max_price_usd,
        )
        if offer is None:
            raise Fault("status", "no model fits the task and the price", status=404)
        return self._offered(offer.id, offer)

    def stream(self, call: Call) -> AsyncGenerator[Chunk]:
        return self.chat.stream(call)

    async def is_alive(self) -> bool:
        return (
            False  # no cheap sign of life says that a model answers: the circuit's probe finds out
        )

    async def aclose(self) -> None:
        await self.chat.aclose()

    def _offered(self, name: str, offer: Offer | None) -> Chosen:
        parameters = {"reasoning_effort": self.settings.reasoning_effort}
        if offer is None:
            return Chosen(name=name, parameters=parameters)
        return Chosen(
            name=name,
            context_tokens=offer.context_tokens,
            price_input=_text(offer.price_input),
            price_output=_text(offer.price_output),
            price_cached=_text(offer.price_cached),
            parameters=parameters,
        )

    async def _list(self, *, required: bool) -> tuple[Offer, ...]:
        """The offers; a list that cannot be had only matters if the choice depends on it."""
        now = time.monotonic()
        if self._offers and now - self._listed_at < _OFFERS_FRESH_S:
            return self._offers
        try:
            async with client_for(self.address, key=self.key, connect_s=5.0) as client:
                self._offers = offers_in(await fetch(client, "GET", "models"))
                self._listed_at = now
        except Fault:
            if required and not self._offers:
                raise
        return self._offers


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


def _set(settings: Provider) -> dict[str, Any]:
    """What is set for every call: prices, from USD per million tokens to USD per token, and parameters."""

    def per_token(price: Decimal | None) -> str | None:
        return None if price is None else str(price / _MILLION)

    return {
        "price_input": per_token(settings.price_input_usd),
        "price_output": per_token(settings.price_output_usd),
        "parameters": {"reasoning_effort": settings.reasoning_effort},
    }


OPENROUTER_HEADERS = {"X-OpenRouter-Title": "Scenario Simulator", "X-Title": "Scenario Simulator"}


def openrouter_dialect(settings: OpenRouter) -> Dialect:
    """Seeds are left out: with `require_parameters` they would exclude providers that know none."""
    routing = {"data_collection": settings.data_collection}
    effort = {"reasoning": {"effort": e}} if (e := settings.reasoning_effort) else {}
    return Dialect(
        sends_seed=False,
        headers=OPENROUTER_HEADERS,
        extra_body={"provider": routing, **effort},
        schema_extra_body={"provider": {**routing, "require_parameters": True}},
    )
