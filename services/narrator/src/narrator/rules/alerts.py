"""What one would page on, with thresholds that stand in the run."""

from typing import Literal

from common.contracts.narrative import Alert, Citation
from common.contracts.run import FailureOutcome
from common.exports.numbers import written
from narrator.rules.facts import Fact, Source, at
from narrator.rules.run_view import RunView, hurts_success

_LOUD = 0.5
"""Failures that show in at least half of their cases can be paged on; the others need sampled reviews."""
_PER_KIND = 3
_WORTH_WATCHING = 0.4
"""Below this share of busy time a place is nowhere near full (assumed)."""


def alerts(view: RunView, source: Source) -> tuple[Alert, ...]:
    """Pages first, then tickets; nothing whose threshold does not stand in the run."""
    found = [
        _latency(source),
        _success(source),
        *_loud(view, source),
        *_silent(view, source),
        *_waiting(view, source),
        _full(view, source),
        _cost(view, source),
    ]
    told = [alert for alert in found if alert is not None]
    return tuple(sorted(told, key=lambda alert: alert.severity != "page"))


def _alert(
    source: Source,
    fact: Fact,
    *,
    name: str,
    metric: str,
    condition: str,
    severity: Literal["page", "ticket"],
    reason: str,
) -> Alert | None:
    """An alert whose threshold is `fact`; `condition` has a place `{limit}` for it."""
    found = source.find(fact)
    if found is None:
        return None
    value, event_id = found
    text = written(value, fact.form)
    return Alert(
        name=name,
        metric=metric,
        condition=condition.replace("{limit}", text),
        threshold=value,
        severity=severity,
        reason=reason,
        citations=(Citation(text=text, value=value, event_id=event_id, path=fact.pointer),),
    )


def _latency(source: Source) -> Alert | None:
    return _alert(
        source,
        at("seconds", "baseline", "latency_s", "p99", "value"),
        name="Tasks take too long",
        metric="gen_ai.workflow.duration",
        condition="one task in twenty of the last half hour takes longer than {limit}",
        severity="page",
        reason="In fair weather only one task in a hundred is this slow.",
    )


def _success(source: Source) -> Alert | None:
    return _alert(
        source,
        at("share", "baseline", "success", "low"),
        name="Too few tasks end well",
        metric="sim.task.success",
        condition="the share of tasks that end well falls below {limit} over an hour",
        severity="page",
        reason="That is the lower end of what the run gives without any failure; below it, something has broken.",
    )


def _loud(view: RunView, source: Source) -> list[Alert | None]:
    """Failures that lower success and show themselves: page on their signal above the rehearsed rate."""
    loud = [(i, o) for i, o in view.by_harm if hurts_success(o) and _is_loud(o)]
    return [
        _alert(
            source,
            at("share", "failures", index, "tasks_hit"),
            name=f"{_bare(view, outcome)} {view.where(outcome.failure_id)}",
            metric=_signal(view, outcome),
            condition="the signal shows in more than {limit} of the tasks of an hour",
            severity="page",
            reason="Up to this rate the rehearsal says what happens; above it nobody has looked.",
        )
        for index, outcome in loud[:_PER_KIND]
    ]


def _silent(view: RunView, source: Source) -> list[Alert | None]:
    """Failures that no span shows: a sample has to be read by somebody, and this is when to worry."""
    silent = [(i, o) for i, o in view.by_harm if hurts_success(o) and not _is_loud(o)]
    return [
        _alert(
            source,
            at("share", "failures", index, "outcome_flipped"),
            name=f"{_bare(view, outcome)} {view.where(outcome.failure_id)} (sampled review)",
            metric="gen_ai.evaluation.result",
            condition="more than {limit} of a sample read by a person is wrong",
            severity="ticket",
            reason="Every span is green when this strikes; only reading a sample of the results shows it.",
        )
        for index, outcome in silent[:_PER_KIND]
    ]


def _waiting(view: RunView, source: Source) -> list[Alert | None]:
    found = []
    for person in view.people[:_PER_KIND]:
        index = view.agent_index(person.id)
        if index is not None and view.run.baseline.agents[index].wait_s_p95 > 0:
            found.append(
                _alert(
                    source,
                    at("seconds", "baseline", "agents", index, "wait_s_p95"),
                    name=f"Cases pile up at {view.name(person.id)}",
                    metric="sim.agent.wait.p95",
                    condition="a case stands in line behind others for longer than {limit}",
                    severity="page",
                    reason="Nineteen cases in twenty get to the front sooner in fair weather; "
                    "the person's own time comes on top.",
                )
            )
    return found


def _full(view: RunView, source: Source) -> Alert | None:
    limit = view.run.baseline.bottleneck
    if limit is None or limit.utilisation < _WORTH_WATCHING:
        return None
    return _alert(
        source,
        at("share", "baseline", "bottleneck", "utilisation"),
        name=f"{view.name(limit.ref)} fills up",
        metric="sim.agent.utilisation",
        condition="it stays busier than {limit} for an hour",
        severity="ticket",
        reason="It is the place that fills first; above the rehearsed load its queue grows faster than its work.",
    )


def _cost(view: RunView, source: Source) -> Alert | None:
    dearest = max(
        (
            (o.figures.cost_usd_per_task.value, i)
            for i, o in enumerate(view.run.failures)
            if o.figures.cost_usd_per_task
        ),
        default=None,
    )
    keys = ("baseline",) if dearest is None else ("failures", dearest[1], "figures")
    return _alert(
        source,
        at("usd", *keys, "cost_usd_per_task", "high"),
        name="Tasks get dear",
        metric="sim.cost.usd",
        condition="the mean cost of a task over an hour is above {limit}",
        severity="ticket",
        reason="No failure that was rehearsed makes a task dearer than this; more is a loop or a change of price.",
    )


def _is_loud(outcome: FailureOutcome) -> bool:
    return outcome.detected_share is not None and outcome.detected_share >= _LOUD


def _bare(view: RunView, outcome: FailureOutcome) -> str:
    return view.mode_name(outcome.failure_id).strip("“”")


def _signal(view: RunView, outcome: FailureOutcome) -> str:
    mode = view.modes.get(outcome.failure_id)
    return mode.detection_signal if mode else "sim.failure.tasks_hit"
