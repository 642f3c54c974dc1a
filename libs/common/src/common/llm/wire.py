"""Reading what servers send, in whatever form: usage, error bodies, rate-limit headers; never more than a bound."""

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

import httpx2

from common.llm.faults import Ended, Fault
from common.llm.port import Usage

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_HINT_S = 86_400.0


class BodyTooLarge(Exception):
    """A response passed the bound; its connection is closed."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: Any, limit: int) -> None:
        self._inner, self._limit = inner, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for part in self._inner:
            seen += len(part)
            if seen > self._limit:
                raise BodyTooLarge(str(self._limit))
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


def bounded(limit: int) -> Callable[[httpx2.Response], Awaitable[None]]:
    """A response hook that bounds the body, of answers and of errors alike."""

    async def hook(response: httpx2.Response) -> None:
        response.stream = _Bounded(response.stream, limit)

    return hook


def read_body(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Fault("answer", "the answer is not JSON", code="garbage") from None


def faulty(
    ended: Ended,
    body: Any,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    message: str = "",
) -> Fault:
    """A fault from an error body in OpenAI's, OpenRouter's, llama.cpp's or Ollama's form.

    A number in `code` is read as a status: OpenRouter reports errors of a running stream so, under HTTP 200.
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        error = {"message": str(error or message)}
    told = str(error.get("code") or "")
    if status is None and told.isdigit():
        status = int(told)
    metadata = error.get("metadata")
    known = dict(metadata) if isinstance(metadata, dict) else {}
    if isinstance(error.get("availability"), dict):
        known["availability"] = error["availability"]
    known["words"] = f"{told} {error.get('type') or ''}"
    return Fault(
        ended if status is None else "status",
        str(error.get("message") or message),
        status=status,
        code="" if ended == "status" else "stream_error",
        retry_after_s=retry_after_of(headers or {}),
        metadata=known,
    )


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the server wishes (`retry-after-ms`, `retry-after`: number or date); null if it is silent."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wish_s = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if isfinite(wish_s):
            return _sane(wish_s)
    try:
        return _sane(parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, TypeError):
        return None


def pause_of(headers: Mapping[str, str]) -> float | None:
    """Seconds until the window resets, where rate-limit headers say that nothing is left in it."""
    waits = []
    for kind in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0":
            waits.append(_duration_s(headers.get(f"x-ratelimit-reset-{kind}", "")))
    return max((w for w in waits if w), default=None)


def _duration_s(text: str) -> float | None:
    """`1s`, `6m0s`, `120ms` or plain seconds; null for what is none of these."""
    parts = _DURATION.findall(text)
    if parts:
        return _sane(sum(float(number) * _UNIT_S[unit] for number, unit in parts))
    try:
        seconds = float(text)
    except ValueError:
        return None
    return _sane(seconds) if isfinite(seconds) else None


def _sane(seconds: float) -> float:
    return min(max(seconds, 0.0), _LONGEST_HINT_S)


def usage_of(body: Any) -> Usage | None:
    """Tokens, and the cost if the server names one (OpenRouter's `cost`, in USD)."""
    if not isinstance(body, dict):
        return None
    prompt, completion = body.get("prompt_tokens_details"), body.get("completion_tokens_details")
    return Usage(
        input_tokens=_count(body.get("prompt_tokens")),
        output_tokens=_count(body.get("completion_tokens")),
        cached_tokens=_count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        reasoning_tokens=_count(completion.get("reasoning_tokens"))
        if isinstance(completion, dict)
        else None,
        cost_usd=money_of(body.get("cost")),
    )


def money_of(value: Any) -> Decimal | None:
    """A price or cost from a number or a string; null for none, negative and nonsense."""
    if value is None or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
