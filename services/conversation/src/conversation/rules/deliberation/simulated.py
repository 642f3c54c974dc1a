"""Options that a linked simulation suggests: relief of its bottleneck, mitigations that gained, leaving it so."""

from collections.abc import Iterator, Sequence

from common.contracts.chat import ChatAsked
from common.contracts.conversations import ActionItem, TurnDue
from conversation.rules.assistant.figures import written
from conversation.rules.assistant.of_failures import by_harm
from conversation.rules.assistant.record import Record, record_of
from conversation.rules.deliberation.state import Argument, Option

MAX_MITIGATIONS = 2

type Suggested = tuple[Option, Sequence[Argument]]


def suggested(due: TurnDue) -> tuple[Suggested, ...]:
    """Options with their figures as evidence; empty without a linked run."""
    record = _record(due)
    if record is None or record.run is None:
        return ()
    return (*_mitigations(record), *_relief(record), _as_it_is(record))


def _record(due: TurnDue) -> Record | None:
    if due.facts is None:
        return None
    return record_of(
        ChatAsked(
            request_id="facts",
            message="?",
            facts=due.facts,
            sources=due.sources,
            simulation_id=due.simulation_id,
        )
    )


def _mitigations(record: Record) -> Iterator[Suggested]:
    assert record.run is not None
    ranked = sorted(enumerate(record.run.mitigated), key=lambda p: (-p[1].gain_success.value, p[0]))
    for _, outcome in [pair for pair in ranked if pair[1].gain_success.low > 0][:MAX_MITIGATIONS]:
        arguments = [
            _evidence(
                record,
                "goal_fit",
                min(0.3, 0.08 + outcome.gain_success.value),
                f"in the run it gained {written(outcome.gain_success.value, 'points')} of success",
            ),
            _evidence(
                record,
                "risk",
                0.15,
                f"it answers {len(outcome.failure_ids) or 'several'} of the rehearsed failures",
            ),
        ]
        slower = outcome.delta_latency_p95_s
        if slower.low > 0:
            arguments.append(
                _evidence(
                    record,
                    "speed",
                    -0.12,
                    f"it adds {written(slower.value, 'seconds')} at the 95 % mark",
                )
            )
        dearer = outcome.delta_cost_usd_per_task
        if dearer is not None and dearer.value > 0:
            arguments.append(
                _evidence(
                    record, "cost", -0.12, f"it adds {written(dearer.value, 'usd')} to each task"
                )
            )
        yield (
            _option(
                f"Build in: {outcome.name[:1].lower()}{outcome.name[1:]}",
                f"change the network as rehearsed: {', '.join(outcome.mitigations) or outcome.name}",
                ("technical_architect", f"edit the network: {outcome.name}", 3.0),
            ),
            arguments,
        )


def _relief(record: Record) -> Iterator[Suggested]:
    assert record.run is not None
    found = record.run.baseline.bottleneck
    if found is None:
        return
    name = record.name(found.ref)
    arguments = [
        _evidence(
            record,
            "scalability",
            0.2,
            f"{name} is busy {written(found.utilisation, 'share')} of the time",
        )
    ]
    if found.latency_p95_gain_s:
        arguments.append(
            _evidence(
                record,
                "speed",
                0.18,
                f"it takes {written(found.latency_p95_gain_s, 'seconds')} off the 95 % latency",
            )
        )
    if found.cost_usd_per_month:
        arguments.append(
            _evidence(
                record,
                "cost",
                -0.15,
                f"it costs about {written(found.cost_usd_per_month, 'usd')} a month",
            )
        )
    arguments.append(_evidence(record, "risk", -0.08, "it makes the network faster and not safer"))
    yield (
        _option(
            f"Relieve {name}",
            found.relief or f"give {name} more capacity",
            ("resource_coordinator", f"price one more {name}", 2.0),
        ),
        arguments,
    )


def _as_it_is(record: Record) -> Suggested:
    assert record.run is not None
    share = written(record.run.baseline.success.value, "share")
    arguments = [
        _evidence(
            record,
            "cost",
            0.15,
            f"nothing is added, and the plain run succeeds in {share} of tasks",
        ),
        _evidence(record, "effort", 0.12, "nothing has to be changed"),
    ]
    worst = by_harm(record.run.failures)[:1]
    if worst and (lost := worst[0][1].delta_success) and lost.high < 0:
        arguments.append(
            _evidence(
                record,
                "risk",
                max(-0.3, lost.value - 0.08),
                f"“{record.name(worst[0][1].failure_id)}” alone costs {written(lost.value, 'points')} of success",
            )
        )
    return _option(
        "Leave the network as it was rehearsed",
        "build what was planned, watch it, and change it when the figures say so",
        ("quality_assurance", "set the alerts of the report", 1.0),
    ), arguments


def _option(name: str, summary: str, first_action: tuple[str, str, float]) -> Option:
    owner, text, days = first_action
    again = ActionItem(
        text="rehearse the changed network with the same seed and compare",
        owner="quality_assurance",
        estimate_days=1,
    )
    action = ActionItem(text=text, owner=owner, estimate_days=days)
    return Option(
        id="", name=name, summary=summary, proposer="", origin="simulation", actions=(action, again)
    )


def _evidence(record: Record, criterion: str, delta: float, text: str) -> Argument:
    return Argument(
        id="",
        option_id="",
        criterion=criterion,
        delta=delta,
        text=text,
        source="simulation",
        event_id=record.event_id("run"),
    )
