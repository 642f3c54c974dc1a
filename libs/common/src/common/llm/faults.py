"""What went wrong with one call to one provider, and the one place that says what it means.

Order of evidence: the provider's own discriminators, then codes in the body, then the HTTP status, then how the
transport ended. What nobody foresaw moves on to the next provider once and is never retried without end.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

Ended = Literal["status", "refused", "connection", "timeout", "stream", "answer"]
"""How it ended: an HTTP status, nobody listening, a broken connection, one of our timers, a stream that told of an
error or just stopped, an answer that is none."""


class Action(StrEnum):
    RETRY = "retry"
    """The same provider, soon."""
    WAIT = "wait"
    """The same provider after `wait_s`, if the deadline allows; else the next one."""
    FAIL_OVER = "fail_over"
    """The next provider."""
    REASK = "reask"
    """The provider works, its answer is unusable: ask anew."""
    FATAL = "fatal"
    """This provider will not answer for long (key, money): the next one, and a long pause for this one."""
    CALLER_BUG = "caller_bug"
    """The request is wrong and would be wrong everywhere."""


class Health(StrEnum):
    """What it says about the provider, for its circuit."""

    FINE = "fine"
    FAILED = "failed"
    GONE = "gone"
    BARRED = "barred"


class Fault(Exception):
    """One failed attempt. It stays inside the layer: callers see `common.llm.errors`.

    `shown` is the text that had already arrived; `retry_after_s` is the provider's own wish.
    """

    def __init__(
        self,
        ended: Ended,
        message: str = "",
        *,
        status: int | None = None,
        code: str = "",
        retry_after_s: float | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.ended: Ended = ended
        self.message = message
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        self.metadata = metadata or {}
        self.shown = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """`code` is stable and of low cardinality: it goes to spans, usage records and results."""

    action: Action
    code: str
    health: Health = Health.FINE
    wait_s: float | None = None


_BUDGET_402 = "openrouter_in_flight_budget"
_TERMINAL_LIMITS = {
    *("openrouter_key_limit", "workspace_budget", "guardrail_budget", "weight_exceeds_budget"),
}
_LOADING_WAIT_S = 0.5
_BUSY_WAIT_S = 1.0
_RATE_WAIT_S = 2.0


def _wait(code: str, wait_s: float) -> Meaning:
    return Meaning(action=Action.WAIT, code=code, wait_s=wait_s)


def _fatal(code: str) -> Meaning:
    return Meaning(action=Action.FATAL, code=code, health=Health.BARRED)


def _wrong(code: str) -> Meaning:
    return Meaning(action=Action.CALLER_BUG, code=code)


def _passing(code: str) -> Meaning:
    return Meaning(action=Action.RETRY, code=code, health=Health.FAILED)


_WORDS: tuple[tuple[re.Pattern[str], tuple[int | None, ...] | None, Meaning], ...] = (
    (
        re.compile(
            r"insufficient_quota|credit_balance_exhausted|spend_limit_exceeded"
            r"|organization_usage_limit|payment_required"
        ),
        None,
        _fatal("quota"),
    ),
    (
        re.compile(
            r"context_length_exceeded|exceed_context_size|context (length|size|window)"
            r"|maximum context|too many tokens"
        ),
        None,
        Meaning(action=Action.FAIL_OVER, code="context_length_exceeded"),
    ),
    (
        re.compile(r"content_policy|content_filter|moderation|flagged|safety"),
        (400, 403, None),
        _wrong("content_filter"),
    ),
    (
        re.compile(
            r"model_not_found|not_found_error|no endpoints found|model_not_supported"
            r"|model .*not (found|installed)"
        ),
        (400, 404),
        Meaning(action=Action.FAIL_OVER, code="model_not_found", health=Health.BARRED),
    ),
    (
        re.compile(r"loading model|model is loading|unavailable_error"),
        (503,),
        _wait("loading", _LOADING_WAIT_S),
    ),
    (
        re.compile(r"server busy|maximum pending requests|no slot|overloaded|at capacity"),
        (503, 529, None),
        _wait("overloaded", _BUSY_WAIT_S),
    ),
)
"""Words, the statuses under which they count (null in them: none; null: all), what they mean."""

_STATUS = {
    400: _wrong("bad_request"),
    413: _wrong("too_large"),
    422: _wrong("unprocessable"),
    401: _fatal("unauthorized"),
    402: _fatal("payment_required"),
    403: _fatal("forbidden"),
    404: Meaning(action=Action.FAIL_OVER, code="not_found", health=Health.BARRED),
    408: _passing("timeout"),
    409: _passing("conflict"),
    425: _passing("too_early"),
    499: _passing("cancelled_upstream"),
}


def classify(fault: Fault) -> Meaning:
    """What a fault means for the call and for the provider's circuit."""
    told = (fault.metadata.get("words", ""), fault.metadata.get("error_type", ""))
    text = " ".join(map(str, (fault.code, *told, fault.message))).lower()
    return (
        _by_discriminator(fault) or _by_words(fault, text) or _by_status(fault) or _by_ending(fault)
    )


def _by_discriminator(fault: Fault) -> Meaning | None:
    limit_source = str(fault.metadata.get("limit_source", ""))
    if limit_source == _BUDGET_402:
        return _wait("in_flight_budget", fault.retry_after_s or _BUSY_WAIT_S)
    if limit_source in _TERMINAL_LIMITS:
        return _fatal("spend_limit")
    availability = fault.metadata.get("availability")
    if isinstance(availability, dict) and isinstance(availability.get("retryable"), bool):
        if not availability["retryable"]:
            return Meaning(action=Action.FAIL_OVER, code="unavailable", health=Health.FAILED)
        return _wait("unavailable", _seconds(availability.get("retry_after")) or _BUSY_WAIT_S)
    return None


def _by_words(fault: Fault, text: str) -> Meaning | None:
    """Codes and, where a server gives none, the words of its message."""
    for words, statuses, meaning in _WORDS:
        if (statuses is None or fault.status in statuses) and words.search(text):
            if meaning.action is Action.WAIT and fault.retry_after_s is not None:
                return replace(meaning, wait_s=fault.retry_after_s)
            return meaning
    return None


def _by_status(fault: Fault) -> Meaning | None:
    status, wish_s = fault.status, fault.retry_after_s
    if status is None:
        return None
    if status == 402 and wish_s is not None:
        return _wait("in_flight_budget", wish_s)
    if status in _STATUS:
        return _STATUS[status]
    if status == 429:
        return _wait("rate_limited", _RATE_WAIT_S if wish_s is None else wish_s)
    if status >= 500:
        return _server(status, wish_s)
    return Meaning(action=Action.FAIL_OVER, code=f"http_{status}", health=Health.FAILED)


def _server(status: int, retry_after_s: float | None) -> Meaning:
    if retry_after_s is not None:
        return Meaning(
            action=Action.WAIT, code=f"http_{status}", health=Health.FAILED, wait_s=retry_after_s
        )
    return Meaning(action=Action.RETRY, code=f"http_{status}", health=Health.FAILED)


def _by_ending(fault: Fault) -> Meaning:
    code = fault.code or fault.ended
    match fault.ended:
        case "refused":
            return Meaning(action=Action.FAIL_OVER, code="refused", health=Health.GONE)
        case "connection":
            return Meaning(action=Action.RETRY, code="connection", health=Health.FAILED)
        case "timeout":
            return Meaning(action=Action.FAIL_OVER, code=code, health=Health.FAILED)
        case "stream":
            return Meaning(action=Action.RETRY, code=code, health=Health.FAILED)
        case "answer":
            return Meaning(action=Action.REASK, code=code)
        case _:
            return Meaning(action=Action.FAIL_OVER, code="unknown", health=Health.FAILED)


def _seconds(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
