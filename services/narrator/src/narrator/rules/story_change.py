"""What to change: mitigations by gain, with their price; relief of the tightest place; what to measure first."""

from common.contracts.run import MitigationOutcome
from narrator.rules.facts import Teller, at
from narrator.rules.run_view import RunView, helps, listed, plain


def change(view: RunView, t: Teller) -> Teller:
    useful = [(i, m) for i, m in view.by_gain if helps(m)]
    for rank, (index, outcome) in enumerate(useful[:3]):
        _say_gain(view, t, index, outcome, is_first=rank == 0)
    if view.run.mitigated and not useful:
        t.say(
            "None of the mitigations that were tried raises the share of good outcomes beyond what chance explains."
        )
    told = {view.mitigation_names(m) for _, m in useful}
    idle = [
        n for _, m in view.by_gain if not helps(m) and (n := view.mitigation_names(m)) not in told
    ]
    if idle and useful:
        t.say(
            "Spare yourself the following, which changed nothing measurable: {names}.",
            names=listed(idle, 3),
        )
    _say_relief(view, t)
    _say_sensitivity(view, t)
    _say_assumed(view, t)
    if not t.sentences:
        t.say("This run gives no reason to change the design; inject failures to see how it bends.")
    return t


def _say_gain(
    view: RunView, t: Teller, index: int, outcome: MitigationOutcome, *, is_first: bool
) -> None:
    against = listed((view.mode_name(ref) for ref in outcome.failure_ids), 3)
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
    slower = outcome.delta_latency_p95_s.value
    seconds = at("seconds", "mitigated", index, "delta_latency_p95_s", "value", size=True)
    cost = outcome.delta_cost_usd_per_task
    usd = at("usd", "mitigated", index, "delta_cost_usd_per_task", "value", size=True)
    pace = "longer" if slower > 0 else "less"
    if cost is None:
        t.say(
            "The slow end takes {s} {pace}; its price in money is not known.", s=seconds, pace=pace
        )
        return
    t.say(
        "It costs {usd} {more} per task, and the slow end takes {s} {pace}.",
        usd=usd,
        more="more" if cost.value >= 0 else "less",
        s=seconds,
        pace=pace,
    )


def _say_relief(view: RunView, t: Teller) -> None:
    limit = view.run.baseline.bottleneck
    if limit is None or not limit.latency_p95_gain_s or limit.latency_p95_gain_s <= 0:
        return
    gain = at("seconds", "baseline", "bottleneck", "latency_p95_gain_s")
    t.say(
        "One more server at {name} takes {gain} off the slow end, for {usd} a month.",
        name=view.name(limit.ref),
        gain=gain,
        usd=at("usd", "baseline", "bottleneck", "cost_usd_per_month"),
    ) or t.say(
        "One more server at {name} takes {gain} off the slow end; what it costs is not known.",
        name=view.name(limit.ref),
        gain=gain,
    )


def _say_sensitivity(view: RunView, t: Teller) -> None:
    if not view.run.sensitivity:
        return
    top = view.run.sensitivity[0]
    t.say(
        "Before you rely on these figures, measure {what}: between its low and its high value good outcomes "
        "move from {low} to {high}, and the slow end from {fast} to {slow}.",
        what=plain(top.parameter),
        low=at("share", "sensitivity", 0, "success_low"),
        high=at("share", "sensitivity", 0, "success_high"),
        fast=at("seconds", "sensitivity", 0, "latency_p95_low_s"),
        slow=at("seconds", "sensitivity", 0, "latency_p95_high_s"),
    )


def _say_assumed(view: RunView, t: Teller) -> None:
    assumed = [m for m in view.heard.failures.modes if m.likelihood.is_assumed]
    if assumed:
        t.say(
            "Nobody has published how often {modes} strike; their rates are assumptions, "
            "so trust the order of the failures more than their size.",
            modes=listed((f"“{m.name}”" for m in assumed), 3),
        )
