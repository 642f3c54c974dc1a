"""How often: rates per key and per address, counted in this process."""

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from gateway.access.policy import Kind
from gateway.errors import TooManyRequests
from gateway.settings import GatewaySettings


class Rates:
    """Several gateways each allow the whole rate: it is a guard for one process, not an account of what is owed."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._by_kind: dict[Kind, RateLimitItem | None] = {
            "reads": _item(settings.rate_reads),
            "writes": _item(settings.rate_writes),
            "connects": _item(settings.rate_connects),
        }
        self._by_address = _item(settings.rate_address)
        self._failures = _item(settings.rate_failures)

    def arrive(self, address: str) -> None:
        """Count a request before it is known who sends it.

        Raises:
            TooManyRequests: too many, or too many with a wrong key, came from this address.
        """
        self._take(self._by_address, "address", address)
        if self._failures and not self._limiter.test(self._failures, "failure", address):
            raise self._refusal(self._failures, "failure", address)

    def failed(self, address: str) -> None:
        """Count a key or ticket that was none."""
        if self._failures:
            self._limiter.hit(self._failures, "failure", address)

    def use(self, key_id: str, kind: Kind) -> None:
        """Raises TooManyRequests."""
        self._take(self._by_kind[kind], kind, key_id)

    def _take(self, item: RateLimitItem | None, *of: str) -> None:
        if item and not self._limiter.hit(item, *of):
            raise self._refusal(item, *of)

    def _refusal(self, item: RateLimitItem, *of: str) -> TooManyRequests:
        reset_s = self._limiter.get_window_stats(item, *of).reset_time - time.time()
        refused = TooManyRequests(f"At most {item.amount} per {item.get_expiry()} s ({of[0]}).")
        refused.retry_after_s = min(max(1, math.ceil(reset_s)), item.get_expiry())
        return refused


def _item(rate: str) -> RateLimitItem | None:
    return parse(rate) if rate else None
