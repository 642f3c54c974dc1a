"""One gate per provider, shared by all workers: places, requests and tokens per minute, and pauses it asked for.

Places are leases that end by themselves, so a worker that died holding one does not keep it.
"""

from pydantic import BaseModel, ConfigDict

from common.llm.circuit import key_of
from common.llm.shared import Shared, change

MINUTE_S = 60.0
_POLL_S = 0.05
"""How soon to look again when all places are taken: nobody tells when one is free."""


class Limits(BaseModel):
    """Null: no limit of ours."""

    model_config = ConfigDict(frozen=True)

    concurrency: int | None = None
    requests_per_min: int | None = None
    tokens_per_min: int | None = None


class Gate(BaseModel):
    """`used_*` are what is still in the leaky buckets at `at` (Unix seconds)."""

    model_config = ConfigDict(frozen=True)

    leases: dict[str, float] = {}
    at: float = 0.0
    used_requests: float = 0.0
    used_tokens: float = 0.0
    paused_until: float = 0.0


def enter(
    gate: Gate, limits: Limits, *, lease: str, tokens: int, now: float, until: float
) -> tuple[Gate, float]:
    """The gate with the lease in it and 0, or the gate as it was and the seconds to wait before asking again."""
    leases = {name: end for name, end in gate.leases.items() if end > now}
    requests = _leaked(gate.used_requests, limits.requests_per_min, now - gate.at)
    spent = _leaked(gate.used_tokens, limits.tokens_per_min, now - gate.at)
    wait_s = max(
        gate.paused_until - now,
        _POLL_S if limits.concurrency is not None and len(leases) >= limits.concurrency else 0.0,
        _until_room(requests, 1, limits.requests_per_min),
        _until_room(spent, tokens, limits.tokens_per_min),
    )
    if wait_s > 0:
        return gate, wait_s
    if limits == Limits():
        return gate, 0.0
    return Gate(
        leases=leases | {lease: until} if limits.concurrency is not None else {},
        at=now,
        used_requests=requests + 1 if limits.requests_per_min else 0.0,
        used_tokens=spent + tokens if limits.tokens_per_min else 0.0,
    ), 0.0


def leave(gate: Gate, lease: str, *, paused_until: float = 0.0) -> Gate:
    """The gate without the lease; a pause only ever grows."""
    return gate.model_copy(
        update={
            "leases": {name: end for name, end in gate.leases.items() if name != lease},
            "paused_until": max(gate.paused_until, paused_until),
        }
    )


def _leaked(used: float, per_min: int | None, passed_s: float) -> float:
    return max(0.0, used - passed_s * per_min / MINUTE_S) if per_min else 0.0


def _until_room(used: float, wanted: int, per_min: int | None) -> float:
    """A single request larger than the whole bucket passes when the bucket is empty."""
    if not per_min:
        return 0.0
    over = used + min(wanted, per_min) - per_min
    return max(0.0, over * MINUTE_S / per_min)


async def try_enter(
    state: Shared,
    provider: str,
    limits: Limits,
    *,
    lease: str,
    tokens: int,
    now: float,
    until: float,
) -> float:
    """Seconds to wait; 0: the lease is held until `leave_gate` or `until`."""
    return await change(
        state,
        key_of("gate", provider),
        Gate,
        lambda gate: enter(gate, limits, lease=lease, tokens=tokens, now=now, until=until),
    )


async def leave_gate(
    state: Shared, provider: str, lease: str, *, paused_until: float = 0.0
) -> None:
    await change(
        state,
        key_of("gate", provider),
        Gate,
        lambda gate: (leave(gate, lease, paused_until=paused_until), None),
    )
