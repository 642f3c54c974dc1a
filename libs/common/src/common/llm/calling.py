"""One attempt with everything around it: circuit, place at the gate, money, span, timers, record."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import uuid4

from common.llm import circuit, limits, spans
from common.llm.attempt import Heard, Timers, attempt
from common.llm.course import Course, MoveOn
from common.llm.errors import BudgetSpent
from common.llm.faults import Action, Fault, Health, Meaning, classify
from common.llm.ledger import OK, Ledger, Reservation, call_of
from common.llm.limits import Limits
from common.llm.port import Answer, Usage
from common.llm.shared import Shared, SharedUnavailable
from common.llm.tokens import cost_of, estimate_messages, most_it_can_cost
from common.llm.upstream import Call, Chosen, Upstream

HOLD_S = 86_400.0
"""How long money stays set aside if nobody ever says what a call cost (its worker died, its stream was cut)."""
_LAST_MOMENT_S = 0.05
"""The attempt's timers end before the call's deadline does, so that the failure can be told."""
_LEASE_SLACK_S = 5.0
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A provider with its bounds. `tells_shape`: schemas are also put in the prompt."""

    upstream: Upstream
    limits: Limits = field(default_factory=Limits)
    first_token_s: float = 60.0
    idle_s: float = 20.0
    spill_after_s: float = 30.0
    tells_shape: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one model of one provider."""

    state: Shared
    ledger: Ledger
    line: Line
    chosen: Chosen
    now: Callable[[], float]
    captures: bool

    async def once(self, call: Call, course: Course) -> Answer:
        """One attempt.

        Raises:
            Fault: it failed; circuit, gate and ledger know already. MoveOn: it may not be made.
        """
        await self._check_circuit()
        lease = uuid4().hex
        try:
            await self._enter(lease, call, course)
            reservation = await self._reserve(lease, call, course)
        except BaseException:  # not called after all: the place and a probe are for the next one
            with suppress(SharedUnavailable):
                await limits.leave_gate(self.state, self.line.upstream.name, lease)
                await circuit.unprobe(self.state, self.line.upstream.name, self.chosen.name)
            raise
        return await self._observed(call, course, lease, reservation)

    async def _observed(
        self, call: Call, course: Course, lease: str, reservation: Reservation
    ) -> Answer:
        heard, loop = Heard(), asyncio.get_running_loop()
        began = loop.time()
        with spans.observing(course.ask, self.line.upstream, call, captures=self.captures) as seen:
            outcome: Meaning | None = None
            try:
                await attempt(self.line.upstream, call, self._timers(course), heard, course.say)
                return self._answer(call, course, heard, loop.time() - began)
            except Fault as fault:
                outcome = classify(fault)
                raise
            except TimeoutError:
                outcome = _too_late(heard)
                raise
            except asyncio.CancelledError:
                outcome = Meaning(action=Action.FAIL_OVER, code=CANCELLED)
                raise
            finally:
                ended = _Ended(heard, self._usage(heard, outcome), loop.time() - began, outcome)
                course.spend(ended.usage)
                seen.ended(heard, ended.usage, ended.latency_s, ended.code)
                await self._settle(course, lease, reservation, ended)

    def _answer(self, call: Call, course: Course, heard: Heard, latency_s: float) -> Answer:
        usage = self._usage(heard, None)
        total = usage if course.usage is None else course.usage + usage
        return Answer(
            text=heard.text,
            provider=self.line.upstream.name,
            model=heard.model or call.model,
            finish_reason="length" if heard.finish_reason == "length" else "stop",
            usage=total,
            latency_s=latency_s,
            attempts=course.attempts + 1,
            prompt_version=course.ask.prompt_version,
        )

    def _timers(self, course: Course) -> Timers:
        return Timers(
            first_token_s=self.line.first_token_s,
            idle_s=self.line.idle_s,
            deadline=course.deadline - _LAST_MOMENT_S,
        )

    async def _check_circuit(self) -> None:
        upstream, model = self.line.upstream, self.chosen.name
        verdict, at = await circuit.may_call(self.state, upstream.name, model, self.now())
        if verdict != "open":
            return
        if not at.gone or not await upstream.is_alive():
            raise MoveOn("circuit_open")
        await circuit.reopen(self.state, upstream.name, model)

    async def _enter(self, lease: str, call: Call, course: Course) -> None:
        """Wait for a place: as long as the line allows where others can be asked, else until the deadline."""
        loop = asyncio.get_running_loop()
        patience = course.deadline - _LAST_MOMENT_S
        if course.has_others:
            patience = min(loop.time() + self.line.spill_after_s, patience)
        tokens = estimate_messages(call.messages) + call.max_tokens
        while True:
            until = self.now() + course.left_s + _LEASE_SLACK_S
            wait_s = await limits.try_enter(
                self.state,
                self.line.upstream.name,
                self.line.limits,
                lease=lease,
                tokens=tokens,
                now=self.now(),
                until=until,
            )
            if wait_s <= 0:
                return
            if loop.time() + wait_s > patience:
                raise MoveOn("busy")
            await asyncio.sleep(wait_s)

    async def _reserve(self, lease: str, call: Call, course: Course) -> Reservation:
        if not self.line.upstream.is_paid:
            return Reservation(call_id=lease)
        most = most_it_can_cost(self.chosen, estimate_messages(call.messages), call.max_tokens)
        now = self.now()
        try:
            return await self.ledger.reserve(course.ask, lease, most, now=now, until=now + HOLD_S)
        except BudgetSpent:
            raise MoveOn(BudgetSpent.code) from None

    def _usage(self, heard: Heard, outcome: Meaning | None) -> Usage:
        """What the attempt used; a request that was turned away cost nothing, a broken one an unknown sum."""
        usage = heard.usage or Usage()
        turned_away = outcome is not None and heard.first_token_s is None
        if turned_away and self.line.upstream.is_paid and _was_answered(outcome):
            return replace(usage, cost_usd=usage.cost_usd or Decimal(0))
        return replace(usage, cost_usd=cost_of(self.chosen, usage))

    async def _settle(
        self, course: Course, lease: str, reservation: Reservation, ended: "_Ended"
    ) -> None:
        """Tell ledger, gate and circuit. What a paid call cost is unknown if it broke: its money stays set aside."""
        name, model, now = self.line.upstream.name, self.chosen.name, self.now()
        heard, outcome = ended.heard, ended.outcome
        call = call_of(
            course.ask,
            at=now,
            provider=name,
            model=heard.model or model,
            usage=ended.usage,
            outcome=ended.code or OK,
            latency_s=round(ended.latency_s, 6),
        )
        is_known = ended.usage.cost_usd is not None or not self.line.upstream.is_paid
        await self.ledger.record(course.ask, call, reservation if is_known else None)
        pause_s = (outcome.wait_s if outcome else None) or heard.pause_s
        with suppress(SharedUnavailable):
            until = now + pause_s if pause_s else 0.0
            await limits.leave_gate(self.state, name, lease, paused_until=until)
            if ended.code == CANCELLED:
                await circuit.unprobe(self.state, name, model)
                return
            health = outcome.health if outcome else Health.FINE
            told = circuit.Told(health=health, code=ended.code or OK, at=now)
            await circuit.report(self.state, name, model, told)


@dataclass(frozen=True, slots=True)
class _Ended:
    """One attempt's end; `outcome` is null for a whole answer."""

    heard: Heard
    usage: Usage
    latency_s: float
    outcome: Meaning | None

    @property
    def code(self) -> str | None:
        return self.outcome.code if self.outcome else None


def _too_late(heard: Heard) -> Meaning:
    """The deadline passed: a server that had said nothing by then is failing, a talking one was only slow."""
    health = Health.FINE if heard.first_token_s is not None else Health.FAILED
    return Meaning(action=Action.FAIL_OVER, code="deadline", health=health)


def _was_answered(outcome: Meaning | None) -> bool:
    """Whether the server (or its absence) said that nothing was generated."""
    return outcome is not None and outcome.code not in {
        *("timeout_first_token", "timeout_idle", "deadline", "cut", "connection", CANCELLED),
        *("garbage", "empty_answer", "stream_error"),
    }
