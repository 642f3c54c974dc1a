"""The whole stack for tests: real processes in a throw-away data directory, and hands to break it with."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil
from websockets.asyncio.client import connect

from common.embedded import postgres
from common.embedded.launch import free_port
from simulator_cli.stack import control
from simulator_cli.stack.layout import Layout

REFUND = (
    "An online shop wants refund requests by email checked against policy and order history, "
    "small refunds paid automatically, large ones approved by a manager, and the customer told within an hour."
)
TERMINAL = {"completed", "failed", "cancelled"}


@dataclass(slots=True, kw_only=True)
class Stack:
    """A running stack. `instances` are named as in `./simulator status` (`planner-1`, `nats`, `postgres`)."""

    data_dir: Path
    base_url: str

    @property
    def layout(self) -> Layout:
        return Layout(self.data_dir)

    @property
    def dsn(self) -> str:
        return postgres.url(self.layout.postgres).replace("+asyncpg", "")

    @property
    def ws_url(self) -> str:
        return self.base_url.replace("http", "ws", 1)

    def client(self, timeout_s: float = 30.0) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.base_url, timeout=timeout_s, trust_env=False)

    def pid(self, instance: str) -> int | None:
        report = self.layout.report()
        assert report is not None
        return next((s.pid for s in report.services if s.instance == instance), None)

    def kill(self, instance: str, sig: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to one process; false when it is just being restarted."""
        pid = self.pid(instance)
        if pid is None:
            return False
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return False
        return True

    def log(self, instance: str) -> str:
        path = self.layout.logs / f"{instance}.log"
        return path.read_text() if path.exists() else ""

    def restart(self) -> None:
        """Kill the supervisor as a crash would, wait until its children are gone, start again."""
        report = self.layout.report()
        assert report is not None
        children = psutil.Process(report.supervisor_pid).children(recursive=True)
        os.kill(report.supervisor_pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, alive
        self.base_url = control.ensure(self.data_dir, tied=True).base_url

    async def query(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()


@contextmanager
def running_stack(
    environment: dict[str, str] | None = None, data_dir: Path | None = None
) -> Iterator[Stack]:
    """Start a stack of its own, with `environment` for its processes; stop and delete it afterwards."""
    data_dir = data_dir or Path(tempfile.mkdtemp(prefix="sim-e2e-"))
    before = {name: os.environ.get(name) for name in environment or {}}
    os.environ.update(environment or {})
    try:
        running = control.ensure(data_dir, port=free_port(), tied=True)
        yield Stack(data_dir=data_dir, base_url=running.base_url)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        keep = os.environ.get("SIMULATOR_KEEP_LOGS")
        if keep:
            shutil.copytree(data_dir / "logs", Path(keep) / data_dir.name, dirs_exist_ok=True)
        control.stop(data_dir)
        shutil.rmtree(data_dir, ignore_errors=True)


async def submit(client: httpx2.AsyncClient, text: str = REFUND, **fields: Any) -> dict[str, Any]:
    """Submit without waiting for the network; retries while the service says it is away, as a client should."""
    wait = fields.pop("wait", "none")
    key = fields.pop("key", None)
    headers = {"Idempotency-Key": key} if key else {}
    for _ in range(200):
        try:
            answer = await client.post(
                "/simulate",
                params={"wait": wait},
                json={"scenario": text, **fields},
                headers=headers,
            )
        except httpx2.TransportError:
            await asyncio.sleep(0.2)
            continue
        if answer.status_code not in {409, 503}:
            assert answer.status_code in {200, 202}, answer.text
            return dict(answer.json())
        await asyncio.sleep(0.2)
    raise TimeoutError("the service stayed away")


async def finished(
    client: httpx2.AsyncClient, simulation_id: str, within_s: float = 60.0
) -> dict[str, Any]:
    """Wait for a terminal state."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            answer = await client.get(f"/simulations/{simulation_id}")
            if answer.status_code == 200 and answer.json()["status"] in TERMINAL:
                return dict(answer.json())
        except (httpx2.TransportError, ValueError):
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{simulation_id} has no final state after {within_s} s")


@asynccontextmanager
async def socket(stack: Stack, simulation_id: str, **query: Any) -> AsyncIterator[Any]:
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    async with connect(
        f"{stack.ws_url}/ws/{simulation_id}?{parameters}",
        proxy=None,
        compression=None,
        max_size=None,
    ) as ws:
        yield ws


async def frames_until_end(ws: Any, within_s: float = 60.0) -> list[dict[str, Any]]:
    """Sequenced frames up to the terminal one; control frames are left out."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(within_s):
        while True:
            frame = json.loads(await ws.recv())
            if "seq" not in frame or "event_type" not in frame:
                continue
            frames.append(frame)
            if frame["event_type"] in {
                "simulation_completed",
                "simulation_failed",
                "simulation_cancelled",
            }:
                return frames


def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
