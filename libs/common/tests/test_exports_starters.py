"""The starters are Python that compiles whatever people write, and that walks the network as it was planned."""

import ast
import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.report import Report
from common.exports import EXPORTS

STARTERS = ("crewai", "langgraph", "openai-agents")
EVIL = "x\"\"\"\n'''\nimport os; os._exit(3)  # {y} \\"


def report(network: Network, text: str = "a task") -> Report:
    return Report(
        simulation_id="sim-1",
        scenario_text=text,
        status="completed",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        network=network,
    )


def network(
    *edges: tuple[str, str, str, dict[str, Any]], people: str = "", verifiers: str = ""
) -> Network:
    ids = list(dict.fromkeys(ref for source, target, *_ in edges for ref in (source, target)))
    return Network(
        agents=tuple(
            AgentSpec(
                id=ref,
                name=ref.upper(),
                role=ref,
                kind="human" if ref in people else "agent",
                model_class=None if ref in people else "small",
                is_verifier=ref in verifiers,
                tools=("pay",) if ref == ids[-1] else (),
            )
            for ref in ids
        ),
        tools=(ToolSpec(name="pay", capability="payment", side_effect="irreversible"),),
        connections=tuple(
            Connection(source=source, target=target, kind=kind, **more)
            for source, target, kind, more in edges
        ),
        pattern="sequential",
        pattern_reason="r",
        entry=(ids[0],),
        exit=(ids[-1],),
    )


LOOP = network(
    ("write", "check", "verify", {}),
    ("check", "write", "handoff", {"max_iterations": 2}),
    ("check", "send", "handoff", {}),
    verifiers="check",
)
GATE = network(
    ("read", "boss", "approve", {"share": 0.2, "when": "large"}),
    ("read", "pay1", "handoff", {"share": 0.8, "when": "small"}),
    ("boss", "pay1", "handoff", {}),
    people="boss",
)
STAR = network(
    ("lead", "w1", "call", {}),
    ("lead", "w2", "call", {}),
    ("lead", "end", "handoff", {}),
)
DIAMOND = network(
    ("in", "a", "publish", {}),
    ("in", "b", "publish", {}),
    ("a", "c", "handoff", {}),
    ("b", "out", "handoff", {}),
    ("c", "out", "handoff", {}),
)


class Framework(ModuleType):
    """Stands for a library that is not installed here: any name is a class that takes anything."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: args[0] if args else SimpleNamespace(**kwargs)


@pytest.fixture(params=["crewai", "openai-agents"])
def load(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a starter's file as a module, with `think` answered by the script."""
    for name in ("agents", "crewai", "crewai.tools"):
        monkeypatch.setitem(sys.modules, name, Framework(name))

    def make(planned: Network, think: Callable[[str, str], str]) -> Any:
        module = ModuleType("starter")
        monkeypatch.setitem(sys.modules, "starter", module)
        source = EXPORTS[request.param].export(report(planned))
        exec(compile(source, "starter", "exec"), module.__dict__)

        async def answer(agent_id: str, prompt: str) -> str:
            return think(agent_id, prompt)

        module.__dict__["think"] = answer
        return module

    return make


def walk(module: Any) -> str:
    return str(asyncio.run(module.run_network("task")))


@pytest.mark.parametrize("name", STARTERS)
@given(text=st.one_of(st.text(max_size=40), st.just(EVIL)))
@settings(max_examples=12, deadline=None)
def test_whatever_people_write_stays_text(name: str, text: str) -> None:
    agent = LOOP.agents[0].model_copy(
        update={"name": text, "role": text, "responsibilities": (text,)}
    )
    tool = LOOP.tools[0].model_copy(
        update={"name": text or "t", "description": text, "mcp_server": text}
    )
    edge = LOOP.connections[0].model_copy(update={"label": text})
    evil = LOOP.model_copy(
        update={
            "agents": (agent, *LOOP.agents[1:]),
            "tools": (tool,),
            "connections": (edge, *LOOP.connections[1:]),
            "pattern_reason": text,
        }
    )

    tree = ast.parse(EXPORTS[name].export(report(evil, text or " ")))

    def shape(parsed: ast.Module) -> list[str]:
        return [type(node).__name__ for node in parsed.body]

    assert shape(tree) == shape(ast.parse(EXPORTS[name].export(report(LOOP))))


@pytest.mark.parametrize("name", STARTERS)
def test_a_tool_stub_says_what_to_implement(name: str) -> None:
    source = EXPORTS[name].export(report(LOOP))

    assert "def pay(request: str) -> str:" in source
    assert (
        "raise NotImplementedError('Connect the tool “pay” (capability payment; effect: irreversible)."
        in source
    )
    assert "cannot be undone" in source


@pytest.mark.parametrize("name", STARTERS)
def test_a_tool_never_takes_a_name_that_the_file_uses(name: str) -> None:
    tool = ToolSpec(name="think", capability="c")
    source = EXPORTS[name].export(report(LOOP.model_copy(update={"tools": (tool,)})))

    assert "def think_2(request: str)" in source


def test_a_rejection_goes_back_and_is_bounded(load: Callable[..., Any]) -> None:
    seen: list[str] = []

    def think(agent: str, prompt: str) -> str:
        seen.append(agent)
        return "REJECT: no" if agent == "check" else agent

    result = walk(load(LOOP, think))

    assert seen == ["write", "check", "write", "check", "write", "check", "send"]
    assert result == "send"


@pytest.mark.parametrize(
    ("choice", "answer", "path", "result"),
    [
        ("1", "y", ["read", "read", "pay1"], "pay1"),
        ("1", "n", ["read", "read"], "Declined by BOSS."),
        ("2", "n", ["read", "read", "pay1"], "pay1"),
    ],
)
def test_one_way_of_a_choice_is_taken_and_a_person_decides(
    choice: str,
    answer: str,
    path: list[str],
    result: str,
    load: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: answer)
    seen: list[str] = []

    def think(agent: str, prompt: str) -> str:
        seen.append(agent)
        return choice if "Which case" in prompt else agent

    assert walk(load(GATE, think)) == result
    assert seen == path


def test_called_agents_answer_their_caller_who_merges(load: Callable[..., Any]) -> None:
    prompts: list[tuple[str, str]] = []

    def think(agent: str, prompt: str) -> str:
        prompts.append((agent, prompt))
        return f"<{agent}>"

    walk(load(STAR, think))

    assert [agent for agent, _ in prompts] == ["lead", "w1", "w2", "lead", "end"]
    assert "W1: <w1>" in prompts[3][1]
    assert "W2: <w2>" in prompts[3][1]


def test_a_join_waits_for_the_longer_branch_and_runs_once(load: Callable[..., Any]) -> None:
    prompts: list[tuple[str, str]] = []

    def think(agent: str, prompt: str) -> str:
        prompts.append((agent, prompt))
        return f"<{agent}>"

    walk(load(DIAMOND, think))

    assert [agent for agent, _ in prompts].count("out") == 1
    assert prompts[-1] == ("out", "<b>\n\n<c>")


def test_without_an_answer_to_a_choice_nothing_is_guessed(load: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="chose none"):
        walk(load(GATE, lambda agent, prompt: "perhaps"))
