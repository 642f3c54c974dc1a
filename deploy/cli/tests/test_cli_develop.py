"""`test` and `check` run the project's own tools with this interpreter and tell how they ended."""

import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator_cli.commands.develop import checks, project_root
from simulator_cli.main import app


def test_checks_run_the_projects_tools_with_this_interpreter() -> None:
    root = project_root()

    commands = dict(checks(root, []))

    assert list(commands) == ["format", "lint", "types", "imports"]
    assert commands["types"][:3] == [sys.executable, "-m", "mypy"]
    assert "deploy" in commands["lint"]
    assert dict(checks(root, ["libs"]))["lint"][-1] == "libs"


def test_arguments_of_test_go_to_pytest_and_its_code_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setattr(subprocess, "run", run)

    result = CliRunner().invoke(app, ["test", "-k", "cli", "--maxfail=1", "deploy"])

    assert result.exit_code == 5
    assert asked[0][1:] == ["-m", "pytest", "-k", "cli", "--maxfail=1", "deploy"]


@pytest.mark.parametrize(("failing", "code"), [("", 0), ("mypy", 1)])
def test_check_runs_all_tools_and_names_those_that_are_not_content(
    monkeypatch: pytest.MonkeyPatch, failing: str, code: int
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, int(bool(failing) and failing in command))

    monkeypatch.setattr(subprocess, "run", run)

    result = CliRunner().invoke(app, ["check"])

    assert result.exit_code == code
    for tool in ("format", "lint", "types", "imports"):
        assert f"{tool}: " in result.stderr
    assert ("Not clean: types." in result.stderr) == bool(failing)
