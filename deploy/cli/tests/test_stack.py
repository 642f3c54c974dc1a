"""The stack as an operator meets it: real processes, started, scaled, crashed and stopped."""

import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import httpx2
import psutil
import pytest

from common.embedded.launch import free_port
from common.streams import WORKERS
from simulator_cli.stack import control
from simulator_cli.stack.layout import Layout

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def data_dir():
    path = Path(tempfile.mkdtemp(prefix="sim-stack-"))
    yield path
    control.stop(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def running(data_dir):
    return control.ensure(data_dir, port=free_port(), tied=True)


def children(data_dir: Path) -> list[psutil.Process]:
    report = Layout(data_dir).report()
    assert report is not None
    return psutil.Process(report.supervisor_pid).children(recursive=True)


def alive_workers(base_url: str) -> set[str]:
    with httpx2.Client(base_url=base_url, trust_env=False) as client:
        return {w["worker"] for w in client.get("/api/status").json()["workers"]}


def test_every_part_runs_in_its_own_process_and_all_stay_under_700_mb(running, data_dir):
    status = control.status(data_dir)

    names = [service.name for service in status.services]
    assert sorted(names) == sorted(["supervisor", "nats", "postgres", "gateway", *WORKERS])
    assert len({service.pid for service in status.services}) == len(names)
    assert {service.state for service in status.services} == {"running"}
    assert alive_workers(running.base_url) == set(WORKERS)
    assert status.rss_mb < 700


def test_a_running_stack_is_used_and_not_started_twice(running, data_dir):
    again = control.ensure(data_dir)

    assert not again.started_here
    assert (again.base_url, again.pid) == (running.base_url, running.pid)


def test_secrets_are_in_files_that_only_the_owner_reads(running, data_dir):
    for name in ("stack.json", "nats/nats.conf", "postgres/password"):
        assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((data_dir / "postgres" / "socket").stat().st_mode) == 0o700


def test_a_process_gets_its_own_password_and_nobody_elses(running, data_dir):
    passwords = Layout(data_dir).memory().nats_passwords
    planner = next(s for s in control.status(data_dir).services if s.name == "planner")
    environment = " ".join(psutil.Process(planner.pid).environ().values())

    assert passwords["planner"] in environment
    assert not any(passwords[user] in environment for user in passwords if user != "planner")
    assert "postgresql" not in environment


def test_scaling_starts_and_stops_processes_of_one_worker(running, data_dir):
    control.scale(data_dir, "planner", 3)
    planners = [s for s in control.status(data_dir).services if s.name == "planner"]
    assert len(planners) == 3

    control.scale(data_dir, "planner", 1)
    planners = [s.instance for s in control.status(data_dir).services if s.name == "planner"]
    assert planners == ["planner-1"]


@pytest.mark.parametrize(("worker", "count"), [("plumber", 2), ("planner", 0), ("planner", 17)])
def test_what_cannot_be_scaled_is_refused_with_what_is_allowed(running, data_dir, worker, count):
    with pytest.raises(control.StackError) as refused:
        control.scale(data_dir, worker, count)

    assert refused.value.hint


def test_a_killed_worker_is_started_again(running, data_dir):
    before = next(s for s in control.status(data_dir).services if s.name == "mapper")
    os.kill(before.pid, signal.SIGKILL)

    control._until(
        lambda: any(
            s.name == "mapper" and s.pid not in (None, before.pid)
            for s in control.status(data_dir).services
        ),
        15.0,
    )


def test_no_child_outlives_a_killed_supervisor_and_a_new_one_starts_on_the_same_data(
    running, data_dir
):
    family = children(data_dir)
    assert len(family) >= 10
    os.kill(running.pid, signal.SIGKILL)

    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []

    again = control.ensure(data_dir, tied=True)
    assert again.started_here
    assert alive_workers(again.base_url) == set(WORKERS)


def test_after_stopping_nothing_is_left(running, data_dir):
    family = children(data_dir)

    assert control.stop(data_dir)
    assert not any(process.is_running() for process in family)
    assert control.status(data_dir).services == []
    assert not control.stop(data_dir)


def test_a_second_stack_takes_another_port_when_the_remembered_one_is_in_use(data_dir):
    import socket

    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        layout = Layout(data_dir)
        layout.remember(layout.memory().model_copy(update={"http_port": port}))

        running = control.ensure(data_dir, tied=True)

    assert running.base_url != f"http://127.0.0.1:{port}"
    assert alive_workers(running.base_url) == set(WORKERS)
