"""What one visit of an agent takes, costs and yields, for all tasks at once.

The walk only queues and routes; everything inside a visit (model calls, tools, retries, checks) is computed before, as
arrays with one entry per task, from streams named after what they decide. A failure mode rebuilds only the agents it
strikes; every other table is shared with the baseline.
"""

from dataclasses import dataclass

import numpy as np

from engine.calls import work
from engine.content import check, err
from engine.draft import CALM, Draft, Past, Regime
from engine.draws import Floats, sigma_of
from engine.faults import DELAY_FACTOR
from engine.operations import Marks, Operation, strike_hits
from engine.strikes import strike_visit

__all__ = ["CALM", "Regime", "Table", "build"]

CAUSES = ("model", "tool", "human", "retries", "backoff", "rework", "network")


@dataclass(slots=True, eq=False)
class Table:
    """One (agent, phase, visit): lists for the walk, arrays for the accounts. Times in s from the start of service."""

    duration_s: list[float]
    response_s: list[float] | None
    """Time until a person looks; it holds no server. Null for agents."""
    linger_s: list[float] | None
    """Waiting after the service that holds no server. Null where nobody waits."""
    fails: list[bool]
    is_wrong: list[bool]
    decide: list[float]
    route: list[float]
    errors: list[int]
    """Failed model calls."""
    calls: list[int]
    """Model calls, retries included."""
    model_s: list[float]
    cost_usd: list[float]
    parts: dict[str, Floats]
    tokens_in: Floats
    tokens_out: Floats
    cost: Floats
    marks: Marks
    operations: list[Operation]
    past: Past


def build(draft: Draft) -> Table:
    """Compute the visit: work, own errors, what strikes it, who checks it."""
    work(draft)
    past = err(draft)
    strike_visit(draft)
    check(draft)
    n = draft.draws.n
    zero, none = np.zeros(n), np.zeros(n, np.int64)
    models = [op for op in draft.operations if op.kind == "model"]
    cost = sum((op.cost for op in draft.operations if op.cost is not None), zero) * draft.times
    tokens_in = sum((op.tokens_in for op in models if op.tokens_in is not None), zero)
    tokens_out = sum((op.tokens_out for op in models if op.tokens_out is not None), zero)
    return Table(
        duration_s=(draft.clock_s + draft.rework_s).tolist(),
        response_s=_response(draft),
        linger_s=draft.linger_s.tolist() if draft.linger_s.any() else None,
        fails=draft.fails.tolist(),
        is_wrong=draft.wrong.tolist(),
        decide=draft.decide.tolist(),
        route=draft.draws.uniform("route", *draft.where).tolist(),
        errors=sum((op.errors for op in models), none).tolist(),
        calls=sum((op.attempts for op in models), none).tolist(),
        model_s=sum((op.total_s for op in models), zero).tolist(),
        cost_usd=cost.tolist(),
        parts=_parts(draft),
        tokens_in=tokens_in * draft.times,
        tokens_out=tokens_out * draft.times,
        cost=cost,
        marks=draft.marks,
        operations=draft.operations,
        past=past,
    )


def _parts(draft: Draft) -> dict[str, Floats]:
    """Seconds by cause; an agent's own code counts as `model`. They add up to duration and lingering."""
    zero = np.zeros(draft.draws.n)
    parts = dict.fromkeys(CAUSES, zero)
    counted = [op for op in draft.operations if op.ref != "check"]
    for op in counted:
        cause = "model" if op.kind == "code" else op.kind
        parts[cause] = parts[cause] + op.ok_s
        parts["retries"] = parts["retries"] + op.retry_s
        parts["backoff"] = parts["backoff"] + op.backoff_s
    parts["rework"] = draft.rework_s + draft.linger_s
    parts["network"] = np.full(draft.draws.n, draft.parameters.number("network.hop_s"))
    return parts


def _response(draft: Draft) -> list[float] | None:
    """A person's response is what a delay strikes."""
    if not draft.node.is_human:
        return None
    p50, p95 = draft.of_human("response_p50_s"), draft.of_human("response_p95_s")
    z = draft.draws.stream("response", *draft.where).standard_normal(draft.draws.n)
    response = p50 * np.exp(sigma_of(p50, p95) * z)
    for strike in draft.strikes:
        if strike.effect == "delay":
            hit = strike_hits(strike, draft.draws, draft.where, 0)
            slower = response * strike.number("delay_factor", DELAY_FACTOR)
            if draft.policy.patience_s is not None:
                patience = np.maximum(response, draft.policy.patience_s)
                draft.marks.save(strike, "deputy", hit & (slower > patience))
                slower = np.minimum(slower, patience + response)
            response = np.where(hit, slower, response)
            draft.marks.fire(strike, hit)
    seconds: list[float] = response.tolist()
    return seconds
