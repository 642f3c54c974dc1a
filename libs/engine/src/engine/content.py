"""Is the answer right, does the agent know, and who else looks at it."""

import numpy as np

from engine.calls import lognormal, model_call
from engine.draft import Draft, Past
from engine.draws import Flags, Floats, Whole

MAX_CHECK_ROUNDS = 2
"""An added check sends work back at most this often (assumed)."""
SHARED_BLIND_SPOT = 0.6
"""Two models that both err give the same wrong answer this often (P: arXiv:2506.07962, costs.md 7)."""
_UNCORRELATED = 1e12


def err(draft: Draft) -> Past:
    """Draw the agent's own errors: silent ones pass as right, visible ones are redone at once, then fail the visit.

    Attempts of one agent at one task are correlated (Pólya urn, which is the beta-binomial of queueing.md 6).
    """
    n = draft.draws.n
    wrongs = np.zeros(n, np.int64) if draft.past is None else draft.past.wrongs.copy()
    trials = np.zeros(n, np.int64) if draft.past is None else draft.past.trials.copy()
    share = error_share(draft)
    if share <= 0:
        return Past(wrongs, trials)
    silent_share = 1.0 if draft.node.is_human else draft.of_agent("silent_share")
    reworks = int(draft.of_agent("reworks"))
    trying = ~draft.fails
    work_s = draft.clock_s.copy()
    for k in range(reworks + 1):
        u, u_silent = draft.draws.stream("content", *draft.where, k).random((2, n))
        if k == 0 and draft.number == 0 and draft.redundant_for is not None:
            u = _with_common_cause(draft, u)
        errs = trying & (u < _chance(draft, share, wrongs, trials))
        wrongs, trials = wrongs + errs, trials + trying
        draft.wrong |= errs & (u_silent < silent_share)
        trying = errs & (u_silent >= silent_share)
        if not trying.any():
            break
        if k < reworks:
            draft.redo(trying, work_s)
    draft.fails = draft.fails | trying
    return Past(wrongs, trials)


def error_share(draft: Draft) -> float:
    """0 for those who only decide, run code, or will still merge their workers' answers."""
    node = draft.node
    if node.decides or (draft.phase == 0 and (node.calls or node.call_choice)):
        return 0.0
    if node.is_human:
        return draft.of_human("task_error")
    if node.spec.model_class is None:
        return 0.0
    own = draft.parameters.of("agent", node.spec.id, "task_error")
    return own if own is not None else draft.of_model(node.spec.model_class, "task_error")


def _chance(draft: Draft, share: float, wrongs: Whole, trials: Whole) -> Floats:
    rho = draft.of_agent("correlation")
    weight = min(1.0 / rho - 1.0, _UNCORRELATED) if rho > 0 else _UNCORRELATED
    if weight <= 0:
        return np.where(trials > 0, (wrongs > 0).astype(float), share)
    return (share * weight + wrongs) / (weight + trials)


def _with_common_cause(draft: Draft, own: Floats) -> Floats:
    """With probability rho all redundant branches of one model share a draw (queueing.md 9, common cause)."""
    common = (draft.redundant_for or "", str(draft.model_class))
    coin, shared = draft.draws.stream("vote", *common).random((2, draft.draws.n))
    return np.where(coin < draft.parameters.number("vote.correlation"), shared, own)


def check(draft: Draft) -> None:
    """Checks that a mitigation adds to this agent: another model, a person."""
    if draft.policy.verifier:
        call = model_call(draft, draft.model_class or "medium", "check")
        draft.operations.append(call)
        right = draft.parameters.number("verifier.accept_correct")
        wrong = draft.parameters.number("verifier.accept_wrong")
        everyone = np.ones(draft.draws.n, np.bool_)
        # The first check is the operation just added; only repeated checks are paid through `times`.
        _check(draft, "verifier", right, wrong, each_s=call.total_s, asked=everyone)
    if draft.policy.human_gate and not draft.node.is_human:
        right = draft.parameters.of("human", "*", "approve_share") or 0.0
        wrong = draft.parameters.of("human", "*", "accept_wrong_share") or 0.0
        wait_s, asked = _gate_wait(draft)
        _check(draft, "human gate", right, wrong, each_s=wait_s, asked=asked, lingers=True)


def _gate_wait(draft: Draft) -> tuple[Floats, Flags]:
    """Response and attention of a person who is asked about a share of the cases; nobody queues for them (assumed)."""
    n, params = draft.draws.n, draft.parameters
    stream = draft.draws.stream("gate", *draft.where)
    wait_s = np.zeros(n)
    for part in ("response", "handling"):
        p50 = params.of("human", "*", f"{part}_p50_s") or 0.0
        p95 = params.of("human", "*", f"{part}_p95_s") or 0.0
        wait_s = wait_s + lognormal(p50, p95, n)(stream)[0]
    asked: Flags = stream.random(n) < draft.policy.human_gate
    return wait_s, asked


def _check(
    draft: Draft,
    label: str,
    accept_right: float,
    accept_wrong: float,
    *,
    each_s: Floats,
    asked: Flags,
    lingers: bool = False,
) -> None:
    """Look, and send back what is refused; `lingers` says that looking holds no server of the agent."""
    if draft.node.decides:
        _second_opinion(draft, label, asked)
        _spend(draft, np.where(asked & ~draft.fails, each_s, 0.0), lingers)
        return
    looking = asked & ~draft.fails
    work_s = draft.clock_s.copy()
    share, rho = error_share(draft), draft.of_agent("correlation")
    for k in range(MAX_CHECK_ROUNDS + 1):
        _spend(draft, np.where(looking, each_s, 0.0), lingers)
        u, u_redo = draft.draws.stream(label, *draft.where, k).random((2, draft.draws.n))
        rejected = looking & (u >= np.where(draft.wrong, accept_wrong, accept_right))
        if k == MAX_CHECK_ROUNDS or not rejected.any():
            break
        _credit(draft, label, rejected & draft.wrong)
        draft.redo(rejected, work_s)
        again = np.where(draft.wrong, share + rho * (1 - share), share * (1 - rho))
        draft.wrong = np.where(rejected, u_redo < again, draft.wrong)
        looking = rejected


def _spend(draft: Draft, seconds: Floats, lingers: bool) -> None:
    if lingers:
        draft.linger_s = draft.linger_s + seconds
    else:
        draft.rework_s = draft.rework_s + seconds


def _second_opinion(draft: Draft, label: str, asked: Flags) -> None:
    """Both must accept. Where the first one was struck it accepts anything, and the second decides alone.

    Elsewhere the second shares the first one's judgement in `SHARED_BLIND_SPOT` of the cases.
    """
    u, same = draft.draws.stream(label, *draft.where).random((2, draft.draws.n))
    struck = draft.decide < 0
    stricter = np.where(same < SHARED_BLIND_SPOT, draft.decide, np.maximum(draft.decide, u))
    draft.decide = np.where(asked, np.where(struck, u, stricter), draft.decide)
    for strike in draft.strikes:
        fired = draft.marks.fired.get(strike.index)
        if fired is not None:
            draft.marks.save(strike, label, fired & struck & asked)


def _credit(draft: Draft, label: str, caught: Flags) -> None:
    for strike in draft.strikes:
        fired = draft.marks.fired.get(strike.index)
        if fired is not None and strike.effect in ("silent_error", "compromise", "degrade"):
            draft.marks.notice(strike, fired & caught, draft.clock_s + draft.rework_s)
            draft.marks.save(strike, label, fired & caught)
