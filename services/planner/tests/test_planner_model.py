"""A model may say who does what and in which pattern; wiring, gates and bounds are the rules'."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.editing import EditAsked, ReviewAsked
from common.contracts.events import ArchitectureEdited, ScenarioInterpreted
from common.contracts.scenario import (
    Found,
    Interpretation,
    ScenarioRequest,
    SimulationOptions,
    Step,
)
from common.contracts.values import Evidence
from common.llm.prompts import choose
from common.llm.snapshots import same_as_kept
from common.llm.testing import ScriptedModel, silent
from planner.agent import PlannerAgent
from planner.editing import EditorAgent
from planner.editing.llm import EditFields, ProposedCommands, editor_model
from planner.llm import plan_fields, planner_model
from planner.review import ReviewerAgent, review
from planner.review.invariants import broken
from planner.review.llm import ProposedSummary, review_fields, reviewer_model
from planner.rules.planning import plan
from planner.rules.proposal import ProposedPlan, built, problems
from planner.telling import told_agents

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TEXT = "Read the invoice, match it with the order, pay it and confirm the payment."
PATTERNS = (
    *("sequential", "parallel", "router", "supervisor", "hierarchical"),
    *("evaluator_loop", "group_chat", "handoff", "blackboard"),
)


def step(number: int, verb: str, quote: str, *capabilities: str) -> Step:
    start = TEXT.index(quote)
    return Step(
        id=f"s{number}",
        order=number,
        name=quote,
        verb=verb,
        object="invoice",
        capabilities=capabilities,
        evidence=(Evidence(text=quote, start=start, end=start + len(quote)),),
    )


READ = Interpretation(
    is_scenario=True,
    title="Invoices",
    goal=Found(name="pay invoices"),
    industry=Found(name="finance"),
    summary="Invoices are paid.",
    steps=(
        step(1, "read", "Read the invoice"),
        step(2, "match", "match it with the order"),
        step(3, "pay", "pay it", "payment_api"),
        step(4, "notify", "confirm the payment", "email_send"),
    ),
    approvals=(Found(name="a manager approves payments"),),
    signals={"human": 0.9},
)


def heard(engine: str = "auto", max_agents: int = 10) -> ScenarioInterpreted:
    options = SimulationOptions.model_validate({"engine": engine, "max_agents": max_agents})
    return ScenarioInterpreted(
        event_id=UUID(int=5),
        simulation_id="s",
        occurred_at=NOW,
        request=ScenarioRequest(scenario_id="c", text=TEXT, options=options),
        interpretation=READ,
    )


def proposal(*roles: tuple[str, tuple[str, ...]], pattern: str = "sequential") -> ProposedPlan:
    return ProposedPlan.model_validate(
        {
            "pattern": pattern,
            "pattern_reason": "The steps follow each other.",
            "roles": [{"title": t, "duty": f"does {t}", "steps": s} for t, s in roles],
        }
    )


GOOD = proposal(("Invoice Reader", ("s1", "s2")), ("Paying Clerk", ("s3",)), ("Notifier", ("s4",)))


def agent(port: ScriptedModel) -> PlannerAgent:
    return PlannerAgent(now=lambda: NOW, model=planner_model(port, 5.0))


async def test_the_proposed_roles_are_wired_by_the_rules_with_their_gates() -> None:
    said = await agent(ScriptedModel((GOOD,))).plan(heard())

    names = [a.name for a in said.network.agents if a.kind == "agent"]
    assert {"Invoice Reader", "Paying Clerk", "Notifier"} <= set(names)
    assert said.network.pattern_reason == "The steps follow each other."
    people = [a.name for a in said.network.agents if a.kind == "human"]
    assert people == [a.name for a in plan(READ).agents if a.kind == "human"]
    assert broken(said.network) == ()
    assert len(said.network.alternatives) == len(plan(READ).alternatives)
    origin = said.provenance
    assert (origin.engine, origin.prompt_version) == ("llm", "plan/1")


@pytest.mark.parametrize(
    "wrong",
    [
        proposal(("Reader", ("s1", "s2"))),
        proposal(("Reader", ("s1", "s2", "s3", "s4")), ("Other", ("s4",))),
        proposal(("Reader", ("s1", "s2", "s3", "s4", "s9"))),
        proposal(("Reader", ("s1", "s2")), ("reader", ("s3", "s4"))),
        proposal(("Reader", ("s1", "s2")), ("Payer", ("s3", "s4")), pattern="single"),
        proposal(("Reader", ("s1", "s2", "s3", "s4")), ("Idle", ())),
        proposal(),
    ],
    ids=["step lost", "step twice", "step made up", "title twice", "not single", "idle", "nobody"],
)
async def test_a_proposal_that_does_not_add_up_is_refused(wrong: ProposedPlan) -> None:
    said = await agent(ScriptedModel((wrong,))).plan(heard())

    assert said.network == plan(READ)
    assert said.provenance.fallback_reason == "model_answer_invalid"


async def test_more_agents_than_allowed_are_refused() -> None:
    said = await agent(ScriptedModel((GOOD,))).plan(heard(max_agents=2))

    assert sum(a.kind == "agent" for a in said.network.agents) <= 2
    assert said.provenance.engine == "rules"


@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
    st.sampled_from(PATTERNS),
    st.integers(1, 6),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_proposed_what_is_built_is_sound_and_keeps_the_people(
    shares: list[int], pattern: str, most: int
) -> None:
    groups = {n: tuple(f"s{i + 1}" for i, g in enumerate(shares) if g == n) for n in set(shares)}
    said = proposal(*((f"Role {'abcd'[n]}", steps) for n, steps in groups.items()), pattern=pattern)

    if not problems(READ, said, most):
        network = built(READ, said, most)
        assert broken(network, max_agents=most) == ()
        assert network.human_in_loop


async def test_a_network_that_a_person_edited_is_not_planned_anew() -> None:
    port = ScriptedModel((GOOD,))
    edited = ArchitectureEdited(**heard().model_dump(), network=plan(READ))

    said = await agent(port).plan(edited)

    assert port.asked == []
    assert said.provenance.engine == "rules"


async def test_a_command_the_grammar_does_not_know_is_put_into_one_it_does() -> None:
    network = plan(READ)
    first = network.agents[0].name
    asked = EditAsked(
        network=network, command="could somebody double-check what the first one does?"
    )
    port = ScriptedModel((ProposedCommands(commands=[f"add a verifier after {first}"]),))

    answered = await EditorAgent(model=editor_model(port)).edit(asked)

    assert answered.outcome == "edited"
    assert answered.network is not None
    assert broken(answered.network) == ()
    assert answered.provenance.engine == "llm"


async def test_a_command_the_grammar_knows_asks_no_model() -> None:
    network = plan(READ)
    port = ScriptedModel((ProposedCommands(commands=["undo"]),))
    command = f"add a verifier after {network.agents[0].name}"

    answered = await EditorAgent(model=editor_model(port)).edit(
        EditAsked(network=network, command=command)
    )

    assert (answered.outcome, port.asked) == ("edited", [])


@pytest.mark.parametrize("port", [silent(), ScriptedModel((ProposedCommands(commands=["dance"]),))])
async def test_an_unclear_command_stays_a_question_when_the_model_does_not_help(
    port: ScriptedModel,
) -> None:
    asked = EditAsked(network=plan(READ), command="make it nicer somehow, you know")

    answered = await EditorAgent(model=editor_model(port)).edit(asked)

    assert answered.outcome == "question"
    assert answered.network is None


def drawing() -> ReviewAsked:
    nodes = [{"id": "a", "name": "Reader"}, {"id": "b", "name": "Payer"}]
    return ReviewAsked(nodes=nodes, edges=[{"source": "a", "target": "b"}])


async def test_a_review_is_summed_up_in_other_words_with_the_same_score() -> None:
    plain = review(drawing().nodes, drawing().edges)
    port = ScriptedModel((ProposedSummary(summary="Add a gate before anyone pays."),))

    answered = await ReviewerAgent(model=reviewer_model(port)).review(drawing())

    assert answered.summary == "Add a gate before anyone pays."
    assert (answered.score, answered.findings) == (plain.score, plain.findings)


async def test_a_summary_with_a_figure_of_its_own_is_not_used() -> None:
    port = ScriptedModel((ProposedSummary(summary="It will save 987654 dollars."),))

    answered = await ReviewerAgent(model=reviewer_model(port)).review(drawing())

    assert answered.summary == review(drawing().nodes, drawing().edges).summary
    assert answered.provenance.fallback_reason == "model_answer_invalid"


@pytest.mark.parametrize("name", ["plan", "edit", "review"])
def test_the_prompts_are_the_ones_that_were_reviewed(name: str) -> None:
    network = proposed = built(READ, GOOD, 10)
    given = {
        "plan": plan_fields(READ, proposed, 10, 4_000),
        "edit": EditFields(network="\n".join(told_agents(network)), command="calm it down"),
        "review": review_fields(review(drawing().nodes, drawing().edges), 4_000),
    }
    messages = choose("planner", name, "s").render(given[name])
    if (
        name == "review"
    ):  # the findings grow with the reviewer; the prompt's own words are what is kept
        messages = messages[:1]

    assert same_as_kept(messages, Path(__file__).parent / "snapshots" / f"{name}.v1.txt")
