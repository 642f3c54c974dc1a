"""What an agent does in a visit: model calls, tool calls, plain code, a person's attention."""

import numpy as np

from common.contracts.network import ToolSpec
from engine.draft import Draft
from engine.draws import Flags, Floats, sigma_of
from engine.model import tool_figures
from engine.operations import Call, Latency, Limits, Operation, attempt, nothing_done

CACHED_S = 0.001
"""A cache's answer, in s (assumed)."""
_NO_LIMIT = Limits(0, 0.0, float("inf"))


def work(draft: Draft) -> None:
    """Think, use the tools one after another, conclude; the second half of a calling visit only merges."""
    model = draft.model_class
    if model is None:
        draft.add(_plain_work(draft))
    first_calls = int(draft.of_agent("model_calls")) if draft.phase == 0 else 1
    for i in range(first_calls if model else 0):
        draft.add(model_call(draft, model or "", f"think{i}" if draft.phase == 0 else "merge"))
    tools = draft.node.spec.tools if draft.phase == 0 else ()
    for name in tools:
        for i in range(int(draft.parameters.of("tool", name, "calls") or 0)):
            draft.add(_tool_call(draft, name, i))
    if model and tools:
        draft.add(model_call(draft, model, "conclude"))


def _plain_work(draft: Draft) -> Operation:
    n, ident = draft.draws.n, draft.node.spec.id
    if not draft.node.is_human:
        seconds = draft.of_agent("service_s")
        call = Call("code", ident, lognormal(seconds, seconds, n), 0.0, _NO_LIMIT)
        return _attempt(draft, call, "visit")
    latency = lognormal(draft.of_human("handling_p50_s"), draft.of_human("handling_p95_s"), n)
    operation = _attempt(draft, Call("human", ident, latency, 0.0, _NO_LIMIT), "human")
    operation.cost = operation.ok_s * (draft.of_human("usd_per_hour") / 3_600.0)
    return operation


def model_call(draft: Draft, model_class: str, label: str) -> Operation:
    """One call with its retries, then the spares of the policy; tokens and cost included."""
    policy = draft.policy
    limits = Limits(policy.retries, policy.backoff_s, policy.model_timeout_s)
    tokens_in, tokens_out = _tokens(draft, label)
    if draft.regime.breaker_open:
        operation = nothing_done("model", label, draft.draws.n)
    else:
        operation = _attempt(draft, _model(draft, model_class, label, tokens_out, limits), "model")
    operation.answered_by = model_class
    operation.cost = _price(draft, operation, model_class, tokens_in, tokens_out)
    for spare_class, name in _spares(draft, model_class):
        _fall_back(draft, operation, spare_class, name, (tokens_in, tokens_out))
    answered = ~operation.failed | (operation.timeouts > 0)
    operation.tokens_in = tokens_in * answered
    operation.tokens_out = (tokens_out + draft.of_model(model_class, "hidden_tokens")) * answered
    return operation


def _model(draft: Draft, model_class: str, label: str, tokens_out: Floats, limits: Limits) -> Call:
    """Latency = TTFT (lognormal) + tokens ÷ rate (costs.md 2); an error shows instead of the first token."""
    first_s = draft.of_model(model_class, "ttft_s")
    sigma = draft.of_model(model_class, "ttft_sigma")
    writing_s = tokens_out / draft.of_model(model_class, "tokens_per_s")

    def latency(stream: np.random.Generator) -> tuple[Floats, Floats]:
        first = first_s * np.exp(sigma * stream.standard_normal(draft.draws.n))
        return first + writing_s, first

    return Call("model", label, latency, draft.of_model(model_class, "error_rate"), limits)


def _tokens(draft: Draft, label: str) -> tuple[Floats, Floats]:
    stream = draft.draws.stream(*draft.where, "tokens", label)
    z_in, z_out = stream.standard_normal((2, draft.draws.n))
    p50_in, p95_in = draft.of_agent("tokens_in_p50"), draft.of_agent("tokens_in_p95")
    p50_out, p95_out = draft.of_agent("tokens_out_p50"), draft.of_agent("tokens_out_p95")
    tokens_in = np.rint(p50_in * np.exp(sigma_of(p50_in, p95_in) * z_in))
    return tokens_in, np.rint(p50_out * np.exp(sigma_of(p50_out, p95_out) * z_out))


def _price(
    draft: Draft, operation: Operation, model_class: str, tokens_in: Floats, tokens_out: Floats
) -> Floats:
    """USD. Answers are billed, and attempts that ran into the limit; refused ones by `call.failed_billed_share`."""
    price_in = draft.of_model(model_class, "price_in_usd_per_mtok")
    price_out = draft.of_model(model_class, "price_out_usd_per_mtok")
    hidden = draft.of_model(model_class, "hidden_tokens")
    each = (tokens_in * price_in + (tokens_out + hidden) * price_out) / 1e6
    answers = operation.attempts - operation.refusals
    billed = draft.parameters.number("call.failed_billed_share")
    return each * (answers + billed * operation.refusals)


def _spares(draft: Draft, model_class: str) -> list[tuple[str, str]]:
    spares = [(model_class, "second provider")] if draft.policy.second_provider else []
    return spares + [(other, f"fallback to {other}") for other in draft.policy.fallback_models]


def _fall_back(
    draft: Draft,
    operation: Operation,
    model_class: str,
    name: str,
    tokens: tuple[Floats, Floats],
) -> None:
    """One attempt elsewhere where `operation` has failed; in place."""
    needed = operation.failed.copy()
    limits = Limits(0, 0.0, draft.policy.model_timeout_s)
    call = _model(draft, model_class, f"{operation.ref}/{name}", tokens[1], limits)
    spare = attempt(
        call,
        draft.draws,
        _where(draft, call),
        strikes=[],
        marks=draft.marks,
        clock_s=draft.clock_s,
    )
    cost = _price(draft, spare, model_class, *tokens) * needed
    operation.cost = cost if operation.cost is None else operation.cost + cost
    operation.retry_s = operation.retry_s + spare.retry_s * needed
    operation.ok_s = operation.ok_s + spare.ok_s * needed
    operation.attempts = operation.attempts + spare.attempts * needed
    operation.refusals = operation.refusals + spare.refusals * needed
    operation.failed = operation.failed & spare.failed
    for strike in draft.strikes:
        if strike.index in draft.marks.fired:
            saved = draft.marks.fired[strike.index] & needed & ~operation.failed
            draft.marks.save(strike, name, saved)


def _tool_call(draft: Draft, name: str, i: int) -> Operation:
    spec = draft.tools.get(name) or ToolSpec(name=name, capability="")
    p50, p95, error, fee = tool_figures(draft.parameters, spec)
    policy = draft.policy
    limits = Limits(policy.retries, policy.backoff_s, policy.tool_timeout_s)
    latency = lognormal(p50, p95, draft.draws.n)
    if policy.cache:
        latency = _cached(latency, draft.draws.uniform("cache", *draft.where) < policy.cache)
    call = Call("tool", name, latency, error, limits, repeat=i)
    operation = _attempt(draft, call, f"tool:{name}")
    operation.cost = operation.attempts.astype(float) * (fee or 0.0)
    return operation


def _attempt(draft: Draft, call: Call, scope: str) -> Operation:
    strikes = draft.strikes_on(scope)
    return attempt(
        call,
        draft.draws,
        _where(draft, call),
        strikes=strikes,
        marks=draft.marks,
        clock_s=draft.clock_s,
    )


def _where(draft: Draft, call: Call) -> tuple[str | int, ...]:
    ident = (draft.node.spec.id, call.kind, call.ref, call.repeat)
    return (*ident, draft.phase, draft.number)


def lognormal(p50: float, p95: float, n: int) -> Latency:
    """An error shows when the answer would have come."""
    sigma = sigma_of(p50, p95)

    def latency(stream: np.random.Generator) -> tuple[Floats, Floats]:
        answer = p50 * np.exp(sigma * stream.standard_normal(n))
        return answer, answer

    return latency


def _cached(latency: Latency, hits: Flags) -> Latency:
    def cached(stream: np.random.Generator) -> tuple[Floats, Floats]:
        answer, error = latency(stream)
        return np.where(hits, CACHED_S, answer), error

    return cached
