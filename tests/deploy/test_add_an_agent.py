"""docs/add-an-agent.md, done: its lines are applied to a copy of the sources, and the agent hears and says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Runs with the changed `common` on its path: the bus, the provisioning and the listener must know the new agent too.
DRIVER = """
import asyncio, json, os, subprocess, sys, time
from datetime import UTC, datetime
from uuid import uuid4
import nats
from nats.js.errors import NotFoundError
from common.codec import encode
from common.contracts.events import RequestFiled, SimulationRequested
from common.contracts.scenario import ScenarioRequest
from common.permissions import inbox
from common.provision import provision
from common.testing import nats_server

async def connected(server, user):
    address = server.address(user)
    return await nats.connect(address.url, user=user, password=address.password, inbox_prefix=inbox(user))

async def main(server):
    await provision(server.address("admin"))
    address = server.address("clerk")
    own = {"CLERK_NATS_URL": address.url, "CLERK_NATS_USER": "clerk", "CLERK_NATS_PASSWORD": address.password}
    began = time.monotonic()
    worker = subprocess.Popen([sys.executable, "-m", "clerk"], env={**os.environ, **own})
    try:
        gateway, admin = await connected(server, "gateway"), await connected(server, "admin")
        request = SimulationRequested(
            event_id=uuid4(), simulation_id="one", occurred_at=datetime.now(UTC),
            request=ScenarioRequest(scenario_id="one", text="Parcels are late and nobody says why"),
        )
        body, headers = encode(request)
        for _ in range(2):  # the second has another message id: delivered again, said once
            headers["Nats-Msg-Id"] = str(uuid4())
            await gateway.jetstream().publish(request.address, body, headers=headers)
        filed = await heard(admin.jetstream(), f"{RequestFiled.subject}.one")
        said = RequestFiled.model_validate_json(filed.data)
        while (await admin.jetstream().consumer_info("SIMULATIONS", "clerk")).num_ack_pending or (
            await admin.jetstream().consumer_info("SIMULATIONS", "clerk")
        ).num_pending:
            await asyncio.sleep(0.02)
        state = await admin.jetstream().stream_info("SIMULATIONS", subjects_filter=f"{RequestFiled.subject}.>")
        print(json.dumps({
            "words": said.words, "cause": said.cause_id == request.event_id,
            "times": sum(state.state.subjects.values()), "took_s": round(time.monotonic() - began, 2),
        }))
        await gateway.close(); await admin.close()
    finally:
        worker.terminate()
        print(json.dumps({"exit": worker.wait(15)}))

async def heard(js, subject):
    for _ in range(500):
        try:
            return await js.get_last_msg("SIMULATIONS", subject)
        except NotFoundError:
            await asyncio.sleep(0.02)
    raise TimeoutError(subject)

with nats_server() as server:
    asyncio.run(main(server))
"""


def changed(text: str, diff: str) -> str:
    lines = diff.splitlines()
    before = "\n".join(line[1:] for line in lines if line[:1] in " -")
    after = "\n".join(line[1:] for line in lines if line[:1] in " +")
    assert text.count(before) == 1, f"not there exactly once: {before!r}"
    return text.replace(before, after)


@pytest.fixture
def sources(tmp_path):
    """A copy of `common`, changed as the page says, and the new package."""
    shutil.copytree(
        ROOT / "libs/common/src",
        tmp_path / "libs/common/src",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    blocks = BLOCK.findall((ROOT / "docs/add-an-agent.md").read_text())
    assert {kind for kind, _, _ in blocks} == {"diff", "python", "toml"}
    for kind, name, body in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed(path.read_text(), body) if kind == "diff" else body)
    (tmp_path / "driver.py").write_text(DRIVER)
    return tmp_path


def test_the_page_says_how_many_lines_it_takes():
    page = (ROOT / "docs/add-an-agent.md").read_text()
    lines = {"diff": 0, "python": 0, "toml": 0}
    for kind, _, body in BLOCK.findall(page):
        new = [line for line in body.splitlines() if kind != "diff" or line.startswith("+")]
        lines[kind] += len(new)

    assert (
        f"in {sum(lines.values())} lines: {lines['diff']} in the contracts, {lines['python']} of Python in its package, "
        f"{lines['toml']} of its `pyproject.toml`"
    ) in page


@pytest.mark.real
def test_an_agent_added_by_the_page_hears_and_says(sources):
    path = os.pathsep.join(
        str(sources / part) for part in ("libs/common/src", "services/clerk/src")
    )
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        [sys.executable, str(sources / "driver.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '"words": 7, "cause": true, "times": 1' in done.stdout
    assert '"exit": 0' in done.stdout


def test_the_agent_of_the_page_keeps_the_houses_rules(sources):
    files = sorted((sources / "services/clerk").rglob("*.py"))
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    config += [
        "--config",
        f"src = [{str(sources / 'services/clerk/src')!r}, {str(sources / 'libs/common/src')!r}]",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *config, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    agent = (sources / "services/clerk/src/clerk/agent.py").read_text()
    assert not re.search(r"faststream|nats|datetime\.now|uuid4", agent)
