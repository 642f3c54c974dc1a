"""OpenRouter's list of models, and the cheapest one that can do a task."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from common.llm.port import Task
from common.llm.wire import money_of

_MILLION = Decimal(1_000_000)
_LEAST_CONTEXT = {"structure": 16_000, "plan": 32_000, "prose": 16_000, "chat": 16_000}
"""Smaller contexts are signs of old models; assumed."""
_THINKS = frozenset({"plan"})
"""Tasks for which the model must be able to reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One model; prices in USD per token, null: not told."""

    id: str
    context_tokens: int
    price_input: Decimal | None
    price_output: Decimal | None
    price_cached: Decimal | None
    parameters: frozenset[str]
    writes_text: bool


def offers_in(body: Any) -> tuple[Offer, ...]:
    """The readable rows of `GET /models`; models with a date of expiry are left out."""
    rows = body.get("data") if isinstance(body, dict) else None
    found = (_offer(row) for row in rows or () if isinstance(row, dict))
    return tuple(offer for offer in found if offer is not None)


def _offer(row: dict[str, Any]) -> Offer | None:
    pricing, top = row.get("pricing") or {}, row.get("top_provider") or {}
    if not isinstance(row.get("id"), str) or row.get("expiration_date"):
        return None
    outputs = (row.get("architecture") or {}).get("output_modalities") or ["text"]
    return Offer(
        id=row["id"],
        context_tokens=int(top.get("context_length") or row.get("context_length") or 0),
        price_input=money_of(pricing.get("prompt")),
        price_output=money_of(pricing.get("completion")),
        price_cached=money_of(pricing.get("input_cache_read")),
        parameters=frozenset(row.get("supported_parameters") or ()),
        writes_text="text" in outputs,
    )


def best_offer(
    offers: tuple[Offer, ...],
    *,
    task: Task,
    context_tokens: int,
    needs_schema: bool,
    max_price_usd: Decimal,
) -> Offer | None:
    """The cheapest paid model that can do it (free ones are limited to a few calls a day); null if none can."""
    needed = {"structured_outputs"} if needs_schema else set()
    needed |= {"reasoning"} if task in _THINKS else set()
    able = [
        offer
        for offer in offers
        if offer.writes_text
        and needed <= offer.parameters
        and offer.context_tokens >= max(context_tokens, _LEAST_CONTEXT[task])
        and offer.price_output is not None
        and offer.price_input is not None
        and 0 < offer.price_output * _MILLION <= max_price_usd
    ]
    return min(
        able, key=lambda o: (3 * (o.price_input or 0) + (o.price_output or 0), o.id), default=None
    )
