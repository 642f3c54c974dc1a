"""A corpus goes in, predictions in the scorer's form come out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from common.contracts.network import Network
from simulator_cli.commands.evaluate import read_corpus
from simulator_cli.errors import CommandError
from simulator_cli.predictions import prediction

type Invoke = Callable[..., Result]


def test_predictions_have_the_scorers_form(network: Network) -> None:
    found = prediction("c1", network)

    assert found["id"] == "c1"
    assert found["human_in_loop"] is True
    assert found["pattern"] == "parallel"
    assert len(found["agents"]) == 6
    assert found["agents"][0] == {
        "role": "Intake Clerk",
        "responsibility": "reads each claim and extracts policy number and damage",
        "tools": ["email"],
    }
    assert ["Intake Clerk", "Fraud Screener"] in found["edges"]
    assert not any("Senior Adjuster" in edge for edge in found["edges"])


def test_one_agent_is_scored_as_the_shortest_sequence(one_agent: Network) -> None:
    found = prediction("c1", one_agent)

    assert (found["pattern"], found["edges"], found["human_in_loop"]) == ("sequential", [], False)


def test_evaluate_writes_a_line_per_case_from_answer_or_stream(
    invoke: Invoke, completed: Any, network: Network, tmp_path: Path
) -> None:
    corpus, out = tmp_path / "corpus.jsonl", tmp_path / "out.jsonl"
    corpus.write_text('{"id": "a", "scenario": "one"}\n\n{"id": "b", "scenario": "two"}\n')

    late = invoke("evaluate", str(corpus), "--out", str(out), "--parallel", "1")
    from_stream = out.read_text()
    completed.answer |= network.model_dump(mode="json", by_alias=True)
    early = invoke("evaluate", str(corpus), "--out", str(out), "--engine", "rules")

    assert (late.exit_code, early.exit_code) == (0, 0)
    assert out.read_text() == from_stream
    assert [json.loads(line)["id"] for line in from_stream.splitlines()] == ["a", "b"]
    bodies = [body for _, path, body in completed.requests if path == "/simulate"]
    assert bodies[-1]["options"] == {"tasks": 1, "failures": [], "engine": "rules"}
    assert [path for _, path, _ in completed.requests].count("/simulations/s1/cancel") == 4


def test_evaluate_names_what_it_could_not_plan(
    invoke: Invoke, gateway: Any, tmp_path: Path
) -> None:
    corpus, out = tmp_path / "corpus.jsonl", tmp_path / "out.jsonl"
    corpus.write_text('{"id": "a", "scenario": "one"}\n')
    gateway.refusal = {"status": 503, "message": "Busy."}

    result = invoke("evaluate", str(corpus), "-o", str(out))

    assert result.exit_code == 1
    assert "0 of 1 cases planned" in result.stdout
    assert "a (Busy.)" in result.stderr


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', "3"])
def test_a_corpus_line_without_a_case_is_named(tmp_path: Path, line: str) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(f'{{"id": "a", "scenario": "one"}}\n{line}\n')

    with pytest.raises(CommandError, match="line 2"):
        read_corpus(corpus)


def test_a_corpus_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "corpus.jsonl"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(CommandError, match="nothing here"):
        read_corpus(tmp_path / "nothing here")
    with pytest.raises(CommandError, match=r"corpus\.jsonl"):
        read_corpus(binary)


def test_a_simulation_that_ends_without_a_network_is_missing(
    invoke: Invoke, gateway: Any, make_frame: Callable[..., Any], tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"id": "a", "scenario": "one"}\n')
    gateway.frames = [make_frame(1, "simulation_failed")]

    result = invoke("evaluate", str(corpus), "-o", str(tmp_path / "out.jsonl"))

    assert result.exit_code == 1
    assert "ended without a network" in " ".join(result.stderr.split())
