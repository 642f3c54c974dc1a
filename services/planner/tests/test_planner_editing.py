"""Commands in plain words: what is done, asked and refused, and that every edit leaves a sound network."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.editing import EditAsked
from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from planner.editing import Edited, EditorAgent, EditResult, NeedsAnswer, Refused, Undo, edit
from planner.review.invariants import broken


def agent(agent_id: str, name: str, tool: str = "", **more: object) -> AgentSpec:
    tools = (tool,) if tool else ()
    spec = AgentSpec(
        id=agent_id, name=name, role=name, tools=tools, responsibilities=(f"do {name}",)
    )
    return spec.model_copy(update=more)


def edge(source: str, target: str, kind: str = "handoff", **more: object) -> Connection:
    return Connection.model_validate({"source": source, "target": target, "kind": kind, **more})


def tool(name: str, capability: str, effect: str, *owners: str) -> ToolSpec:
    return ToolSpec.model_validate(
        {"name": name, "capability": capability, "side_effect": effect, "used_by": owners}
    )


SHOP = Network(
    agents=(
        agent("reader", "Request Reader", "read_mailbox", capabilities=("email_read",)),
        agent(
            "research", "Order Research Agent", "look_up_order", capabilities=("order_management",)
        ),
        agent("writer", "Writer"),
        agent(
            "checker",
            "Quality Checker",
            "check_policy",
            capabilities=("policy_rules",),
            is_verifier=True,
        ),
        agent("manager", "Manager", kind="human", model_class=None),
        agent("payer", "Refund Payer", "issue_refund", capabilities=("payment_api",)),
        agent("notifier", "Notifier", "send_email", capabilities=("email_send",)),
    ),
    tools=(
        tool("read_mailbox", "email_read", "read", "reader"),
        tool("look_up_order", "order_management", "read", "research"),
        tool("check_policy", "policy_rules", "read", "checker"),
        tool("issue_refund", "payment_api", "irreversible", "payer"),
        tool("send_email", "email_send", "write", "notifier"),
    ),
    connections=(
        edge("reader", "research"),
        edge("research", "writer"),
        edge("writer", "checker", "verify"),
        edge("checker", "writer", max_iterations=2),
        edge("checker", "payer", share=0.8, when="up to 100 EUR"),
        edge("checker", "manager", "approve", share=0.2, when="above 100 EUR"),
        edge("manager", "payer"),
        edge("payer", "notifier"),
        edge("reader", "read_mailbox", "tool"),
        edge("research", "look_up_order", "tool"),
        edge("checker", "check_policy", "tool"),
        edge("payer", "issue_refund", "tool"),
        edge("notifier", "send_email", "tool"),
    ),
    pattern="sequential",
    pattern_reason="steps in order",
    human_in_loop=True,
    entry=("reader",),
    exit=("notifier",),
)

TABLE = tomllib.loads((Path(__file__).parent / "data" / "edits.toml").read_text("utf-8"))


def rows(kind: str, wanted: str) -> list[Any]:
    return [pytest.param(row["says"], row[wanted], id=row["says"][:60]) for row in TABLE[kind]]


BACK: tuple[tuple[str, Undo], ...] = (
    ("undo", Undo(1)),
    ("undo the last two changes", Undo(2)),
    ("revert to revision 2", Undo(None, 2)),
    ("go back to the original", Undo(None, 1)),
    ("redo that", Undo(-1)),
)


def test_the_example_is_sound() -> None:
    assert broken(SHOP) == ()


@pytest.mark.parametrize(("command", "summary"), rows("done", "result"))
def test_a_clear_command_is_done_and_the_network_stays_sound(command: str, summary: str) -> None:
    result = edit(SHOP, command, max_agents=10)

    assert isinstance(result, Edited), result
    assert result.summary == summary
    assert broken(result.network, max_agents=10) == ()


@pytest.mark.parametrize(("command", "option"), rows("asked", "option"))
def test_an_unclear_command_gets_a_question_with_options(command: str, option: str) -> None:
    result = edit(SHOP, command)

    assert isinstance(result, NeedsAnswer), result
    assert option in result.options


@pytest.mark.parametrize(("command", "reason"), rows("refused", "reason"))
def test_a_command_that_breaks_the_network_is_refused_with_reason_and_suggestion(
    command: str, reason: str
) -> None:
    result = edit(SHOP, command)

    assert isinstance(result, Refused), result
    assert reason in result.reason
    assert result.suggestion


@pytest.mark.parametrize(("command", "wanted"), BACK, ids=[row[0] for row in BACK])
def test_going_back_is_left_to_the_keeper_of_revisions(command: str, wanted: Undo) -> None:
    assert edit(SHOP, command) == wanted


def test_undo_without_history_is_refused() -> None:
    assert isinstance(edit(SHOP, "undo", history=0), Refused)
    assert edit(SHOP, "undo", history=1) == Undo(1)


def edited(command: str, network: Network = SHOP) -> Network:
    result = edit(network, command)
    assert isinstance(result, Edited), result
    return result.network


def flow(network: Network) -> set[tuple[str, str, str]]:
    return {
        (e.source, e.target, e.kind)
        for e in network.connections
        if e.kind not in {"tool", "memory"}
    }


def test_what_left_an_agent_leaves_the_one_added_after_it() -> None:
    after = edited("add a translator after the writer")

    assert {("writer", "translator", "handoff"), ("translator", "checker", "verify")} <= flow(after)
    assert ("writer", "checker", "verify") not in flow(after)
    assert after.agent("checker").dependencies == ("translator",)


def test_an_agent_added_after_the_exit_becomes_the_exit() -> None:
    assert edited("add an archiver after the notifier").exit == ("archiver",)


def test_when_one_way_of_a_choice_goes_the_other_is_taken_always() -> None:
    two = edited("add a human approval before the refund payer")
    after = edited('remove "Manager"', two)
    ways = [
        e
        for e in after.connections
        if e.source == "checker" and e.kind != "tool" and e.max_iterations is None
    ]

    assert [(e.target, e.share, e.when) for e in ways] == [("human_approval", None, None)]


def test_a_person_named_in_an_approval_is_a_person_in_the_flow() -> None:
    after = edited("have our legal team approve before the notifier")
    legal = next(a for a in after.agents if a.name == "Legal team")

    assert (legal.kind, legal.model_class) == ("human", None)
    assert ("payer", legal.id, "approve") in flow(after)
    assert (legal.id, "notifier", "handoff") in flow(after)


def test_a_verifier_after_an_irreversible_action_cannot_send_it_back() -> None:
    after = edited("add a verifier after the refund payer")

    assert not [e for e in after.connections if e.source == "verifier" and e.max_iterations]


def test_a_taken_tool_takes_its_capability_so_that_mapping_does_not_bring_it_back() -> None:
    assert edited("take check_policy from the checker").agent("checker").capabilities == ()


def test_a_model_that_a_person_chose_says_so() -> None:
    writer = edited("use a small model for the writer").agent("writer")

    assert (writer.model_class, writer.model_reason) == ("small", "asked for by a person")


def test_all_agents_can_be_meant() -> None:
    after = edited("use a small model for everything")

    assert {a.model_class for a in after.agents if a.kind == "agent"} == {"small"}
    assert after.agent("manager").model_class is None


def test_renaming_keeps_the_id() -> None:
    assert edited("rename the writer to Author").agent("writer").name == "Author"


def test_merging_unites_duties_and_tools() -> None:
    one = edited("merge the research agent and the writer").agent("research")

    assert one.responsibilities == ("do Order Research Agent", "do Writer")
    assert one.tools == ("look_up_order",)


def test_commands_are_done_all_or_none() -> None:
    result = edit(SHOP, "rename the writer to Author and remove the notifier")

    assert isinstance(result, Refused)


def test_the_agent_limit_is_kept() -> None:
    result = edit(SHOP, "add a translator after the writer", max_agents=6)

    assert isinstance(result, Refused)
    assert "at most 6" in result.reason


def test_a_network_that_is_too_large_may_shrink_but_not_grow() -> None:
    assert isinstance(edit(SHOP, "remove the writer", max_agents=4), Edited)
    assert isinstance(edit(SHOP, "rename the writer to Author", max_agents=4), Edited)
    assert isinstance(edit(SHOP, "add a clerk after the writer", max_agents=4), Refused)


def test_old_defects_are_not_held_against_a_command() -> None:
    ungated = SHOP.model_copy(update={"human_in_loop": False})

    assert isinstance(edit(ungated, "rename the writer to Author"), Edited)


@pytest.mark.parametrize(
    "pattern",
    [
        "parallel",
        "supervisor",
        "group chat",
        "single",
        "router",
        "evaluator loop",
        "blackboard",
        "handoff",
    ],
)
def test_every_pattern_keeps_the_gate_before_the_payment(pattern: str) -> None:
    after = edited(f"change the pattern to {pattern}")

    assert after.pattern == pattern.replace(" ", "_")
    assert broken(after) == ()
    assert {t.name for t in SHOP.tools} - {"check_policy"} <= {t.name for t in after.tools}


async def test_the_editor_answers_in_the_contract_s_shape() -> None:
    editor = EditorAgent()

    done = await editor.edit(EditAsked(network=SHOP, command="rename the writer to Author"))
    asked = await editor.edit(EditAsked(network=SHOP, command="add a translator"))
    refused = await editor.edit(EditAsked(network=SHOP, command="remove the notifier"))
    back = await editor.edit(EditAsked(network=SHOP, command="undo"))

    assert (done.outcome, done.changes) == ("edited", ("Renamed Writer to Author.",))
    assert (asked.outcome, asked.network, len(asked.options)) == ("question", None, 7)
    assert (refused.outcome, bool(refused.suggestion)) == ("refused", True)
    assert (back.outcome, back.undo_steps) == ("undo", 1)


NAMES = st.sampled_from([a.name for a in SHOP.agents] + ["ghost", "the last one", "it"])
COMMANDS = st.one_of(
    st.builds("remove {} and its tools".format, NAMES),
    st.builds("merge {} and {}".format, NAMES, NAMES),
    st.builds("connect {} to {}".format, NAMES, NAMES),
    st.builds("disconnect {} from {}".format, NAMES, NAMES),
    st.builds("add a verifier after {}".format, NAMES),
    st.builds("add a clerk before {}".format, NAMES),
    st.builds("a lawyer must approve before {}".format, NAMES),
    st.builds("split {} into a first half and a second half".format, NAMES),
    st.builds("move look_up_order from {} to {}".format, NAMES, NAMES),
    st.builds(
        "make it {}".format, st.sampled_from(["parallel", "sequential", "single", "supervisor"])
    ),
    st.text(max_size=40),
)


@given(st.lists(COMMANDS, min_size=1, max_size=5))
def test_whatever_is_said_the_network_stays_sound_and_the_same_again(commands: list[str]) -> None:
    network = SHOP
    for command in commands:
        result: EditResult = edit(network, command, max_agents=12)
        assert result == edit(network, command, max_agents=12)
        if isinstance(result, Edited):
            assert broken(result.network, max_agents=12) == ()
            network = result.network
