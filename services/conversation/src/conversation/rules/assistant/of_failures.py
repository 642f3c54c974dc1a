"""Answers from the failures chosen, what they did in the run, and what helps against them."""

from collections.abc import Sequence

from common.contracts.run import FailureOutcome
from conversation.rules.assistant.figures import listed
from conversation.rules.assistant.of_run import BASE, best_mitigation
from conversation.rules.assistant.telling import Fact, Telling, run_fact


def failures(t: Telling) -> None:
    """The worst of them by what they did in the run; by risk priority where nothing ran."""
    plan = t.record.failures
    if plan is None:
        return
    t.say(
        "{n} failure modes were chosen for this network out of {all} considered",
        n=str(len(plan.modes)),
        all=str(plan.considered),
    )
    worst = by_harm(t.record.run.failures if t.record.run else ())[:3]
    if worst:
        t.say("By what they did in the run, the worst are:")
        for index, outcome in worst:
            if not harm(t, index, outcome):
                t.point("{name}", name=t.record.name(outcome.failure_id))
    else:
        t.say("By risk priority, the worst are:")
        for index, mode in enumerate(plan.modes[:3]):
            t.point(
                "{name}: {why} (risk priority {rpn})",
                name=mode.name,
                why=mode.reason.rstrip("."),
                rpn=Fact("failures", ("modes", index, "risk_priority"), "count"),
            )
    t.paragraph()
    t.say(
        "With all of them at once, {share} of tasks succeed",
        share=run_fact("share", "all_failures", "figures", "success", "value"),
    )


def by_harm(outcomes: Sequence[FailureOutcome]) -> list[tuple[int, FailureOutcome]]:
    """Outcomes with their index, the one that costs most success first, then the one that slows most."""

    def key(pair: tuple[int, FailureOutcome]) -> tuple[float, float, int]:
        success, slower = pair[1].delta_success, pair[1].delta_latency_p95_s
        return (success.value if success else 0.0, -(slower.value if slower else 0.0), pair[0])

    return sorted(enumerate(outcomes), key=key)


def harm(t: Telling, index: int, outcome: FailureOutcome) -> bool:
    mode = t.record.modes.get(outcome.failure_id)
    where = listed(t.record.name(target.ref) for target in mode.targets) if mode else ""
    name = f"{t.record.name(outcome.failure_id)}{f' at {where}' if where else ''}"
    delta = outcome.delta_success
    if delta and delta.high < 0:
        return t.point(
            "{name}: {lost} of success lost (band {low} to {high}); it hit {hit} of tasks",
            name=name,
            lost=run_fact("points", "failures", index, "delta_success", "value"),
            low=run_fact("points", "failures", index, "delta_success", "high"),
            high=run_fact("points", "failures", index, "delta_success", "low"),
            hit=run_fact("share", "failures", index, "tasks_hit"),
        )
    if outcome.delta_latency_p95_s and outcome.delta_latency_p95_s.low > 0:
        return t.point(
            "{name}: {slow} more at the 95 % mark, success hardly moved",
            name=name,
            slow=run_fact("seconds", "failures", index, "delta_latency_p95_s", "value"),
        )
    return t.point(
        "{name}: it hit {hit} of tasks and changed success by no more than chance",
        name=name,
        hit=run_fact("share", "failures", index, "tasks_hit"),
    )


def mode(t: Telling, failure_id: str) -> None:
    """One failure mode: what it is, why here, how likely and by whose figure, what it did, what helps."""
    plan = t.record.failures
    if plan is None:
        return
    index = next(i for i, m in enumerate(plan.modes) if m.id == failure_id)
    found = plan.modes[index]
    t.say(
        "{name} ({taxonomy} {id}): {what}",
        name=found.name,
        taxonomy=found.taxonomy,
        id=found.mode_id,
        what=Fact("failures", ("modes", index, "description"), "text"),
    )
    t.say(
        "Chosen here because {why}",
        why=Fact("failures", ("modes", index, "reason"), "text", is_inner=True),
    )
    basis = "assumed" if found.likelihood.is_assumed else "published"
    t.say(
        "The engine draws it with {p} per opportunity ({basis}: {source})",
        basis=basis,
        source=found.likelihood.source,
        p=Fact("failures", ("modes", index, "likelihood", "simulated_per_opportunity"), "share"),
    )
    t.say(
        "Its signal: {signal}",
        signal=Fact("failures", ("modes", index, "detection_signal"), "text"),
    )
    outcomes = t.record.run.failures if t.record.run else ()
    t.paragraph()
    for place, outcome in enumerate(outcomes):
        if outcome.failure_id == failure_id:
            harm(t, place, outcome)
            t.point(
                "{share} of its hits recovered",
                share=run_fact("share", "failures", place, "recovered_share"),
            )
    if found.mitigations:
        t.point("What helps: {names}", names=listed(m.name for m in found.mitigations))


def mitigation(t: Telling) -> None:
    """What to change, the surest gain first, with its price."""
    run = t.record.run
    gains = sorted(
        enumerate(run.mitigated if run else ()), key=lambda p: (-p[1].gain_success.value, p[0])
    )
    sure = [(index, outcome) for index, outcome in gains if outcome.gain_success.low > 0][:3]
    if sure:
        t.say("Rehearsed changes, the surest gain first:")
    for index, outcome in sure:
        named = f"“{outcome.name}”"
        t.point(
            "{name}: {gain} of success gained",
            name=named,
            gain=run_fact("points", "mitigated", index, "gain_success", "value"),
        )
        t.more(
            "It changes the 95 % latency by {slow}",
            slow=run_fact("seconds", "mitigated", index, "delta_latency_p95_s", "value"),
        )
        t.more(
            "The cost of a task changes by {cost}",
            cost=run_fact("usd", "mitigated", index, "delta_cost_usd_per_task", "value"),
        )
    if run and gains and not sure:
        t.say("None of the rehearsed mitigations gained more success than chance")
    t.paragraph()
    if run and run.baseline.bottleneck and run.baseline.bottleneck.relief:
        t.say(
            "For speed: {relief} ({name} is busy {share})",
            relief=Fact("run", (BASE, "bottleneck", "relief"), "text"),
            name=t.record.name(run.baseline.bottleneck.ref),
            share=run_fact("share", BASE, "bottleneck", "utilisation"),
        )
    _story_advice(t)


def _story_advice(t: Telling) -> None:
    story = t.record.narrative
    for index, chapter in enumerate(story.chapters if story else ()):
        if chapter.kind == "change" and best_mitigation(t) is None:
            t.say("{text}", text=Fact("narrative", ("chapters", index, "text"), "text"))


def monitoring(t: Telling) -> None:
    """What to page on, and which signals tell of the worst modes."""
    story, plan = t.record.narrative, t.record.failures
    alerts = story.alerts if story else ()
    if alerts:
        t.say("Alerts taken from the run:")
    for alert in alerts[:6]:
        t.point(
            "{name}: {metric} {condition} ({severity}): {reason}",
            name=alert.name,
            metric=alert.metric,
            condition=alert.condition,
            severity=alert.severity,
            reason=alert.reason,
        )
    t.paragraph()
    modes = plan.modes if plan else ()
    if modes:
        t.say("Signals of the failure modes:")
    for index, found in enumerate(modes[:4]):
        t.point(
            "{name}: {signal}",
            name=found.name,
            signal=Fact("failures", ("modes", index, "detection_signal"), "text"),
        )
    t.paragraph()
    t.say(
        "The sampled task's spans are at `GET /simulations/{id}/trace` and leave as OTLP with `export?format=otlp`",
        id=t.record.simulation_id,
    )
