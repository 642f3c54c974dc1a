"""Where the stack keeps its files, and what it remembers between starts."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from common.contracts.values import Value
from common.embedded.launch import write_private
from common.streams import WORKERS

DEFAULT_PORT = 8000


class Memory(Value):
    """What must be the same after a restart. It holds passwords: the file is 0600."""

    http_port: int
    nats_port: int
    nats_passwords: dict[str, str]
    scale: dict[str, int] = Field(default_factory=lambda: dict.fromkeys(WORKERS, 1))


class ServiceStatus(Value):
    """One process. `state`: starting, running, waiting (to be restarted), failed, stopped, external."""

    name: str
    instance: str
    pid: int | None = None
    state: str
    restarts: int = 0
    started_at_s: float | None = None
    """Unix time."""
    exit_code: int | None = None
    rss_mb: float | None = None
    uptime_s: float | None = None


class Report(Value):
    """What the supervisor writes for others to read."""

    supervisor_pid: int
    supervisor_started_s: float
    base_url: str
    nats_port: int | None
    services: tuple[ServiceStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths under the data directory (0700)."""

    root: Path

    @property
    def memory_file(self) -> Path:
        return self.root / "stack.json"

    @property
    def report_file(self) -> Path:
        return self.root / "status.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def prepare(self) -> None:
        """Create the directories. Others may pass (PostgreSQL's user under root) and may not look in."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)
        (self.root / ".gitignore").write_text("*\n")

    def memory(self) -> Memory | None:
        try:
            return Memory.model_validate_json(self.memory_file.read_text())
        except FileNotFoundError:
            return None

    def remember(self, memory: Memory) -> None:
        write_private(self.memory_file, memory.model_dump_json(indent=1))

    def report(self) -> Report | None:
        try:
            return Report.model_validate_json(self.report_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def publish(self, report: Report) -> None:
        write_private(self.report_file, report.model_dump_json(indent=1))
