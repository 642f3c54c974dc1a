"""What the assistant answers, and that each figure it says stands in the record where it says."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.contracts.chat import ChatAnswered, ChatAsked, ChatTurn
from common.contracts.conversations import Bounds
from conversation.agent import ChatAgent, pieces
from conversation.rules.assistant.telling import look_up
from conversation.rules.deliberation.turn import opened, run_through

T0 = datetime(2026, 1, 1, tzinfo=UTC)
AGENT = ChatAgent(now=lambda: T0)


def ask(message: str, facts: dict[str, Any] | None = None, **fields: Any) -> ChatAnswered:
    asked = ChatAsked(request_id="q", message=message, facts=facts, **fields)
    return asyncio.run(AGENT.answer(asked))


ASKED = (
    ("What is the bottleneck?", "bottleneck", ("Tenancy Adviser", "80 %", "40 s", "$120")),
    ("how much does a task cost", "cost", ("$0.02", "$1,750", "Letter Reader")),
    ("How long do tasks take?", "latency", ("31 s", "waiting in queues")),
    ("how reliable is it", "success", ("90 %", "76 %", "88 %")),
    ("Which failures are worst?", "failures", ("Step repetition", "12 points")),
    ("tell me about step repetition", "mode", ("assumed", "A guard against loops", "25 %")),
    ("what should we improve", "mitigation", ("10 points", "$0.001")),
    ("why this pattern?", "pattern", ("sequential", "steps follow", "One coordinator")),
    ("would a supervisor be better?", "alternatives", ("One coordinator",)),
    ("What does the Tenancy Adviser do?", "agent", ("drafts an answer", "rule_library", "80 %")),
    ("what is post_letter", "tool", ("irreversible",)),
    ("which tools are there", "tools", ("post_letter", "rule_library", "Not to be undone")),
    ("where does a person decide", "humans", ("Duty Lawyer", "an eviction")),
    ("who are the agents", "agents", ("Letter Reader", "Tenancy Adviser", "Duty Lawyer")),
    ("what if the volume doubles?", "what_if", ("beyond what it can do", "rerun", "4")),
    ("What if the Tenancy Adviser fails?", "what_if", ("Step repetition", "12 points")),
    ("how do I run it again", "rerun", ("/simulations/s1/rerun", "(7)")),
    ("what was assumed", "assumptions", ("How many letters a day?", "Prices of people")),
    ("How sure are you?", "confidence", ("seed 7", "95 %")),
    ("can it handle 3 letters per minute?", "capacity", ("more than", "2.5")),
    ("summarise it", "overview", ("Letters to a tenants' union", "90 %")),
    ("what is p95?", "definition", ("95 of 100",)),
    ("delete this simulation", "cannot", ("DELETE /simulations",)),
)  # fmt: skip


@pytest.mark.parametrize(("question", "topic", "parts"), ASKED, ids=[q for q, *_ in ASKED])
def test_a_question_is_answered_from_the_record(
    report: dict[str, Any], question: str, topic: str, parts: tuple[str, ...]
) -> None:
    answer = ask(question, report)

    assert answer.topic == topic
    for part in parts:
        assert part.lower() in answer.content.lower(), answer.content


@pytest.mark.parametrize("question", [q for q, *_ in ASKED])
def test_every_citation_stands_in_the_record_at_its_path(
    report: dict[str, Any], question: str
) -> None:
    for citation in ask(question, report).citations:
        keys = tuple(int(k) if k.isdecimal() else k for k in citation.path.split("/")[1:])
        found = look_up(report, keys)
        if found is None:  # the story's payload has its parts at the root
            found = look_up(report["narrative"], keys)
        assert citation.value is None or found == citation.value, citation
        assert (
            citation.text in ask(question, report).content
            or citation.text.lower() in ask(question, report).content.lower()
        )


def test_figures_of_the_run_name_the_event_that_the_story_cites_and_the_askers_word_wins(
    report: dict[str, Any],
) -> None:
    assert {c.event_id for c in ask("cost?", report).citations} == {"r1.run.9"}
    assert {c.event_id for c in ask("cost?", report, sources={"run": "r1.run.77"}).citations} == {
        "r1.run.77"
    }
    assert {c.event_id for c in ask("which tools?", report).citations} == {"r1.tools.1"}


def test_an_unknown_cost_is_said_to_be_unknown_and_never_nought(report: dict[str, Any]) -> None:
    report["run"]["baseline"] |= {"cost_usd_per_task": None, "cost_usd_per_month": None}
    answer = ask("what does it cost?", report)
    assert "unknown" in answer.content
    assert "$0 " not in answer.content


@pytest.mark.parametrize(
    "question", ["What is the bottleneck?", "which failures?", "what does it cost"]
)
def test_what_is_not_there_yet_is_said_plainly(report: dict[str, Any], question: str) -> None:
    unfinished = {k: report[k] for k in ("simulation_id", "interpretation")} | {"status": "running"}
    answer = ask(question, unfinished)
    assert "running" in answer.content
    assert answer.citations == ()


def test_it_and_its_mean_what_was_talked_about(report: dict[str, Any]) -> None:
    history = (ChatTurn(role="user", content="What does the Tenancy Adviser do?"),)
    assert "Tenancy Adviser was busy" in ask("and how busy is it?", report, history=history).content
    assert "rule_library" in ask("which tools does it use?", report, history=history).content
    assert ask("how do I run it again?", report, history=history).topic == "rerun"


def test_without_a_record_it_says_so_and_how_to_get_one() -> None:
    answer = ask("what is the bottleneck?")
    assert "no record was named" in answer.content
    assert "POST /simulate" in answer.content
    assert (
        "There is no simulation “x9”" in ask("what is the bottleneck?", simulation_id="x9").content
    )


def test_a_decided_conversation_is_explained_with_its_votes_and_risks() -> None:
    goal = "Should we repair our old boat, buy a new boat, or rent one? The old boat fails often."
    state, turns = run_through(
        opened("c1", goal, bounds=Bounds(max_questions=0)), lambda _: pytest.fail("asked")
    )
    assert state.decision is not None
    facts = {
        "conversation_id": "c1",
        "goal_description": goal,
        "status": "completed",
        "phase": "consensus",
        "final_summary": turns[-1].final_summary,
        "decision": state.decision.model_dump(mode="json"),
        "questions": [],
        "messages": [
            m.model_dump(mode="json") | {"id": m.message_id} for t in turns for m in t.said
        ],
    }
    assert state.decision.option in ask("what was decided and why?", facts).content
    assert "Riley QA" in ask("who voted how?", facts).content
    assert "working days" in ask("what are the next actions?", facts).content
    quoted = ask("what did they say about the new boat being expensive or risky", facts)
    assert quoted.citations


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.text(min_size=1, max_size=200))
def test_any_text_gets_an_answer_and_its_pieces_join_to_it(
    report: dict[str, Any], text: str
) -> None:
    for facts in (report, None):
        answer = ask(text, facts)
        assert answer.status == "complete"
        assert answer.content
        assert "".join(pieces(answer.content)) == answer.content
