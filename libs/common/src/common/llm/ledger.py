"""Money and usage, shared by all workers: a reservation before each paid call, the truth after it.

An unreadable ledger refuses paid calls and lets local ones pass: spending is never guessed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from common.llm.errors import BudgetSpent
from common.llm.port import Ask, Usage
from common.llm.shared import Shared, SharedUnavailable, change, read

KEPT_CALLS = 200
"""Single calls kept per simulation; the sums go on."""
OK = "ok"


class Sum(BaseModel):
    """Sums over calls; `unpriced` counts those whose cost is not known, so `cost_usd` is at least."""

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    reused: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    latency_s: float = 0.0

    def plus(self, call: "Call") -> "Sum":
        return Sum(
            calls=self.calls + (not call.is_reused),
            reused=self.reused + call.is_reused,
            failed=self.failed + (call.outcome != OK),
            input_tokens=self.input_tokens + (call.input_tokens or 0),
            output_tokens=self.output_tokens + (call.output_tokens or 0),
            cost_usd=self.cost_usd + (call.cost_usd or 0),
            unpriced=self.unpriced + (call.cost_usd is None and not call.is_reused),
            latency_s=round(self.latency_s + call.latency_s, 6),
        )


class Call(BaseModel):
    """One attempt at one provider; `outcome` is `ok` or a stable code. Null cost is unknown, not free."""

    model_config = ConfigDict(frozen=True)

    at: float
    agent: str
    task: str
    provider: str
    model: str
    prompt_version: str = ""
    outcome: str = OK
    latency_s: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    is_reused: bool = False


class Held(BaseModel):
    """Money set aside for a call under way, until it is settled or `until` (Unix seconds)."""

    model_config = ConfigDict(frozen=True)

    usd: Decimal
    until: float


class Account(BaseModel):
    """What one day or one simulation used. `groups` sums by `<agent>/<provider>/<model>`, `outcomes` counts codes."""

    model_config = ConfigDict(frozen=True)

    total: Sum = Sum()
    groups: dict[str, Sum] = {}
    outcomes: dict[str, int] = {}
    held: dict[str, Held] = {}
    calls: tuple[Call, ...] = ()

    def hold(self, call_id: str, wanted: Held, *, cap: Decimal, now: float) -> "Account":
        """The account with money set aside.

        Raises:
            BudgetSpent: with it the cap would be passed.
        """
        held = {name: h for name, h in self.held.items() if h.until > now}
        committed = self.total.cost_usd + sum((h.usd for h in held.values()), Decimal(0))
        if committed + wanted.usd > cap:
            raise BudgetSpent(f"up to ${wanted.usd:.6f} on ${committed:.6f} would pass ${cap}")
        return self.model_copy(update={"held": held | {call_id: wanted}})

    def release(self, call_id: str) -> "Account":
        held = {name: h for name, h in self.held.items() if name != call_id}
        return self.model_copy(update={"held": held})

    def add(self, call: Call, *, keep: bool) -> "Account":
        group = f"{call.agent}/{call.provider}/{call.model}"
        counted = self.outcomes.get(call.outcome, 0) + 1
        return self.model_copy(
            update={
                "total": self.total.plus(call),
                "groups": self.groups | {group: self.groups.get(group, Sum()).plus(call)},
                "outcomes": self.outcomes | {call.outcome: counted},
                "calls": (*self.calls, call)[-KEPT_CALLS:] if keep else (),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What must be settled: the accounts that hold money for `call_id`."""

    call_id: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Accounts per UTC day and per simulation. Caps in USD; null: none."""

    shared: Shared
    cap_day_usd: Decimal | None = None
    cap_simulation_usd: Decimal | None = None

    async def reserve(
        self, ask: Ask, call_id: str, usd: Decimal | None, *, now: float, until: float
    ) -> Reservation:
        """Set `usd` (the most the call can cost; null: nobody knows) aside before a paid call.

        Raises:
            BudgetSpent: a cap would be passed, the price is unknown under a cap, or the ledger is away.
        """
        reservation = Reservation(call_id=call_id)
        for key, cap in self._capped(ask, now):
            if usd is None:
                raise BudgetSpent("the model's price is not known, so no budget can hold it")
            try:
                held = Held(usd=usd, until=until)
                await self._hold(key, call_id, held, cap=cap, now=now)
            except SharedUnavailable as error:
                await self.release(reservation)
                raise BudgetSpent("the spend ledger is away: paid calls wait for it") from error
            except BudgetSpent:
                await self.release(reservation)
                raise
            reservation = Reservation(call_id=call_id, keys=(*reservation.keys, key))
        return reservation

    async def release(self, reservation: Reservation) -> None:
        """Free what is held; what cannot be freed now ends by itself."""
        for key in reservation.keys:
            try:
                await change(
                    self.shared, key, Account, lambda a: (a.release(reservation.call_id), None)
                )
            except SharedUnavailable:
                return

    async def record(self, ask: Ask, call: Call, reservation: Reservation | None = None) -> bool:
        """Write a call down and free its reservation; False: the ledger is away."""
        call_id = reservation.call_id if reservation else ""
        try:
            for key in _keys(ask, call.at):
                keep = key.startswith("simulation.")
                await change(
                    self.shared,
                    key,
                    Account,
                    lambda a, keep=keep: (a.release(call_id).add(call, keep=keep), None),  # type: ignore[misc]
                )
        except SharedUnavailable:
            return False
        return True

    def _capped(self, ask: Ask, now: float) -> list[tuple[str, Decimal]]:
        caps = {day_key(now): self.cap_day_usd}
        if ask.simulation_id:
            caps[simulation_key(ask.simulation_id)] = self.cap_simulation_usd
        return [(key, cap) for key, cap in caps.items() if cap is not None]

    async def _hold(self, key: str, call_id: str, held: Held, *, cap: Decimal, now: float) -> None:
        await change(
            self.shared,
            key,
            Account,
            lambda a: (a.hold(call_id, held, cap=cap, now=now), None),
        )


def day_key(at: float) -> str:
    return f"day.{datetime.fromtimestamp(at, UTC).date().isoformat()}"


def simulation_key(simulation_id: str) -> str:
    return f"simulation.{simulation_id}"


def _keys(ask: Ask, at: float) -> tuple[str, ...]:
    day = day_key(at)
    return (day, simulation_key(ask.simulation_id)) if ask.simulation_id else (day,)


def call_of(ask: Ask, *, at: float, provider: str, model: str, usage: Usage, **rest: Any) -> Call:
    """The record of one attempt."""
    return Call(
        at=at,
        agent=ask.agent,
        task=ask.task,
        provider=provider,
        model=model,
        prompt_version=ask.prompt_version,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        **rest,
    )


async def read_day(shared: Shared, at: float) -> Account:
    """What was used on the UTC day of `at` (Unix seconds)."""
    return await read(shared, day_key(at), Account)


async def read_simulation(shared: Shared, simulation_id: str) -> Account:
    """What one simulation used, with its last calls."""
    return await read(shared, simulation_key(simulation_id), Account)
