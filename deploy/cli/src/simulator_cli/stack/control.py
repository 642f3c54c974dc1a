"""Start, find, look at, scale and stop the stack of a data directory, from any terminal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from common.embedded.launch import dies_with_parent
from common.streams import WORKERS
from simulator_cli.client import authorization
from simulator_cli.stack.layout import Layout, Report, ServiceStatus
from simulator_cli.stack.programs import POSTGRES
from simulator_cli.stack.supervisor import EXIT_LOCKED, serve

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 45.0
MAX_REPLICAS = 16


class StackError(Exception):
    """The stack cannot do that. `hint` says what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    base_url: str
    started_here: bool
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    base_url: str | None = None
    nats_port: int | None = None
    services: list[ServiceStatus] = field(default_factory=list)

    @property
    def rss_mb(self) -> float:
        return sum(service.rss_mb or 0.0 for service in self.services)


def default_data_dir() -> Path:
    """`SIMULATOR_DATA_DIR`, else `.simulator` in the directory the command was called for."""
    named = os.environ.get("SIMULATOR_DATA_DIR")
    return Path(named) if named else Path(os.environ.get("SIMULATOR_HOME", ".")) / ".simulator"


def ensure(data_dir: Path, *, port: int | None = None, tied: bool = False) -> Running:
    """Attach to the running stack, or start one in the background and wait until it can take work.

    Args:
        data_dir: where its data are.
        port: the gateway's port; null takes 8000 or a free one.
        tied: a stack started here ends with this process, however that ends.

    Raises:
        StackError: it did not become ready.
    """
    layout = Layout(data_dir.resolve())
    report = _living(layout)
    if report is not None:
        _wait_ready(layout, None)
        return Running(base_url=report.base_url, started_here=False, pid=report.supervisor_pid)
    layout.prepare()
    child = _spawn(layout, port, tied=tied)
    try:
        ready = _wait_ready(layout, child)
    except BaseException:  # Ctrl-C too: what nobody waits for must not stay behind
        child.terminate()
        child.wait(STOP_WITHIN_S)
        raise
    return Running(base_url=ready.base_url, started_here=True, pid=child.pid)


def run_foreground(data_dir: Path, port: int | None = None) -> int:
    """Be the supervisor until Ctrl-C.

    Raises:
        StackError: a stack already runs on these data.
    """
    code = serve(Layout(data_dir.resolve()), port)
    if code == EXIT_LOCKED:
        raise StackError(
            "A stack already runs on this data directory.", "`./simulator down` stops it."
        )
    return code


def stop(data_dir: Path) -> bool:
    """Stop the stack and wait until every process has ended; false when none ran.

    Raises:
        StackError: it did not stop.
    """
    report = _living(Layout(data_dir.resolve()))
    if report is None:
        return False
    process = psutil.Process(report.supervisor_pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN_S)
    except psutil.TimeoutExpired:
        process.kill()  # the kernel ends its children with it
        raise StackError(
            f"The stack did not stop within {STOP_WITHIN_S:.0f} s and was killed.",
            "Nothing accepted is lost; `./simulator up` goes on with it.",
        ) from None
    return True


def status(data_dir: Path) -> StackStatus:
    """Every process with its memory and age; empty when nothing runs."""
    report = _living(Layout(data_dir.resolve()))
    if report is None:
        return StackStatus()
    own = ServiceStatus(
        name="supervisor",
        instance="supervisor",
        pid=report.supervisor_pid,
        state="running",
        started_at_s=report.supervisor_started_s,
    )
    return StackStatus(
        base_url=report.base_url,
        nats_port=report.nats_port,
        services=[_measured(service) for service in (own, *report.services)],
    )


def scale(data_dir: Path, worker: str, count: int) -> None:
    """Set how many processes of one worker run.

    Raises:
        StackError: no such worker, no such number, or nothing runs.
    """
    if worker not in WORKERS:
        raise StackError(f"There is no worker {worker!r}.", f"Workers: {', '.join(WORKERS)}.")
    if not 1 <= count <= MAX_REPLICAS:
        raise StackError(
            f"{count} is not a number of workers.", f"1 to {MAX_REPLICAS} are allowed."
        )
    layout = Layout(data_dir.resolve())
    report, memory = _living(layout), layout.memory()
    if report is None or memory is None:
        raise StackError("The stack does not run.", "`./simulator up --detach` starts it.")
    layout.remember(memory.model_copy(update={"scale": {**memory.scale, worker: count}}))
    os.kill(report.supervisor_pid, signal.SIGHUP)
    _until(lambda: _count(layout, worker) == count, 10.0)


def log_lines(data_dir: Path, service: str | None = None, follow: bool = False) -> Iterator[str]:
    """Lines of one service's logs (by name or instance), or of all, each led by the instance's name."""
    logs = Layout(data_dir.resolve()).logs
    offsets: dict[Path, int] = {}
    while True:
        for path in sorted(logs.glob("*.log")):
            if service is None or path.stem == service or path.stem.rpartition("-")[0] == service:
                yield from _new_lines(path, offsets)
        if not follow:
            return
        time.sleep(0.3)


def _new_lines(path: Path, offsets: dict[Path, int]) -> Iterator[str]:
    start = offsets.get(path, 0)
    if path.stat().st_size < start:  # rotated
        start = 0
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                break
            start += len(line)
            yield f"{path.stem} | {line.decode(errors='replace').rstrip()}"
    offsets[path] = start


def _spawn(layout: Layout, port: int | None, *, tied: bool) -> subprocess.Popen[bytes]:
    arguments = [str(layout.root), *([str(port)] if port else [])]
    with (layout.logs / "supervisor.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "simulator_cli.stack", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=dies_with_parent(signal.SIGTERM) if tied else None,  # noqa: PLW1509 - prctl only
        )


def _wait_ready(layout: Layout, child: subprocess.Popen[bytes] | None) -> Report:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        if child is not None and child.poll() is not None:
            raise StackError(
                f"The stack ended with code {child.returncode} while starting.",
                f"See {layout.logs / 'supervisor.log'}.",
            )
        report = _living(layout)
        if report is not None:
            failed = [s.instance for s in report.services if s.state == "failed"]
            if failed:
                raise StackError(
                    f"{', '.join(failed)} cannot run.", f"See the logs in {layout.logs}."
                )
            if _takes_work(report):
                return report
        time.sleep(0.05)
    raise StackError(
        f"The stack was not ready within {READY_WITHIN_S:.0f} s.", f"See the logs in {layout.logs}."
    )


def _takes_work(report: Report) -> bool:
    """The gateway is ready and has heard every kind of worker; one that asks for a key is taken at its first word."""
    try:
        with httpx2.Client(base_url=report.base_url, timeout=2, trust_env=False) as client:
            if client.get("/health/ready").status_code != httpx2.codes.OK:
                return False
            status = client.get("/api/status", headers=authorization())
            if status.status_code in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
                return all(service.state == "running" for service in report.services)
            workers = status.json().get("workers", [])
    except (httpx2.HTTPError, ValueError):
        return False
    return {worker["worker"] for worker in workers if worker.get("alive", True)} >= set(WORKERS)


def _living(layout: Layout) -> Report | None:
    """The report of a supervisor that is still there; a recycled process id does not count."""
    report = layout.report()
    if report is None:
        return None
    try:
        process = psutil.Process(report.supervisor_pid)
        born, state = process.create_time(), process.status()
    except psutil.NoSuchProcess:
        return None
    if state == psutil.STATUS_ZOMBIE:  # dead, and its parent has not looked yet
        return None
    return report if abs(born - report.supervisor_started_s) < 10 else None


def _measured(service: ServiceStatus) -> ServiceStatus:
    update: dict[str, float] = {}
    if service.started_at_s is not None:
        update["uptime_s"] = max(0.0, time.time() - service.started_at_s)
    if service.pid is not None:
        try:
            update["rss_mb"] = _memory_mb(
                psutil.Process(service.pid), family=service.name == POSTGRES
            )
        except psutil.NoSuchProcess:
            return service
    return service.model_copy(update=update)


def _memory_mb(process: psutil.Process, *, family: bool) -> float:
    """Proportional set size of a process, with its children where they are its own parts and share its buffers."""
    total = 0
    for one in (process, *(process.children(recursive=True) if family else ())):
        try:
            total += one.memory_full_info().pss
        except (psutil.Error, AttributeError):
            continue
    return total / 1024 / 1024


def _count(layout: Layout, worker: str) -> int:
    report = layout.report()
    return sum(s.name == worker and s.state != "stopped" for s in report.services) if report else 0


def _until(condition: Callable[[], bool], within_s: float) -> None:
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise StackError("The supervisor did not answer.", "`./simulator status` shows it.")
        time.sleep(0.05)
