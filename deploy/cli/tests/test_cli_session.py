"""The machine is left as it was found: what was started is stopped, what ran goes on."""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from common.contracts.stream import Frame
from simulator_cli.console import make_console, prepare_streams
from simulator_cli.errors import CommandError
from simulator_cli.leases import Leases
from simulator_cli.main import app
from simulator_cli.rehearsal import Rehearsal
from simulator_cli.render.logs import log_line
from simulator_cli.session import open_session
from simulator_cli.stack import control
from simulator_cli.stack.layout import ServiceStatus


@dataclass
class FakeStack:
    """What the supervisor would do, as state."""

    base_url: str
    is_running: bool = False
    trouble: control.StackError | None = None
    interrupts_start: bool = False
    ties: list[bool] = field(default_factory=list)
    scaled: list[tuple[str, int]] = field(default_factory=list)

    def ensure(
        self, _data_dir: Path, *, port: int | None = None, tied: bool = False
    ) -> control.Running:
        if self.trouble:
            raise self.trouble
        started_here = not self.is_running
        self.is_running = True
        self.ties.append(tied)
        if self.interrupts_start:
            raise KeyboardInterrupt
        return control.Running(base_url=self.base_url, started_here=started_here, pid=1)

    def stop(self, _data_dir: Path) -> bool:
        was_running, self.is_running = self.is_running, False
        return was_running

    def status(self, _data_dir: Path) -> control.StackStatus:
        if not self.is_running:
            return control.StackStatus()
        planner = ServiceStatus(
            name="planner",
            instance="planner-1",
            pid=42,
            state="running",
            rss_mb=55.4,
            uptime_s=95.0,
        )
        return control.StackStatus(base_url=self.base_url, nats_port=4222, services=[planner])

    def scale(self, _data_dir: Path, worker: str, count: int) -> None:
        self.scaled.append((worker, count))

    def log_lines(self, _data_dir: Path, service: str | None, _follow: bool) -> Any:
        yield f"{service or 'all'} | ready\n"


@pytest.fixture
def stack(gateway: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStack:
    fake = FakeStack(gateway.base_url)
    monkeypatch.setenv("SIMULATOR_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("SIMULATOR_URL", raising=False)
    for name in ("ensure", "stop", "status", "scale", "log_lines"):
        monkeypatch.setattr(control, name, getattr(fake, name))
    return fake


@pytest.fixture
def notices() -> Console:
    return Console(file=StringIO(), width=80)


def test_what_was_started_is_stopped(stack: FakeStack, notices: Console) -> None:
    with open_session(notices, url=None) as session:
        assert stack.is_running
        assert session.stops_after

    assert not stack.is_running
    assert stack.ties == [True]


def test_what_ran_before_goes_on(stack: FakeStack, notices: Console) -> None:
    stack.is_running = True

    with open_session(notices, url=None) as session:
        assert not session.stops_after

    assert stack.is_running


def test_kept_means_kept_and_not_tied_to_this_command(stack: FakeStack, notices: Console) -> None:
    with open_session(notices, url=None, keep=True):
        pass

    assert stack.is_running
    assert stack.ties == [False]


@pytest.mark.parametrize("error", [CommandError("no"), KeyboardInterrupt(), ValueError("bug")])
def test_it_is_stopped_however_the_command_ends(
    stack: FakeStack, notices: Console, error: BaseException
) -> None:
    with pytest.raises(type(error)), open_session(notices, url=None):
        raise error

    assert not stack.is_running


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGHUP])
def test_a_termination_cleans_up_like_ctrl_c(
    stack: FakeStack, notices: Console, which: signal.Signals
) -> None:
    before = signal.getsignal(which)

    with pytest.raises(KeyboardInterrupt), open_session(notices, url=None):
        os.kill(os.getpid(), which)

    assert not stack.is_running
    assert signal.getsignal(which) == before


def test_an_interrupted_start_leaves_nothing_behind(stack: FakeStack, notices: Console) -> None:
    stack.interrupts_start = True

    with pytest.raises(KeyboardInterrupt), open_session(notices, url=None, keep=True):
        pass

    assert not stack.is_running


def test_the_one_who_started_it_waits_for_those_who_attached(
    stack: FakeStack, notices: Console, tmp_path: Path
) -> None:
    (tmp_path / "commands").mkdir()
    other = (tmp_path / "commands" / "1").open("w")
    fcntl.flock(other, fcntl.LOCK_EX)
    leaves = threading.Timer(0.5, other.close)

    with open_session(notices, url=None):
        leaves.start()
        began_s = time.monotonic()

    assert time.monotonic() - began_s >= 0.4
    assert "Another command still uses the stack" in notices.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert not stack.is_running


def test_a_command_that_was_killed_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "1").touch()
    leases = Leases(tmp_path)

    with leases.hold(), leases.starting():
        assert leases.others() == 0

    assert list((tmp_path / "commands").glob("[0-9]*")) == []


def test_two_commands_do_not_start_at_the_same_time(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with Leases(tmp_path).starting():
            order.append("second")

    with Leases(tmp_path).starting():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(timeout=5)

    assert order == ["first", "second"]


def test_a_stack_that_does_not_start_says_why_and_what_to_do(stack: FakeStack) -> None:
    stack.trouble = control.StackError("nats cannot run.", "See the logs in /x.")

    result = CliRunner().invoke(app, ["demo"])

    assert result.exit_code == 1
    assert "Error: nats cannot run." in result.stderr
    assert "Try: See the logs in /x." in result.stderr
    assert not stack.is_running


def test_a_demo_from_nothing_to_nothing_says_so_only_on_stderr(
    stack: FakeStack, gateway: Any, rehearsal: Rehearsal, story_frames: list[Frame]
) -> None:
    gateway.report = rehearsal.model_dump(mode="json", by_alias=True)
    gateway.frames = story_frames

    result = CliRunner().invoke(app, ["demo"], env={"COLUMNS": "80"})

    assert result.exit_code == 0
    assert not stack.is_running
    assert "Starting NATS" in result.stderr
    assert "Stopping what was started" in result.stderr
    assert "Starting" not in result.stdout
    assert "http://" not in result.stdout


def test_a_submitted_simulation_is_finished_before_its_stack_ends(
    stack: FakeStack, gateway: Any, story_frames: list[Frame]
) -> None:
    gateway.frames = story_frames

    result = CliRunner().invoke(app, ["simulate", "Claims are settled.", "--json"])

    assert result.exit_code == 0
    assert gateway.asked_after == [0]
    assert not stack.is_running


def test_up_detached_tells_the_address_and_down_stops(stack: FakeStack) -> None:
    up = CliRunner().invoke(app, ["up", "--detach"])
    again = CliRunner().invoke(app, ["up", "-d"])
    down = CliRunner().invoke(app, ["down"])
    nothing = CliRunner().invoke(app, ["down"])

    assert (up.exit_code, again.exit_code, down.exit_code, nothing.exit_code) == (0, 0, 0, 0)
    assert f"Running: {stack.base_url}" in up.stdout
    assert "Was running already" in again.stdout
    assert "Stopped." in down.stdout
    assert "Nothing is running." in nothing.stdout


def test_status_shows_the_processes_and_its_code_tells_whether_it_runs(stack: FakeStack) -> None:
    idle = CliRunner().invoke(app, ["status"])
    stack.is_running = True
    running = CliRunner().invoke(app, ["status"])
    as_json = CliRunner().invoke(app, ["status", "--json"])

    assert idle.exit_code == 3
    assert "simulator up" in idle.stdout
    assert running.exit_code == 0
    for fact in ("planner-1", "running", "42", "55 MB", "1.6 min", "4222"):
        assert fact in running.stdout
    assert '"instance": "planner-1"' in as_json.stdout


def test_logs_and_scale_reach_the_supervisor(stack: FakeStack) -> None:
    logs = CliRunner().invoke(app, ["logs", "planner", "--raw"])
    scale = CliRunner().invoke(app, ["scale", "planner=3"])

    assert logs.stdout == "planner | ready\n"
    assert (scale.exit_code, stack.scaled) == (0, [("planner", 3)])


def test_no_logs_are_told_as_such(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "log_lines", lambda *_: iter(()))

    result = CliRunner().invoke(app, ["logs", "nobody"])

    assert result.exit_code == 1
    assert "no logs of 'nobody'" in result.stderr


def test_a_log_line_is_readable_and_its_traceback_stands_below() -> None:
    record = {
        "time": "2026-01-05T09:00:01.250+00:00",
        "level": "error",
        "logger": "common.worker",
        "message": "gave up",
        "delivery": 6,
        "error": "Traceback\nValueError: no\n",
    }

    told = log_line(f"planner-1 | {json.dumps(record)}").plain

    assert told == (
        "09:00:01.250 planner-1       error   gave up  delivery=6\nTraceback\nValueError: no"
    )


@pytest.mark.parametrize("line", ["nats | [1] [INF] ready", "no bar", "x | {}", "x | 3"])
def test_a_log_line_of_another_kind_is_left_as_it_is(line: str) -> None:
    assert log_line(line).plain == line


def test_symbols_never_break_an_output_that_is_not_unicode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(raw, encoding="ascii"))

    prepare_streams()
    make_console().print("╭─→ ● 3× … µ")
    sys.stdout.flush()

    assert raw.getvalue().decode("ascii").strip() == "+-> * 3x - ?"


def test_an_unfinished_answer_is_not_taken_for_a_network(
    stack: FakeStack, gateway: Any, make_frame: Callable[..., Frame]
) -> None:
    gateway.frames = [make_frame(1, "simulation_completed")]

    result = CliRunner().invoke(app, ["simulate", "Claims are settled."])

    assert result.exit_code == 0
    assert "Simulation s1: x" in result.stdout
