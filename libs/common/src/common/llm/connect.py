"""Builds the port from settings, for a worker (state shared over the bus) or for one process alone.

With no provider configured nothing is imported and nothing is built.
"""

from typing import TYPE_CHECKING

from common.llm.port import ModelPort
from common.llm.settings import Kind, ModelSettings, Ollama, OpenRouter, address, is_local, is_paid

if TYPE_CHECKING:
    from common.bus import Bus
    from common.llm.calling import Line
    from common.llm.failover import Failover
    from common.llm.openai_api import Dialect
    from common.llm.shared import Stores
    from common.llm.upstream import Upstream

_CONNECT_LOCAL_S, _CONNECT_S = 1.0, 5.0
_FIRST_TOKEN_LOCAL_S, _FIRST_TOKEN_S = 120.0, 30.0
"""A local server may have to load the model first; the call's own deadline is the tighter bound."""
_PROMPT_TOKENS, _ANSWER_TOKENS = 8_000, 4_096
"""Assumed: what a small local model still reads well, and more than any of our answers needs."""


def models_for(bus: "Bus", settings: ModelSettings) -> ModelPort | None:
    """The models a worker may ask; null: none is configured, and its rules engine works alone."""
    if not settings.configured:
        return None
    from common.llm.buckets import stores_on
    from common.llm.spans import export_metrics
    from common.telemetry import endpoint_configured

    if endpoint_configured():
        export_metrics(f"simulator-{bus.worker}", bus.instance)
    return port_on(stores_on(lambda name: bus.broker.key_value(name, declare=False)), settings)


def port_on(stores: "Stores", settings: ModelSettings) -> "Failover":
    """The port over the configured providers, with the given stores."""
    from common.llm.failover import Failover
    from common.llm.ledger import Ledger

    prompt_tokens, answer_tokens = room(settings)
    return Failover(
        lines=tuple(line_for(kind, settings) for kind in settings.configured),
        stores=stores,
        ledger=Ledger(
            shared=stores.ledger,
            cap_day_usd=settings.budget_day_usd,
            cap_simulation_usd=settings.budget_simulation_usd,
        ),
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
        reuses=settings.reuse_answers,
        captures=settings.capture_content,
    )


def room(settings: ModelSettings) -> tuple[int, int]:
    """Tokens for a prompt and for its answer; of the smallest context that is set a quarter is left for the schema."""
    contexts = []
    for kind in settings.configured:
        given = settings.provider(kind)
        context = given.context_tokens or (given.num_ctx if isinstance(given, Ollama) else None)
        contexts += [context] if context else []
    smallest = min(contexts, default=None)
    if smallest is None:
        return _PROMPT_TOKENS, _ANSWER_TOKENS
    return min(_PROMPT_TOKENS, smallest * 9 // 20), min(_ANSWER_TOKENS, smallest * 3 // 10)


def line_for(kind: Kind, settings: ModelSettings) -> "Line":
    """One provider with its bounds."""
    from common.llm.calling import Line
    from common.llm.limits import Limits

    given = settings.provider(kind)
    local = is_local(address(kind, given))
    places = given.concurrency or (1 if kind == "ollama" else None)
    return Line(
        upstream=_upstream(kind, settings),
        limits=Limits(
            concurrency=places,
            requests_per_min=given.requests_per_min,
            tokens_per_min=given.tokens_per_min,
        ),
        first_token_s=given.first_token_s or (_FIRST_TOKEN_LOCAL_S if local else _FIRST_TOKEN_S),
        idle_s=given.idle_s,
        spill_after_s=given.spill_after_s,
        tells_shape=kind in ("ollama", "compatible"),
    )


def _upstream(kind: Kind, settings: ModelSettings) -> "Upstream":
    from common.llm.ollama import OllamaApi
    from common.llm.openai_api import Dialect, OpenAIApi
    from common.llm.servers import (
        CompatibleServer,
        OllamaServer,
        OpenRouterServer,
        openrouter_dialect,
    )

    given = settings.provider(kind)
    url, key = address(kind, given), given.api_key.get_secret_value() if given.api_key else ""
    effort = {"reasoning_effort": given.reasoning_effort} if given.reasoning_effort else {}
    connect_s = given.connect_s or (_CONNECT_LOCAL_S if is_local(url) else _CONNECT_S)

    def chat(base_url: str, dialect: "Dialect") -> OpenAIApi:
        return OpenAIApi(base_url=base_url, key=key, dialect=dialect, connect_s=connect_s)

    if isinstance(given, Ollama):
        root = url.removesuffix("/v1")
        api = OllamaApi(base_url=root, key=key, connect_s=connect_s)
        dialect = Dialect(tokens_field=given.tokens_field or "max_tokens", extra_body=effort)
        return OllamaServer(settings=given, address=root, api=api, chat=chat(f"{root}/v1", dialect))
    if isinstance(given, OpenRouter):
        return OpenRouterServer(
            settings=given, address=url, key=key, chat=chat(url, openrouter_dialect(given))
        )
    is_openai = kind == "openai"
    field = given.tokens_field or ("max_completion_tokens" if is_openai else "max_tokens")
    # OpenAI's reasoning models refuse a temperature, and its others take their default.
    dialect = Dialect(tokens_field=field, sends_temperature=not is_openai, extra_body=effort)
    return CompatibleServer(
        settings=given,
        address=url,
        key=key,
        name=kind,
        is_paid=is_paid(kind, given),
        chat=chat(url, dialect),
    )
