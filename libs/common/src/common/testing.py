"""The real NATS and the real PostgreSQL for tests: started from their wheels, thrown away afterwards.

`SIMULATOR_TEST_SERVERS` chooses: `wheels` (the default), `containers` (the images compose runs, by testcontainers), or
`auto` (containers where a Docker engine answers, else wheels). The same tests pass on both.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from common.embedded import nats, postgres
from common.embedded.launch import Launch, free_port
from common.provision import BusAddress

_START_WITHIN_S = 15.0
SERVERS_VARIABLE = "SIMULATOR_TEST_SERVERS"


@dataclass(slots=True, kw_only=True)
class RealNats:
    """A running server; `address(user)` is how each service connects. It can be killed and started again."""

    directory: Path
    port: int
    passwords: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the server said; permission violations stand here."""
        return (self.directory / "server.log").read_text()

    def address(self, user: str) -> BusAddress:
        return BusAddress(url=self.url, user=user, password=self.passwords[user])

    def start(self) -> None:
        launch = nats.launch(self.directory, self.port, self.passwords)
        self.process = _spawn(launch, self.directory / "server.log")
        until(lambda: listens(self.port), self.process)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def wipe(self) -> None:
        """Lose the whole JetStream store (the server must be stopped)."""
        shutil.rmtree(self.directory / "jetstream", ignore_errors=True)


@dataclass(slots=True, kw_only=True)
class RealPostgres:
    """A running server with an empty cluster; `url` is for SQLAlchemy (asyncpg), `dsn` for asyncpg itself."""

    directory: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return postgres.url(self.directory)

    @property
    def dsn(self) -> str:
        return self.url.replace("+asyncpg", "")

    def start(self) -> None:
        launch = postgres.launch(self.directory)
        log = self.directory / "server.log"
        offset = log.stat().st_size if log.exists() else 0
        self.process = _spawn(launch, log)
        ready = "database system is ready to accept connections"
        until(lambda: ready in log.read_text()[offset:], self.process)

    def kill(self) -> None:
        """Crash it: as a power cut would, without a checkpoint."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            until(lambda: not _processes_of(self.directory / "data"), None)
            (self.directory / "data" / "postmaster.pid").unlink(missing_ok=True)


@contextmanager
def nats_server() -> Iterator[RealNats]:
    """A fresh nats-server with every user of `common.permissions`; streams are not declared yet."""
    with _scratch() as directory:
        if use_containers():
            from common.testing_containers import nats_container

            with nats_container(directory) as contained:
                yield contained
            return
        server = RealNats(directory=directory, port=free_port(), passwords=nats.passwords())
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def postgres_server() -> Iterator[RealPostgres]:
    """A fresh PostgreSQL 18; from the wheel on a unix socket only."""
    with _scratch() as directory:
        if use_containers():
            from common.testing_containers import postgres_container

            with postgres_container(directory) as contained:
                yield contained
            return
        postgres.initialise(directory)
        server = RealPostgres(directory=directory)
        server.start()
        try:
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.process.send_signal(postgres.launch(directory).stop_signal)
                server.process.wait()


def use_containers() -> bool:
    """What `SIMULATOR_TEST_SERVERS` asks for.

    Raises:
        ValueError: it names nothing known.
    """
    wanted = os.environ.get(SERVERS_VARIABLE, "wheels")
    if wanted == "auto":
        from common.testing_containers import engine_answers

        return engine_answers()
    if wanted not in {"wheels", "containers"}:
        raise ValueError(f"{SERVERS_VARIABLE}={wanted}: wheels, containers or auto")
    return wanted == "containers"


@contextmanager
def _scratch() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="sim-test-"))
    directory.chmod(0o711)  # PostgreSQL under root runs as `nobody`, who must be able to pass
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _spawn(launch: Launch, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own launch
            launch.argv,
            stdout=output,
            stderr=output,
            preexec_fn=launch.before_exec,  # noqa: PLW1509 - prctl and setuid only, no locks taken
        )


def until(
    condition: Callable[[], bool],
    process: subprocess.Popen[bytes] | None,
    within_s: float = _START_WITHIN_S,
) -> None:
    """Wait until `condition` holds.

    Raises:
        RuntimeError: `process` ended before that.
        TimeoutError: it did not hold within `within_s` seconds.
    """
    end = time.monotonic() + within_s
    while not condition():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before it was ready")
        if time.monotonic() > end:
            raise TimeoutError(f"not ready within {within_s} s")
        time.sleep(0.01)


def listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _processes_of(data: Path) -> list[str]:
    """Processes whose working directory is the cluster's: PostgreSQL's children outlive a killed postmaster briefly."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == str(data):
                found.append(pid)
        except OSError:
            continue
    return found
