"""The commands as typed, against a real gateway's face: what they print, where, and how they end."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from common.contracts.network import Network
from common.contracts.stream import Frame
from simulator_cli.commands.options import Choices, override
from simulator_cli.commands.stack import parse_target
from simulator_cli.errors import CommandError
from simulator_cli.rehearsal import Rehearsal
from simulator_cli.sample import SAMPLE_SCENARIO

type Invoke = Callable[..., Result]


def test_help_needs_no_contracts_no_http_and_no_stack() -> None:
    code = (
        "import sys, simulator_cli.main; print([name for name in"
        " ('pydantic', 'httpx2', 'websockets', 'psutil', 'common.contracts.run')"
        " if name in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_all_promised_commands_are_there(invoke: Invoke) -> None:
    text = invoke("--help").stdout

    for name in (
        *("demo", "simulate", "list", "watch", "report", "trace", "evaluate"),
        *("up", "down", "status", "logs", "scale", "test", "check"),
    ):
        assert f" {name} " in text


def test_demo_shows_all_parts_and_ends_well(invoke: Invoke, completed: Any) -> None:
    result = invoke("demo")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    order = [
        "An online shop wants",
        "✓ Reading the scenario",
        "✓ Telling the story",
        "NETWORK ",
        "FAILURES ",
        "RUN ",
        "ONE TASK'S JOURNEY ",
        "STORY ",
        "WHERE TO LOOK NEXT ",
        f"./simulator report s1 --url {completed.base_url}",
    ]
    places = [result.stdout.index(part) for part in order]
    assert places == sorted(places)
    assert completed.requests[0] == (
        "POST",
        "/simulate?wait=none",
        {"scenario": SAMPLE_SCENARIO},
    )


def test_demo_as_json_prints_the_report_and_nothing_else(invoke: Invoke, completed: Any) -> None:
    result = invoke("demo", "My own scenario.", "--json", "--seed", "3")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == completed.report
    assert completed.requests[0][2] == {"scenario": "My own scenario.", "options": {"seed": 3}}


def test_a_failed_simulation_is_drawn_as_far_as_it_got_and_says_why(
    invoke: Invoke, gateway: Any, network: Network, make_frame: Callable[..., Frame]
) -> None:
    partial = Rehearsal(simulation_id="s1", status="failed", network=network)
    gateway.report = partial.model_dump(mode="json", by_alias=True)
    gateway.frames = [make_frame(1, "simulation_failed", payload={"reason": "no worker answered"})]

    result = invoke("demo")

    assert result.exit_code == 1
    assert "Coverage Analyst" in result.stdout
    assert "WHERE TO LOOK NEXT" not in result.stdout
    assert "Error: Simulation s1 failed: no worker answered." in result.stderr
    assert "Try: " in result.stderr


def test_why_it_failed_comes_before_why_it_cannot_be_shown(
    invoke: Invoke, gateway: Any, make_frame: Callable[..., Frame]
) -> None:
    gateway.frames = [make_frame(1, "simulation_failed", payload={"reason": "no worker answered"})]
    gateway.report = {"simulation_id": "s1", "status": "failed", "network": "unreadable"}

    result = invoke("demo")

    assert "no worker answered" in result.stderr
    assert "cannot be read" not in result.stderr


def test_a_refused_scenario_says_what_to_do(invoke: Invoke, gateway: Any) -> None:
    gateway.refusal = {"status": 422, "message": "Too long.", "suggestion": "Shorten it."}

    result = invoke("simulate", "x" * 30)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == ["Error: Too long.", "Try: Shorten it."]


def test_ctrl_c_ends_with_130_and_cancels_what_nobody_waits_for(
    invoke: Invoke, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("simulator_cli.commands.rehearse.follow", interrupted)

    result = invoke("demo")

    assert result.exit_code == 130
    assert gateway.requests[-1][:2] == ("POST", "/simulations/s1/cancel")


def test_simulate_prints_the_network_and_how_to_follow(
    invoke: Invoke, gateway: Any, network: Network
) -> None:
    gateway.answer |= network.model_dump(mode="json", by_alias=True)

    result = invoke("simulate", "Claims are settled.", "--failures", "none", "--tasks", "50")

    assert result.exit_code == 0
    assert "Coverage Analyst" in result.stdout
    assert "./simulator watch s1" in result.stdout
    assert gateway.requests == [
        (
            "POST",
            "/simulate",
            {"scenario": "Claims are settled.", "options": {"tasks": 50, "failures": []}},
        )
    ]


def test_simulate_reads_files_and_standard_input(
    invoke: Invoke, gateway: Any, tmp_path: Path
) -> None:
    file = tmp_path / "scenario.txt"
    file.write_text("Überall Anträge.", encoding="utf-8")

    assert invoke("simulate", "-f", str(file), "--json").exit_code == 0
    assert invoke("simulate", "-f", "-", "--json", stdin="from a pipe").exit_code == 0

    bodies = [body for _, _, body in gateway.requests]
    assert bodies == [{"scenario": "Überall Anträge."}, {"scenario": "from a pipe"}]


@pytest.mark.parametrize(
    "arguments", [(), ("text", "-f", "x"), ("  ",), ("-f", "/no/such/file")], ids=str
)
def test_a_scenario_that_is_not_there_is_asked_for_before_anything_starts(
    invoke: Invoke, gateway: Any, arguments: tuple[str, ...]
) -> None:
    result = invoke("simulate", *arguments)
    blank = invoke("demo", " ")

    assert (result.exit_code, blank.exit_code) == (1, 1)
    assert "Error: " in result.stderr
    assert "blank" in blank.stderr
    assert gateway.requests == []


def test_list_shows_whole_ids_and_what_they_were_about(invoke: Invoke, gateway: Any) -> None:
    simulation_id = "c0533ca5-4a7f-4ba7-bb62-52f072daf205"
    gateway.report = [
        {"simulation_id": simulation_id, "status": "failed", "scenario_excerpt": "Claims come in."}
    ]

    told = invoke("list", "-n", "5").stdout

    assert simulation_id in told
    assert "failed" in told
    assert "Claims come in." in told
    assert json.loads(invoke("list", "--json").stdout) == gateway.report
    assert gateway.requests[0][1] == "/simulations?limit=5"
    gateway.report = []
    assert "simulator demo" in invoke("list").stdout


def test_watch_prints_a_line_per_event_or_json_lines(invoke: Invoke, completed: Any) -> None:
    lines = invoke("watch", "s1").stdout.splitlines()
    frames = [json.loads(line) for line in invoke("watch", "s1", "--json").stdout.splitlines()]

    assert len(lines) == len(frames) == 9
    assert "scenario_interpreted" in lines[1]
    assert [frame["seq"] for frame in frames] == list(range(1, 10))


def test_watch_asks_first_whether_there_is_such_a_simulation(invoke: Invoke, gateway: Any) -> None:
    gateway.refusal = {"status": 404, "message": "There is no simulation 's9'."}

    result = invoke("watch", "s9")

    assert result.exit_code == 1
    assert "no simulation 's9'" in result.stderr
    assert gateway.asked_after == []


def test_report_speaks_text_json_and_foreign_forms(invoke: Invoke, completed: Any) -> None:
    assert "STORY " in invoke("report", "s1").stdout
    assert json.loads(invoke("report", "s1", "--json").stdout) == completed.report
    assert json.loads(invoke("report", "s1", "--format", "json").stdout) == completed.report
    assert invoke("report", "s1", "--format", "mermaid").stdout == "graph TD\n"
    assert completed.requests[-1][1] == "/simulations/s1/export?format=mermaid"


def test_without_an_id_the_newest_is_meant(invoke: Invoke, gateway: Any) -> None:
    gateway.report = [{"simulation_id": "newest-1"}]

    invoke("report", "-f", "dot")

    assert [path for _, path, _ in gateway.requests] == [
        "/simulations?limit=1",
        "/simulations/newest-1/export?format=dot",
    ]
    gateway.report = []
    assert "no simulations yet" in invoke("trace").stderr


def test_trace_draws_spans_or_prints_them(invoke: Invoke, completed: Any) -> None:
    assert "invoke_agent Intake" in invoke("trace", "s1").stdout
    assert len(json.loads(invoke("trace", "s1", "--json").stdout)["spans"]) == 3


def test_options_not_given_are_left_to_the_gateway() -> None:
    assert Choices().body("x") == {"scenario": "x"}
    assert Choices(failures="a@b, c@d", rate=2.5, max_agents=4, engine="rules").body("x") == {
        "scenario": "x",
        "options": {
            "failures": ["a@b", "c@d"],
            "arrival_rate_per_min": 2.5,
            "max_agents": 4,
            "engine": "rules",
        },
    }


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("agent.intake.concurrency=3", ("agent.intake.concurrency", 3)),
        ("model.small.ttft_s=0.4", ("model.small.ttft_s", 0.4)),
        ("cache=true", ("cache", True)),
        ("name=a=b", ("name", "a=b")),
        ("list=[1]", ("list", "[1]")),
    ],
)
def test_overrides_are_read_as_scalars(given: str, read: tuple[str, Any]) -> None:
    assert override(given) == read


@pytest.mark.parametrize("given", ["", "a", "=1", "a=", " = "])
def test_an_override_without_name_or_value_is_refused(given: str) -> None:
    with pytest.raises(CommandError, match="NAME=VALUE"):
        override(given)


def test_scale_takes_worker_and_number() -> None:
    assert parse_target("planner=3") == ("planner", 3)


@pytest.mark.parametrize("target", ["planner", "planner=", "=3", "planner=0", "planner=-1", "p=²"])
def test_scale_refuses_anything_else(target: str) -> None:
    with pytest.raises(CommandError, match="WORKER=N"):
        parse_target(target)
