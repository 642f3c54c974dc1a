"""What to change: mitigations by gain, with their price; relief of the tightest place; what to measure first."""

from common.contracts.run import MitigationOutcome
from common.exports.assumptions import assumption
from common.exports.numbers import written
from narrator.rules.facts import Teller, at
from narrator.rules.run_view import RunView, helps, is_rare, is_sure, listed, midsentence, plain

_GRAVE = 8
"""Severity of a wrong result that is delivered; above it stands an action that cannot be undone."""


def change(view: RunView, t: Teller) -> Teller:
    useful: dict[str, tuple[int, MitigationOutcome]] = {}
    for index, outcome in view.by_gain:
        if helps(outcome):
            useful.setdefault(view.mitigation_names(outcome), (index, outcome))
    for rank, (index, outcome) in enumerate(list(useful.values())[:3]):
        _say_gain(view, t, index, outcome, is_first=rank == 0)
    if view.run.mitigated and not useful:
        t.say(
            "None of the mitigations that were tried raises the share of good outcomes beyond what chance explains."
        )
    _say_idle(view, t)
    _say_rare(view, t)
    _say_relief(view, t)
    _say_sensitivity(view, t)
    _say_assumed(view, t)
    if not t.sentences:
        t.say("This run gives no reason to change the design; inject failures to see how it bends.")
    return t


def _say_gain(
    view: RunView, t: Teller, index: int, outcome: MitigationOutcome, *, is_first: bool
) -> None:
    # The gain against an incident holds for a run that has one, which has to be said beside it.
    against = listed(
        (
            view.mode_name(ref) + (" (in a run that has one)" if view.is_staged(ref) else "")
            for ref in outcome.failure_ids
        ),
        3,
    )
    t.say(
        "{opening}: {what}. Against {modes} it brings good outcomes to {after}, "
        "a gain of {gain} ({low} at the cautious end of the estimate).",
        opening="Do this first" if is_first else "Then",
        what=view.mitigation_names(outcome),
        modes=against,
        after=at("share", "mitigated", index, "figures", "success", "value"),
        gain=at("points", "mitigated", index, "gain_success", "value"),
        low=at("points", "mitigated", index, "gain_success", "low"),
    )
    _say_price(t, index, outcome)


def _say_price(t: Teller, index: int, outcome: MitigationOutcome) -> None:
    """Money and time, each only where the change is more than chance."""
    cost, slower = outcome.delta_cost_usd_per_task, outcome.delta_latency_p95_s
    words = []
    if cost is None:
        words.append("its price in money is not known")
    elif is_sure(cost):
        words.append(
            "it costs {usd} more per task" if cost.value > 0 else "it saves {usd} per task"
        )
    else:
        words.append("it costs nothing measurable")
    if is_sure(slower):
        words.append("the slow end takes {s} " + ("longer" if slower.value > 0 else "less"))
    else:
        words.append("the slow end stays as it was")
    text = " and ".join(words)
    t.say(
        f"{text[0].upper()}{text[1:]}.",
        usd=at("usd", "mitigated", index, "delta_cost_usd_per_task", "value", size=True)
        if is_sure(cost)
        else "",
        s=at("seconds", "mitigated", index, "delta_latency_p95_s", "value", size=True)
        if is_sure(slower)
        else "",
    )


def _say_idle(view: RunView, t: Teller) -> None:
    """Measures without effect, told only where the failure struck often enough to judge them."""
    useful = {view.mitigation_names(m) for _, m in view.by_gain if helps(m)}
    rare = {o.failure_id for o in view.run.failures if is_rare(o)}
    idle = [
        f"to {name} against {listed(view.mode_name(ref) for ref in m.failure_ids)}"
        for _, m in view.by_gain
        if not helps(m)
        and not rare & set(m.failure_ids)
        and (name := view.mitigation_names(m)) not in useful
    ]
    if idle:
        t.say("Without measurable effect here: {names}.", names=listed(idle, 3))


def _say_rare(view: RunView, t: Teller) -> None:
    """What to do about damage that a run of this length cannot weigh: judge it by what is at stake."""
    rare = {o.failure_id for o in view.run.failures if is_rare(o)}
    grave = [
        m
        for m in view.heard.failures.modes
        if m.id in rare and m.severity >= _GRAVE and m.mitigations
    ]
    if grave:
        mode = max(grave, key=lambda m: (m.severity, m.risk_priority))
        t.say(
            "{mode} {where} is too rare to weigh in this run, but {stake}: {what} all the same.",
            stake="what it does cannot be undone"
            if mode.severity > _GRAVE
            else "what it spoils is delivered unseen",
            mode=view.mode_name(mode.id),
            where=view.where(mode.id),
            what=plain(midsentence(mode.mitigations[0].name)),
        )


def _say_relief(view: RunView, t: Teller) -> None:
    limit = view.run.baseline.bottleneck
    if limit is None or not limit.latency_p95_gain_s or limit.latency_p95_gain_s <= 0:
        return
    gain = at("seconds", "baseline", "bottleneck", "latency_p95_gain_s")
    name = view.name(limit.ref)
    opening = "Letting {name} work on one case more at a time takes {gain} off the slow end"
    if limit.cost_usd_per_month == 0:
        t.say(
            opening + " and costs nothing extra: agents are paid by the call.", name=name, gain=gain
        )
        return
    t.say(
        opening + ", for {usd} a month.",
        name=name,
        gain=gain,
        usd=at("usd", "baseline", "bottleneck", "cost_usd_per_month"),
    ) or t.say(opening + "; what it costs is not known.", name=name, gain=gain)


def _say_sensitivity(view: RunView, t: Teller) -> None:
    if not view.run.sensitivity:
        return
    top = view.run.sensitivity[0]
    words = []
    if written(top.success_low, "share") != written(top.success_high, "share"):
        words.append("good outcomes move from {low} to {high}")
    if written(top.latency_p95_low_s, "seconds") != written(top.latency_p95_high_s, "seconds"):
        words.append(
            "the slow end from {fast} to {slow}"
            if words
            else "the slow end moves from {fast} to {slow}"
        )
    if words:
        t.say(
            f"Before you rely on these figures, measure {{what}}: over its likely range {' and '.join(words)}.",
            what=assumption(top.parameter),
            low=at("share", "sensitivity", 0, "success_low") if "{low}" in words[0] else "",
            high=at("share", "sensitivity", 0, "success_high") if "{low}" in words[0] else "",
            fast=at("seconds", "sensitivity", 0, "latency_p95_low_s")
            if "{fast}" in words[-1]
            else "",
            slow=at("seconds", "sensitivity", 0, "latency_p95_high_s")
            if "{fast}" in words[-1]
            else "",
        )


def _say_assumed(view: RunView, t: Teller) -> None:
    assumed = [m for m in view.heard.failures.modes if m.likelihood.is_assumed]
    if assumed:
        t.say(
            "Nobody has published how often {modes} strike; their rates are assumptions, "
            "so trust the order of the failures more than their size.",
            modes=listed((f"“{m.name}”" for m in assumed), 3),
        )
