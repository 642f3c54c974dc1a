"""The programs of the stack: how each is launched, and in which environment."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from common.embedded import nats, postgres
from common.embedded.launch import Launch, dies_with_parent
from common.provision import BusAddress
from simulator_cli.stack.layout import Layout, Memory

NATS_URL_VARIABLE = "SIMULATOR_NATS_URL"
DATABASE_URL_VARIABLE = "SIMULATOR_DATABASE_URL"

NATS = "nats"
POSTGRES = "postgres"
GATEWAY = "gateway"

BACKGROUND_NICENESS = {"simulation": 10, "narrator": 5}
"""The run computes for hundreds of milliseconds, after `POST /simulate` has its answer: on a small machine it must
not take the processor from the stages that a person is waiting for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Launches for this machine; a server given by URL is used and not launched."""

    layout: Layout
    memory: Memory
    environment: Mapping[str, str]

    @property
    def external_nats(self) -> str | None:
        return self.environment.get(NATS_URL_VARIABLE)

    @property
    def external_database(self) -> str | None:
        return self.environment.get(DATABASE_URL_VARIABLE)

    @property
    def database_url(self) -> str:
        return self.external_database or postgres.url(self.layout.postgres)

    def bus(self, user: str) -> BusAddress:
        """How `user` reaches the bus. An external URL carries its own credentials, the same for all."""
        if self.external_nats is not None:
            parts = urlsplit(self.external_nats)
            return BusAddress(url=self.external_nats, user=parts.username, password=parts.password)
        return BusAddress(
            url=f"nats://127.0.0.1:{self.memory.nats_port}",
            user=user,
            password=self.memory.nats_passwords[user],
        )

    def nats(self) -> Launch:
        return nats.launch(self.layout.nats, self.memory.nats_port, self.memory.nats_passwords)

    def postgres(self) -> Launch:
        return postgres.launch(self.layout.postgres)

    def gateway(self) -> Launch:
        own = {
            "GATEWAY_DATABASE_URL": self.database_url,
            "GATEWAY_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.memory.http_port),
        }
        return self._python("gateway", own)

    def worker(self, name: str, number: int) -> Launch:
        own = {f"{name.upper()}_INSTANCE": f"{name}-{number}"}
        return self._python(name, own, niceness=BACKGROUND_NICENESS.get(name, 0))

    def _python(self, module: str, own: Mapping[str, str], niceness: int = 0) -> Launch:
        """Workers keep nothing: killing them loses nothing, so the kernel may do it when the parent dies."""
        address = self.bus(module)
        prefix = module.upper()
        bus = {f"{prefix}_NATS_URL": address.url}
        if address.user and address.password:
            bus |= {
                f"{prefix}_NATS_USER": address.user,
                f"{prefix}_NATS_PASSWORD": address.password,
            }
        return Launch(
            argv=(sys.executable, "-m", module),
            env={**_inherited(self.environment), **bus, **own},
            before_exec=_background(niceness),
            stop_within_s=15.0,
        )


def _background(niceness: int) -> Callable[[], None]:
    dies = dies_with_parent(signal.SIGKILL)

    def before_exec() -> None:
        os.nice(niceness)
        dies()

    return before_exec


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment less the stack's own secrets; a child needs only its own."""
    hidden = {NATS_URL_VARIABLE, DATABASE_URL_VARIABLE}
    kept = {name: value for name, value in environment.items() if name not in hidden}
    kept.setdefault("PYTHONUNBUFFERED", "1")
    # One arena per core: the default of eight per core costs 10 MB and more in each process.
    kept.setdefault("MALLOC_ARENA_MAX", "2")
    return kept


def this_environment() -> Mapping[str, str]:
    return dict(os.environ)
