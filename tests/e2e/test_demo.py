"""What a newcomer runs, in a terminal of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from rig import REFUND

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def place():
    path = Path(tempfile.mkdtemp(prefix="sim-demo-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def simulator(place, *arguments, width=100):
    return subprocess.run(
        [sys.executable, "-m", "simulator_cli", *arguments],
        env={**os.environ, "SIMULATOR_DATA_DIR": str(place), "COLUMNS": str(width)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def belongs(place):
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if str(place) in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


def test_demo_shows_network_failures_figures_and_story_and_leaves_nothing_running(place):
    done = simulator(place, "demo", REFUND)

    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout
    for expected in ("p50", "p95", "p99", "approv", "refund"):
        assert expected in text.lower(), expected
    assert max(map(len, text.splitlines())) <= 100
    assert "Traceback" not in text + done.stderr
    assert belongs(place) == []


def test_demo_needs_no_text(place):
    done = simulator(place, "demo", width=80)

    assert done.returncode == 0, done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_simulate_json_is_json_and_nothing_else(place):
    assert simulator(place, "up", "--detach").returncode == 0
    try:
        done = simulator(place, "simulate", REFUND, "--watch", "--json")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        simulation_id = document["simulation_id"]
        assert document["status"] == "completed"

        assert json.loads(simulator(place, "report", simulation_id, "--json").stdout)["run"]
        assert "agent" in simulator(place, "trace", simulation_id).stdout.lower()
        assert "planner" in simulator(place, "status").stdout
        unknown = simulator(place, "report", "nobody-knows")
        assert unknown.returncode == 1
        assert "Traceback" not in unknown.stdout + unknown.stderr
    finally:
        assert simulator(place, "down").returncode == 0
    assert belongs(place) == []
