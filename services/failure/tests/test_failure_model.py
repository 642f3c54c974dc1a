"""A model may word the hypotheses and add catalogued modes; figures and choice of a person stay."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.contracts.events import ToolsMapped
from common.contracts.failures import FailurePlan
from common.llm.prompts import choose
from common.llm.snapshots import same_as_kept
from common.llm.testing import ScriptedModel, silent
from failure.agent import FailureAgent
from failure.llm import failure_model, fields
from failure.rules.proposal import ProposedFailures, ProposedHypothesis, others
from failure.rules.selection import plan

NOW = datetime(2026, 1, 2, tzinfo=UTC)
Heard = Callable[..., ToolsMapped]


def agent(port: ScriptedModel) -> FailureAgent:
    return FailureAgent(lambda: NOW, model=failure_model(port, 5.0))


def by_rules(event: ToolsMapped) -> FailurePlan:
    return plan(event.network, event.interpretation, None)


def hypotheses(chosen: FailurePlan, text: str = "It shows here") -> tuple[ProposedHypothesis, ...]:
    return tuple(
        ProposedHypothesis(id=m.id, trigger=text, detection_signal=text, reason=text)
        for m in chosen.modes
    )


async def test_the_words_are_the_models_and_every_figure_the_catalogues(heard: Heard) -> None:
    event = heard("claims")
    rules = by_rules(event)
    proposal = ProposedFailures(hypotheses=hypotheses(rules), more=())

    said = await agent(ScriptedModel((proposal,))).select(event)

    assert said.provenance.engine == "llm"
    assert {m.reason for m in said.failures.modes} == {"It shows here"}
    words = {"trigger", "detection_signal", "reason"}
    before = [m.model_dump(exclude=words) for m in rules.modes]
    assert [m.model_dump(exclude=words) for m in said.failures.modes] == before


async def test_more_modes_come_from_the_catalogue_and_the_order_stays_worst_first(
    heard: Heard,
) -> None:
    event = heard("claims")
    more = tuple(line.split(" ")[0] for line in others(by_rules(event)))[:3]
    proposal = ProposedFailures(hypotheses=(), more=more)

    said = await agent(ScriptedModel((proposal,))).select(event)

    kept = {m.id for m in said.failures.modes}
    assert {m.id for m in by_rules(event).modes} <= kept
    assert {
        m.mode_id for m in said.failures.modes if m.id not in {x.id for x in by_rules(event).modes}
    } <= set(more)
    ranks = [m.risk_priority for m in said.failures.modes]
    assert ranks == sorted(ranks, reverse=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"more": ("made-up",)},
        {"hypotheses": ({"id": "made-up@x", "trigger": "", "detection_signal": "", "reason": ""},)},
        {"text": "It happens in 83.7 percent of cases"},
    ],
    ids=["nothing said", "unknown mode", "unknown id", "own figure"],
)
async def test_what_the_catalogue_does_not_hold_is_refused(
    heard: Heard, wrong: dict[str, object]
) -> None:
    event = heard("claims")
    rules = by_rules(event)
    text = wrong.pop("text", None)
    base: dict[str, object] = {"hypotheses": (), "more": ()} | wrong
    if text:
        base["hypotheses"] = hypotheses(rules, str(text))
    port = ScriptedModel((ProposedFailures.model_validate(base),))

    said = await agent(port).select(event)

    assert said.failures == rules
    assert said.provenance.fallback_reason == "model_answer_invalid"


async def test_what_a_person_asked_to_inject_is_not_touched(heard: Heard) -> None:
    event = heard("claims", failures=())
    port = ScriptedModel((ProposedFailures(hypotheses=(), more=()),))

    said = await agent(port).select(event)

    assert (said.failures.modes, port.asked) == ((), [])


async def test_a_silent_model_leaves_the_rules_plan(heard: Heard) -> None:
    event = heard("claims")

    said = await agent(silent()).select(event)

    assert said.failures == by_rules(event)
    assert said.provenance.fallback_reason == "model_unavailable"


def test_the_prompt_is_the_one_that_was_reviewed(heard: Heard) -> None:
    event = heard("claims")
    given = fields("A short scenario.", event.network, by_rules(event), 3_000)
    messages = choose("failure", "hypothesise", "s").render(given)

    assert same_as_kept(messages, Path(__file__).parent / "snapshots" / "hypothesise.v1.txt")
