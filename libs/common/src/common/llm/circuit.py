"""A circuit per provider and model, shared by all workers: closed, open, half-open with one probe.

There is no "try the one that recovers first" when all are open: behind the last provider stands the rules engine.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from common.llm.faults import Health
from common.llm.shared import Shared, change

THRESHOLD = 3
"""Consecutive failures before it opens."""
COOLDOWN_S = 5.0
LONGEST_COOLDOWN_S = 60.0
BARRED_S = 300.0
"""Wrong key, no money, no such model: nothing that heals in seconds."""
PROBE_S = 120.0
"""A probe that was never reported (its worker died) is given to another after this long."""

Verdict = Literal["go", "probe", "open"]


class Circuit(BaseModel):
    """Times are Unix seconds. `opened` counts openings in a row, for the cooldown's growth."""

    model_config = ConfigDict(frozen=True)

    failures: int = 0
    opened: int = 0
    open_until: float = 0.0
    probe_until: float = 0.0
    gone: bool = False
    code: str = ""


def ask(circuit: Circuit, now: float) -> tuple[Circuit, Verdict]:
    """Whether a call may be made; `probe` is given to one caller at a time."""
    if circuit.open_until == 0.0:
        return circuit, "go"
    if now < circuit.open_until or now < circuit.probe_until:
        return circuit, "open"
    return circuit.model_copy(update={"probe_until": now + PROBE_S}), "probe"


def tell(circuit: Circuit, health: Health, code: str, now: float) -> Circuit:
    """The circuit after one outcome."""
    if health is Health.FINE:
        return Circuit()
    failures = circuit.failures + 1
    at_once = health in (Health.GONE, Health.BARRED) or circuit.open_until > 0
    if not at_once and failures < THRESHOLD:
        return circuit.model_copy(update={"failures": failures, "code": code})
    cooldown = BARRED_S if health is Health.BARRED else _cooldown(circuit.opened)
    return Circuit(
        failures=failures,
        opened=circuit.opened + 1,
        open_until=now + cooldown,
        gone=health is Health.GONE,
        code=code,
    )


def _cooldown(opened: int) -> float:
    return min(COOLDOWN_S * 2.0**opened, LONGEST_COOLDOWN_S)


def key_of(kind: str, provider: str, model: str = "") -> str:
    """A KV key: model names may hold characters that keys may not."""
    digest = hashlib.sha256(model.encode()).hexdigest()[:16]
    return f"{kind}.{provider}.{digest}" if model else f"{kind}.{provider}"


async def may_call(state: Shared, provider: str, model: str, now: float) -> tuple[Verdict, Circuit]:
    def act(circuit: Circuit) -> tuple[Circuit, tuple[Verdict, Circuit]]:
        after, verdict = ask(circuit, now)
        return after, (verdict, circuit)

    return await change(state, key_of("circuit", provider, model), Circuit, act)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One outcome; `at` is Unix time."""

    health: Health
    code: str
    at: float


async def report(state: Shared, provider: str, model: str, told: Told) -> None:
    await change(
        state,
        key_of("circuit", provider, model),
        Circuit,
        lambda circuit: (tell(circuit, told.health, told.code, told.at), None),
    )


async def reopen(state: Shared, provider: str, model: str) -> None:
    """A cheap sign of life was seen: the next call may go through."""
    await change(state, key_of("circuit", provider, model), Circuit, lambda _: (Circuit(), None))


async def unprobe(state: Shared, provider: str, model: str) -> None:
    """A probe was called off by its caller: the next one may probe at once."""
    await change(
        state,
        key_of("circuit", provider, model),
        Circuit,
        lambda circuit: (circuit.model_copy(update={"probe_until": 0.0}), None),
    )
