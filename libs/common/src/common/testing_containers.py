"""The same servers for tests as `common.testing`, from the images that compose runs, through testcontainers.

The servers keep their port when they are killed and started again, as the embedded ones do.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from common.embedded import nats
from common.embedded.launch import free_port, write_private
from common.testing import RealNats, RealPostgres, listens, until

NATS_IMAGE = "nats:2.15-alpine"
POSTGRES_IMAGE = "pgvector/pgvector:pg18"
NATS_IMAGE_VARIABLE = "NATS_IMAGE"
POSTGRES_IMAGE_VARIABLE = "POSTGRES_IMAGE"
_USER = "simulator"


def engine_answers() -> bool:
    """Whether a Docker engine can be asked."""
    try:
        engine = DockerClient(timeout=3).client
    except Exception:  # the engine's client has its own tree of errors, without type information
        return False
    try:
        return bool(engine.ping())
    except Exception:
        return False
    finally:
        engine.close()


@dataclass(slots=True, kw_only=True)
class ContainerNats(RealNats):
    """nats-server in a container; its directory is mounted where it is."""

    container: Any = field(default=None, repr=False)

    @property
    def log(self) -> str:
        out, err = self.container.get_logs()
        return bytes(out + err).decode(errors="replace")

    def start(self) -> None:
        if self.container is not None:
            self.container.get_wrapped_container().start()
        else:
            self._create()
        until(self._speaks, None)

    def _create(self) -> None:
        config = self.directory / "nats.conf"
        store = self.directory / "jetstream"
        write_private(config, nats.configuration(store, self.port, self.passwords, "0.0.0.0"))  # noqa: S104
        made = DockerContainer(os.environ.get(NATS_IMAGE_VARIABLE, NATS_IMAGE))
        made.with_bind_ports(self.port, self.port)
        made.with_volume_mapping(str(self.directory), str(self.directory), "rw")
        made.with_command(["--config", str(config)])
        made.with_kwargs(user=f"{os.getuid()}:{os.getgid()}")
        self.container = made.start()

    def _speaks(self) -> bool:
        """The engine's own listener answers before the server does: wait for the server's greeting."""
        import socket

        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2) as probe:
                return probe.recv(4) == b"INFO"
        except OSError:
            return False

    def kill(self) -> None:
        _kill(self.container)

    def remove(self) -> None:
        if self.container is not None:
            self.container.stop()


@dataclass(slots=True, kw_only=True)
class ContainerPostgres(RealPostgres):
    """PostgreSQL 18 with pgvector in a container, on a port of this machine."""

    port: int
    password: str = field(repr=False)
    container: Any = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{_USER}:{self.password}@127.0.0.1:{self.port}/{_USER}"

    def start(self) -> None:
        if self.container is not None:
            self.container.get_wrapped_container().start()
        else:
            self._create()
        until(self._takes_queries, None, within_s=60)

    def _create(self) -> None:
        made = DockerContainer(os.environ.get(POSTGRES_IMAGE_VARIABLE, POSTGRES_IMAGE))
        made.with_bind_ports(5432, self.port)
        made.with_envs(POSTGRES_USER=_USER, POSTGRES_DB=_USER, POSTGRES_PASSWORD=self.password)
        self.container = made.start()

    def _takes_queries(self) -> bool:
        """During its first start the image runs a server without TCP: only an answer over TCP counts."""
        asked = self.container.get_wrapped_container().exec_run(
            ["pg_isready", "-q", "-h", "127.0.0.1", "-U", _USER]
        )
        return bool(asked.exit_code == 0) and listens(self.port)

    def kill(self) -> None:
        """Crash it: as a power cut would, without a checkpoint."""
        _kill(self.container)

    def remove(self) -> None:
        if self.container is not None:
            self.container.stop()


@contextmanager
def nats_container(directory: Path) -> Iterator[ContainerNats]:
    server = ContainerNats(directory=directory, port=free_port(), passwords=nats.passwords())
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextmanager
def postgres_container(directory: Path) -> Iterator[ContainerPostgres]:
    password = secrets.token_hex(16)
    server = ContainerPostgres(directory=directory, port=free_port(), password=password)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _kill(container: DockerContainer) -> None:
    wrapped = container.get_wrapped_container()
    wrapped.reload()
    if wrapped.status == "running":
        wrapped.kill()
    while wrapped.status == "running":
        time.sleep(0.02)
        wrapped.reload()
