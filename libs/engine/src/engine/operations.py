"""One call inside a visit, with its retries, backoff and time limit, for all tasks at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.draws import Draws, Flags, Floats, Whole
from engine.faults import DELAY_FACTOR, OUTAGE_ERROR_SHARE, STALL_S, Strike

Latency = Callable[[np.random.Generator], tuple[Floats, Floats]]
"""From a stream to (s until the answer is complete, s until an error would show), one entry per task."""


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Retries after the first attempt, pause before the first one in s, and s after which an attempt is given up."""

    retries: int
    backoff_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What is called and how it behaves undisturbed. `repeat` tells equal calls of one visit apart."""

    kind: str
    ref: str
    latency: Latency
    error_rate: float
    limits: Limits
    repeat: int = 0


@dataclass(slots=True, eq=False)
class Operation:
    """What became of a call: `ok_s` of the attempt that worked, `retry_s` of those that did not, pauses between.

    `refusals` are attempts that ended in an error, `timeouts` those that were given up.
    """

    kind: str
    ref: str
    ok_s: Floats
    retry_s: Floats
    backoff_s: Floats
    attempts: Whole
    refusals: Whole
    timeouts: Whole
    failed: Flags
    tokens_in: Floats | None = None
    tokens_out: Floats | None = None
    cost: Floats | None = None
    answered_by: str = ""

    @property
    def total_s(self) -> Floats:
        return self.ok_s + self.retry_s + self.backoff_s

    @property
    def errors(self) -> Whole:
        return self.refusals + self.timeouts

    def only_where(self, going: Flags) -> None:
        """Forget it for tasks whose visit had already ended."""
        for name in ("ok_s", "retry_s", "backoff_s", "tokens_in", "tokens_out", "cost"):
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, value * going)
        for name in ("attempts", "refusals", "timeouts"):
            setattr(self, name, getattr(self, name) * going)
        self.failed = self.failed & going


def nothing_done(kind: str, ref: str, n: int) -> Operation:
    """A call that is not even tried, and so has failed: what an open breaker answers."""
    return Operation(
        kind=kind,
        ref=ref,
        ok_s=np.zeros(n),
        retry_s=np.zeros(n),
        backoff_s=np.zeros(n),
        attempts=np.zeros(n, np.int64),
        refusals=np.zeros(n, np.int64),
        timeouts=np.zeros(n, np.int64),
        failed=np.ones(n, np.bool_),
    )


@dataclass(slots=True, eq=False)
class Marks:
    """What each strike did inside one visit; keys are strike indices. Times in s from the start of service."""

    fired: dict[int, Flags] = field(default_factory=dict)
    noticed_s: dict[int, Floats] = field(default_factory=dict)
    saved_by: dict[int, dict[str, Flags]] = field(default_factory=dict)

    def fire(self, strike: Strike, hit: Flags) -> None:
        self.fired[strike.index] = self.fired.get(strike.index, np.zeros_like(hit)) | hit

    def notice(self, strike: Strike, hit: Flags, at_s: Floats) -> None:
        """It shows at `at_s` where it `hit`; the earliest time counts."""
        seen = np.where(hit, at_s, np.inf)
        self.noticed_s[strike.index] = np.minimum(self.noticed_s.get(strike.index, seen), seen)

    def save(self, strike: Strike, label: str, hit: Flags) -> None:
        labels = self.saved_by.setdefault(strike.index, {})
        labels[label] = labels.get(label, np.zeros_like(hit)) | hit


def strike_hits(
    strike: Strike, draws: Draws, where: tuple[str | int, ...], attempt_number: int
) -> Flags:
    """`where` ends with the number of the visit. In an incident each attempt meets the raised error share."""
    if strike.is_window:
        share = strike.number("error_share", OUTAGE_ERROR_SHARE)
        return draws.uniform("strike", strike.mode.id, *where, attempt_number) < share
    return strike.hits(draws, where, int(where[-1]), attempt_number)


def attempt(
    call: Call,
    draws: Draws,
    where: tuple[str | int, ...],
    *,
    strikes: Sequence[Strike],
    marks: Marks,
    clock_s: Floats,
) -> Operation:
    """Try until it works, the retries are used up, or an error forbids another try.

    `where` names its streams and ends with the number of the visit. `clock_s` is when it begins inside the visit.
    """
    n, limits = draws.n, call.limits
    done = nothing_done(call.kind, call.ref, n)
    done.failed = np.zeros(n, np.bool_)
    active = np.ones(n, np.bool_)
    struck = {strike.index: np.zeros(n, np.bool_) for strike in strikes}
    for k in range(limits.retries + 1):
        stream = draws.stream(*where, k)
        answer_s, error_s = call.latency(stream)
        u_error, u_pause = stream.random((2, n))
        errs = u_error < call.error_rate
        final = np.zeros(n, np.bool_)
        for strike in strikes:
            hit = strike_hits(strike, draws, where, k) & active
            answer_s, errs, final = _apply(strike, hit, answer_s, errs, final)
            struck[strike.index] |= hit
        late = ~errs & (answer_s > limits.timeout_s)
        bad = (errs | late) & active
        spent = np.where(errs, np.minimum(error_s, limits.timeout_s), limits.timeout_s)
        done.ok_s += np.where(active & ~bad, answer_s, 0.0)
        done.retry_s += np.where(bad, spent, 0.0)
        done.attempts += active
        done.refusals += errs & active
        done.timeouts += late & active
        _mark(marks, strikes, struck, bad, clock_s + done.retry_s + done.backoff_s)
        done.failed |= bad & (final if k < limits.retries else True)
        active = bad & ~done.failed
        if not active.any():
            break
        done.backoff_s += np.where(active, u_pause * limits.backoff_s * 2.0**k, 0.0)
    for strike in strikes:
        marks.save(strike, "retry", struck[strike.index] & (done.attempts > 1) & ~done.failed)
    return done


def _mark(
    marks: Marks,
    strikes: Sequence[Strike],
    struck: dict[int, Flags],
    bad: Flags,
    now_s: Floats,
) -> None:
    for strike in strikes:
        marks.fire(strike, struck[strike.index])
        marks.notice(strike, struck[strike.index] & bad, now_s)


def _apply(
    strike: Strike, hit: Flags, answer_s: Floats, errs: Flags, final: Flags
) -> tuple[Floats, Flags, Flags]:
    if strike.effect == "delay":
        slower = answer_s * strike.number("delay_factor", DELAY_FACTOR)
        return np.where(hit, slower + strike.number("delay_s", 0.0), answer_s), errs, final
    if strike.effect == "stall":
        hangs = np.maximum(answer_s, strike.number("duration_s", STALL_S))
        return np.where(hit, hangs, answer_s), errs, final
    if not strike.is_retryable:
        final = final | hit
    return answer_s, errs | hit, final
