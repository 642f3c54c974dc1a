"""Failure modes that strike a visit as a whole: wrong answers, loops, lost and doubled messages, decay."""

import numpy as np

from engine.draft import Draft
from engine.draws import Flags
from engine.faults import DELAY_FACTOR, ON_CALL, QUALITY_FACTOR, REPEATS, Strike
from engine.operations import strike_hits

FORM_ERRORS_FOUND = 0.5
"""Share of silent errors that break a schema and so show in a schema check (assumed: form, not meaning)."""
ACCEPTS_ANYTHING = -1.0
"""A decision draw below every threshold."""


def strike_visit(draft: Draft) -> None:
    """Apply them to the first half of a visit, in the order of the plan."""
    if draft.phase:
        return
    for strike in draft.strikes:
        if strike.effect in ON_CALL or strike.is_window:
            continue
        hit = strike_hits(strike, draft.draws, draft.where, 0) & ~draft.fails
        draft.marks.fire(strike, hit)
        _EFFECTS[strike.effect](draft, strike, hit)
        _monitor(draft, strike, hit)


def _monitor(draft: Draft, strike: Strike, hit: Flags) -> None:
    """Telemetry shows it when the visit ends, in `detect_share` of the cases. Seeing it does not mend it."""
    share = strike.number("detect_share", 0.0)
    if share > 0:
        seen = hit & (draft.draws.uniform("monitor", strike.mode.id, *draft.where) < share)
        draft.marks.notice(strike, seen, draft.clock_s + draft.rework_s)


def _spoil(draft: Draft, strike: Strike, hit: Flags) -> None:
    if draft.node.decides:
        draft.decide = np.where(hit, ACCEPTS_ANYTHING, draft.decide)
    else:
        draft.wrong = draft.wrong | (hit & ~_form_errors(draft, strike, hit))


def _form_errors(draft: Draft, strike: Strike, hit: Flags) -> Flags:
    """What a schema check finds at once and has redone."""
    if not draft.policy.schema_check:
        return np.zeros_like(hit)
    u = draft.draws.uniform("schema", strike.mode.id, *draft.where)
    found: Flags = hit & (u < FORM_ERRORS_FOUND)
    draft.marks.notice(strike, found, draft.clock_s)
    draft.marks.save(strike, "schema check", found)
    draft.redo(found)
    return found


def _repeat(draft: Draft, strike: Strike, hit: Flags) -> None:
    rounds = int(strike.number("repeats", REPEATS))
    guard = draft.policy.loop_guard
    if guard is not None and rounds >= guard:
        draft.marks.save(strike, "loop guard", hit)
        rounds = max(guard - 1, 0)
    for _ in range(rounds):
        draft.redo(hit)


def _degrade(draft: Draft, strike: Strike, hit: Flags) -> None:
    if "quality_factor" in strike.options or "delay_factor" not in strike.options:
        keeps = strike.number("quality_factor", QUALITY_FACTOR)
        worse = hit & (draft.draws.uniform("quality", strike.mode.id, *draft.where) >= keeps)
        if draft.policy.second_provider:
            draft.marks.save(strike, "second provider", worse)
        elif draft.node.decides:
            draft.decide = np.where(worse, ACCEPTS_ANYTHING, draft.decide)
        else:
            draft.wrong = draft.wrong | (worse & ~_form_errors(draft, strike, worse))
    if "delay_factor" in strike.options:
        factor = strike.number("delay_factor", DELAY_FACTOR)
        layers = strike.number("repeats", 1.0)
        if layers > 1 and (draft.policy.breaker or draft.policy.retries < 2):
            factor = 1.0 + (factor - 1.0) / layers
            draft.marks.save(strike, "fewer retries", hit)
        draft.rework_s = draft.rework_s + np.where(hit, draft.clock_s * (factor - 1.0), 0.0)


def _double(draft: Draft, strike: Strike, hit: Flags) -> None:
    """The work is done twice; an effect in the world then happens twice, which makes the result wrong."""
    if draft.policy.idempotency:
        draft.marks.save(strike, "idempotency key", hit)
        draft.marks.notice(strike, hit, draft.clock_s)
        return
    draft.redo(hit)
    effects = {draft.tools[t].side_effect for t in draft.node.spec.tools if t in draft.tools}
    if effects & {"write", "irreversible"}:
        draft.wrong = draft.wrong | hit


def _lose(draft: Draft, strike: Strike, hit: Flags) -> None:
    """A lost message is sent again if somebody waits for it with a limit or a retry; else the branch is lost."""
    after_s = draft.parameters.number("redelivery_s")
    policy = draft.policy
    lost = hit
    if policy.redelivers:
        after_s = min(after_s, policy.patience_s or after_s)
        u = draft.draws.uniform("redelivery", strike.mode.id, *draft.where)
        again = hit & (u >= strike.share)
        draft.linger_s = draft.linger_s + np.where(again, after_s, 0.0)
        draft.marks.save(strike, "redelivery", again)
        lost = hit & ~again
    draft.marks.notice(strike, hit, np.full(draft.draws.n, after_s))
    draft.fails = draft.fails | lost


_EFFECTS = {
    "silent_error": _spoil,
    "compromise": _spoil,
    "loop": _repeat,
    "degrade": _degrade,
    "duplicate": _double,
    "drop": _lose,
}
