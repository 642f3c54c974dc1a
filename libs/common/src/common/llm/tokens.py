"""Tokens and money, estimated before a call and computed after it."""

from collections.abc import Iterable
from decimal import Decimal

from common.llm.port import Message, Usage
from common.llm.upstream import Chosen

BYTES_PER_TOKEN = 3
"""Fewer than English prose has (about 4): an estimate that is too high overflows no context and no budget."""
MESSAGE_OVERHEAD_TOKENS = 8


def estimate_tokens(text: str) -> int:
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def estimate_messages(messages: Iterable[Message]) -> int:
    return sum(estimate_tokens(m.content) + MESSAGE_OVERHEAD_TOKENS for m in messages)


def most_it_can_cost(chosen: Chosen, input_tokens: int, max_tokens: int) -> Decimal | None:
    """USD, if every allowed token is used; null if a price is not known."""
    if chosen.price_input is None or chosen.price_output is None:
        return None
    return Decimal(chosen.price_input) * input_tokens + Decimal(chosen.price_output) * max_tokens


def cost_of(chosen: Chosen, usage: Usage) -> Decimal | None:
    """The provider's own figure, else price times tokens, else null."""
    if usage.cost_usd is not None:
        return usage.cost_usd
    known = chosen.price_input is not None and chosen.price_output is not None
    if not known or usage.input_tokens is None or usage.output_tokens is None:
        return None
    price_input, price_output = Decimal(chosen.price_input or 0), Decimal(chosen.price_output or 0)
    cached = usage.cached_tokens or 0
    price_cached = Decimal(chosen.price_cached) if chosen.price_cached else price_input
    fresh = max(usage.input_tokens - cached, 0)
    return price_input * fresh + price_cached * cached + price_output * usage.output_tokens
