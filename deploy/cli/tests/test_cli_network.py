"""The drawing of a network: every fact is in it, at every width."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import RenderableType

from common.contracts.network import AgentSpec, Connection, Network
from simulator_cli.render.arrows import connector
from simulator_cli.render.layers import layout
from simulator_cli.render.network import NetworkDrawing, ranges
from simulator_cli.render.report import network_view

WIDTHS = pytest.mark.parametrize("width", [80, 120])

type Draw = Callable[[RenderableType, int], str]


def flat(drawing: str) -> str:
    """The drawing's words without borders and line breaks."""
    return " ".join(re.sub(r"[│┃╭╮╰╯─━┏┓┗┛▼┌┐└┘├┤┴┬┼]", " ", drawing).split())


@WIDTHS
def test_every_agent_and_tool_is_shown(network: Network, draw: Draw, width: int) -> None:
    text = flat(draw(network_view(network), width))

    for agent in network.agents:
        assert agent.name in text
    for tool in network.tools:
        assert tool.name in text
    assert "coverage and fraud are judged independently" in text
    assert "6 agents · 1 person · 3 tools" in text
    assert "irreversible" in text


@WIDTHS
def test_a_gate_shows_who_approves_when_and_how_often(
    network: Network, draw: Draw, width: int
) -> None:
    text = flat(draw(NetworkDrawing(network), width))

    assert "person · approves when payout over 5,000 EUR" in text
    assert "approved by 6 (when payout over 5,000 EUR, 20 % of tasks)" in text


@WIDTHS
def test_a_loop_is_an_arrow_back_with_its_limit(network: Network, draw: Draw, width: int) -> None:
    text = flat(draw(NetworkDrawing(network), width))

    assert "back to 4: objections (at most 2×)" in text


def test_parallel_branches_stand_side_by_side(network: Network, draw: Draw) -> None:
    lines = draw(NetworkDrawing(network), 80).splitlines()

    assert any("Coverage Analyst" in line and "Fraud Screener" in line for line in lines)


def test_model_class_and_missing_model_are_told_apart(network: Network, draw: Draw) -> None:
    text = draw(NetworkDrawing(network), 120)

    assert "small model" in text
    assert "reasoning model · 2 at once" in text
    assert "no model" in text
    assert "None" not in text


@WIDTHS
def test_one_agent_alone_leads_from_task_to_result(
    one_agent: Network, draw: Draw, width: int
) -> None:
    text = flat(draw(network_view(one_agent), width))

    assert "1 agent" in text
    assert text.index("task") < text.index("Letter Writer") < text.rindex("result")


@pytest.mark.parametrize("width", [48, 80, 120, 200])
def test_thirty_agents_with_long_names_stay_within_the_width(
    thirty_agents: Network, draw: Draw, width: int
) -> None:
    text = draw(network_view(thirty_agents), width)

    for n in range(1, 28):
        assert f"Specialist for Region {n}" in text


def test_arrows_that_differ_only_in_their_target_share_a_line(
    thirty_agents: Network, draw: Draw
) -> None:
    assert "⇄ asks 2–29" in draw(NetworkDrawing(thirty_agents), 80)


@given(st.sets(st.integers(1, 40), min_size=1))
def test_ranges_name_exactly_the_numbers_given(numbers: set[int]) -> None:
    named: list[int] = []
    for part in ranges(sorted(numbers)).split(", "):
        first, _, last = part.partition("–")
        named += range(int(first), int(last or first) + 1)

    assert named == sorted(numbers)


def test_layers_follow_the_longest_way_and_ignore_back_edges(network: Network) -> None:
    plan = layout(network)

    assert plan.layers == (
        ("intake",),
        ("coverage", "fraud"),
        ("draft",),
        ("check",),
        ("adjuster",),
        ("pay",),
    )
    assert plan.numbers["pay"] == 7
    assert ("check", "draft") not in plan.forward


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_every_agent_is_drawn_once_whatever_the_edges(pairs: list[tuple[int, int]]) -> None:
    network = Network(
        agents=tuple(AgentSpec(id=str(n), name=f"A{n}", role="r") for n in range(8)),
        connections=tuple(Connection(source=str(a), target=str(b)) for a, b in pairs),
        pattern="sequential",
        pattern_reason="",
    )

    plan = layout(network)

    assert sorted(agent for layer in plan.layers for agent in layer) == list("01234567")


def test_a_fork_leads_from_one_box_to_two() -> None:
    lines = connector([("a", 6)], [("b", 2), ("c", 10)], [("a", "b"), ("a", "c")])

    assert lines == ["      │", "  ┌───┴───┐", "  ▼       ▼"]


def test_edges_apart_from_each_other_share_no_bus() -> None:
    lines = connector([("a", 2), ("b", 10)], [("c", 4), ("d", 10)], [("a", "c"), ("b", "d")])

    assert lines[1] == "  └─┐     │"


def test_a_straight_way_takes_no_bus_and_no_edge_no_arrow() -> None:
    assert connector([("a", 2)], [("b", 2)], [("a", "b")]) == ["  │", "  ▼"]
    assert connector([("a", 2)], [("b", 2)], [("a", "z")]) == [""]
