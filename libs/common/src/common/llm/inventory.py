"""What is configured and how it is doing: providers, their health, their models. For people, not for calls."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from common.llm.catalogue import offers_in
from common.llm.faults import Fault, classify
from common.llm.fetch import client_for, fetch
from common.llm.ollama import OllamaApi
from common.llm.settings import Kind, ModelSettings, address, is_paid

_TASKS = ("structure", "plan", "prose", "chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One model. Bytes on disk, context in tokens, prices in USD per million tokens; null where not told."""

    name: str
    size_bytes: int | None = None
    context_tokens: int | None = None
    price_input_usd: float | None = None
    price_output_usd: float | None = None
    is_loaded: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One provider as it is now. `problem` is a stable code; null: it answers. `answered_s` in seconds."""

    provider: Kind
    address: str
    is_paid: bool
    model: str
    problem: str | None = None
    answered_s: float | None = None
    version: str = ""
    models: tuple[Listed, ...] = ()
    by_task: dict[str, str] = field(default_factory=dict)


async def survey(settings: ModelSettings) -> tuple[State, ...]:
    """Every configured provider, in the order they are asked; all are looked at at the same time."""
    return tuple(await asyncio.gather(*(_state(kind, settings) for kind in settings.configured)))


async def ollama_runs_here() -> bool:
    """Whether an Ollama answers at its usual address, configured or not."""
    api = OllamaApi(base_url="http://127.0.0.1:11434")
    try:
        return await api.is_alive()
    finally:
        await api.aclose()


async def _state(kind: Kind, settings: ModelSettings) -> State:
    given = settings.provider(kind)
    url = address(kind, given)
    key = given.api_key.get_secret_value() if given.api_key else ""
    began = time.monotonic()
    problem, version = None, ""
    models: tuple[Listed, ...] = ()
    try:
        version, models = await (_ollama(url, key) if kind == "ollama" else _listed(url, key))
    except Fault as fault:
        problem = classify(fault).code
    return State(
        provider=kind,
        address=url,
        is_paid=is_paid(kind, given),
        model=given.model,
        problem=problem,
        answered_s=None if problem else round(time.monotonic() - began, 3),
        version=version,
        models=models,
        by_task={task: given.model_for("", task) for task in _TASKS},
    )


async def _ollama(url: str, key: str) -> tuple[str, tuple[Listed, ...]]:
    api = OllamaApi(base_url=url.removesuffix("/v1"), key=key)
    try:
        version = await api.version()
        installed, running = await api.models(), await api.running()
    finally:
        await api.aclose()
    loaded = {model.name: model for model in running}
    return version, tuple(
        Listed(
            name=model.name,
            size_bytes=model.size or None,
            context_tokens=loaded[model.name].context_length if model.name in loaded else None,
            is_loaded=model.name in loaded,
        )
        for model in installed
    )


async def _listed(url: str, key: str) -> tuple[str, tuple[Listed, ...]]:
    async with client_for(url, key=key, connect_s=5.0) as client:
        body = await fetch(client, "GET", "models")
    offers = {offer.id: offer for offer in offers_in(body)}
    return "", tuple(
        Listed(
            name=name,
            context_tokens=offers[name].context_tokens or None if name in offers else None,
            price_input_usd=_per_million(offers[name].price_input) if name in offers else None,
            price_output_usd=_per_million(offers[name].price_output) if name in offers else None,
        )
        for name in _names(body)
    )


def _names(body: Any) -> list[str]:
    rows = body.get("data") if isinstance(body, dict) else None
    return [str(row["id"]) for row in rows or () if isinstance(row, dict) and row.get("id")]


def _per_million(price: Any) -> float | None:
    return None if price is None else float(price * 1_000_000)
