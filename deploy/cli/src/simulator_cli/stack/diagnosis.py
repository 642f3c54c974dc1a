"""What is wrong with a data directory and the stack on it, and what to do about it. Looks only; changes nothing."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from common.embedded import nats as embedded_nats
from common.embedded import postgres as embedded_postgres
from common.permissions import inbox
from common.provision import MINIMUM_SERVER
from common.streams import ADVISORIES, DLQ
from simulator_cli.stack.layout import DEFAULT_PORT, Layout, Memory

type Level = Literal["ok", "warning", "fault"]

MIB = 1024 * 1024
FAULT_BELOW_BYTES = 512 * MIB
WARN_BELOW_BYTES = 3 * 1024 * MIB
"""NATS may take 2 GB, PostgreSQL's log 256 MB."""
MINIMUM_POSTGRES = 16
MAX_PENDING = 1_000
MAX_OUTBOX_AGE_S = 5.0
UNSAFE_POSTGRES = ("fsync", "synchronous_commit", "full_page_writes")
_OFF = {"off", "false", "no", "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `hint` says what to do, and is empty where nothing is to be done."""

    subject: str
    level: Level
    message: str
    hint: str = ""


def _ok(subject: str, message: str) -> Finding:
    return Finding(subject=subject, level="ok", message=message)


def _fault(subject: str, message: str, hint: str) -> Finding:
    return Finding(subject=subject, level="fault", message=message, hint=hint)


def _warning(subject: str, message: str, hint: str) -> Finding:
    return Finding(subject=subject, level="warning", message=message, hint=hint)


def at_rest(layout: Layout) -> Iterator[Finding]:
    """What can be seen without a running stack."""
    yield disk(layout.root)
    yield from versions()
    yield from leftovers(layout)
    yield from secrets(layout)
    yield from settings(layout)


def disk(root: Path) -> Finding:
    """Room for the record and the bus store."""
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / MIB:,.0f} MB free at {there}"
    hint = "Free some space, or set SIMULATOR_DATA_DIR to another disk."
    if free < FAULT_BELOW_BYTES:
        return _fault("disk", said, hint)
    return _warning("disk", said, hint) if free < WARN_BELOW_BYTES else _ok("disk", said)


def versions() -> Iterator[Finding]:
    """The servers this installation would start."""
    wanted = ".".join(map(str, MINIMUM_SERVER))
    yield _version("nats-server", embedded_nats.binary, MINIMUM_SERVER, wanted)
    postgres: Callable[[], str] = lambda: str(  # noqa: E731 - one place, one use
        embedded_postgres.installation() / "bin" / "postgres"
    )
    yield _version("postgresql", postgres, (MINIMUM_POSTGRES,), str(MINIMUM_POSTGRES))


def _version(
    subject: str, binary: Callable[[], str], minimum: tuple[int, ...], wanted: str
) -> Finding:
    try:
        said = subprocess.run((binary(), "--version"), capture_output=True, text=True, timeout=10)  # noqa: PLW1510
    except (OSError, subprocess.TimeoutExpired) as error:
        return _fault(subject, f"cannot be run: {error}", "Install the requirements again.")
    found = re.search(r"(\d+(?:\.\d+)+)", said.stdout)
    if found is None:
        return _fault(subject, "tells no version", "Install the requirements again.")
    version = tuple(map(int, found[1].split(".")))
    if version < minimum:
        return _fault(subject, f"{found[1]} is too old", f"{wanted} or newer is needed.")
    return _ok(subject, found[1])


def leftovers(layout: Layout) -> Iterator[Finding]:
    """Files of processes that are gone."""
    report = layout.report()
    if report is not None and not psutil.pid_exists(report.supervisor_pid):
        yield _warning(
            "leftovers",
            f"status.json names process {report.supervisor_pid}, which is gone",
            "Nothing to do: the next start replaces it. Open simulations go on then.",
        )
    pid_file = layout.postgres / "data" / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().split()[0])
    if not psutil.pid_exists(pid):
        yield _warning(
            "leftovers",
            f"postmaster.pid names process {pid}, which is gone",
            "Nothing to do: PostgreSQL replaces it at the next start.",
        )
    elif "postgres" not in psutil.Process(pid).name():
        yield _fault(
            "leftovers",
            f"postmaster.pid names process {pid}, which is another program",
            f"PostgreSQL will not start. Delete {pid_file}.",
        )


def secrets(layout: Layout) -> Iterator[Finding]:
    """Files with passwords that others may read."""
    files = (layout.memory_file, layout.nats / "nats.conf", layout.postgres / "password")
    exposed = [file for file in files if file.exists() and file.stat().st_mode & 0o077]
    for file in exposed:
        mode = file.stat().st_mode & 0o777
        yield _fault("secrets", f"{file.name} has mode {mode:o}", f"chmod 600 {file}")
    if not exposed:
        yield _ok("secrets", "only their owner can read them")


def settings(layout: Layout) -> Iterator[Finding]:
    """Settings without which an acknowledged write may be lost."""
    config = layout.nats / "nats.conf"
    if config.exists() and not re.search(r'sync_interval:\s*"always"', config.read_text()):
        yield _fault(
            "settings",
            "sync_interval of NATS is not always: acknowledged messages may be lost",
            f"Delete {config} and start again.",
        )
    unsafe = sorted(unsafe_postgres(layout.postgres / "data"))
    for name in unsafe:
        yield _fault(
            "settings",
            f"{name} of PostgreSQL is off: committed work may be lost",
            f"ALTER SYSTEM RESET {name}, then start again.",
        )
    if config.exists() and not unsafe:
        yield _ok("settings", "what is acknowledged is on the disk")


def unsafe_postgres(data: Path) -> set[str]:
    """Which of `UNSAFE_POSTGRES` the cluster's files switch off."""
    found: dict[str, str] = {}
    for name in ("postgresql.conf", "postgresql.auto.conf"):
        file = data / name
        if file.exists():
            for line in file.read_text().splitlines():
                matched = re.match(r"\s*(\w+)\s*=?\s*'?(\w+)'?", line)
                if matched:
                    found[matched[1]] = matched[2].lower()
    return {name for name in UNSAFE_POSTGRES if found.get(name) in _OFF}


def port(is_running: bool) -> Finding:
    """The port the gateway takes by default."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            if is_running:
                return _ok("port", f"{DEFAULT_PORT} is in use; the stack is running")
            return _warning(
                "port",
                f"{DEFAULT_PORT} is in use by another program",
                "The stack takes a free one; --port chooses.",
            )
    return _ok("port", f"{DEFAULT_PORT} is free")


def running(status: Mapping[str, Any], ready: Mapping[str, Any]) -> Iterator[Finding]:
    """What `/api/status` and `/health/ready` tell."""
    if ready.get("status") != "ok":
        yield _fault("gateway", f"not ready: {ready}", "./simulator logs gateway")
    silent = [w["instance"] for w in status.get("workers") or () if not w.get("alive", True)]
    for instance in silent:
        yield _warning("workers", f"{instance} is silent", f"./simulator logs {instance}")
    for consumer in status.get("consumers") or ():
        if consumer["pending"] > MAX_PENDING:
            name = consumer["consumer"]
            said = f"{consumer['pending']} messages wait for {name}"
            yield _warning("lag", said, f"./simulator scale {name}=2")
    outbox = status.get("outbox") or {}
    if outbox.get("oldest_age_s", 0) > MAX_OUTBOX_AGE_S:
        said = f"the outbox waits since {outbox['oldest_age_s']:.0f} s ({outbox['rows']} rows)"
        yield _fault("outbox", said, "The bus takes nothing: ./simulator logs nats")


def counted(metrics: str) -> Iterator[Finding]:
    """What `/metrics` has counted since the gateway began."""
    reemitted = _sum(metrics, "gateway_reemitted_total")
    if reemitted:
        yield _warning(
            "reaper",
            f"{reemitted:.0f} events were sent out again",
            "Workers or the bus were away; if it goes on, see ./simulator logs.",
        )


def _sum(metrics: str, name: str) -> float:
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", metrics, re.MULTILINE)
    return sum(map(float, values))


def buried(memory: Memory) -> Iterator[Finding]:
    """Messages nobody could read, and jobs whose workers died on every delivery."""
    try:
        counts = asyncio.run(_count_messages(memory))
    except (OSError, TimeoutError) as error:
        yield _fault("bus", f"does not answer: {error}", "./simulator logs nats")
        return
    for stream, what in ((DLQ.name, "dead letters"), (ADVISORIES.name, "stranded jobs")):
        if counts[stream]:
            hint = "./simulator logs shows why each was given up; they are kept for days."
            yield _warning("bus", f"{counts[stream]} {what} in {stream}", hint)
    if not any(counts.values()):
        yield _ok("bus", "no dead letters, no stranded jobs")


async def _count_messages(memory: Memory) -> dict[str, int]:
    import nats
    import nats.errors

    try:
        client = await nats.connect(
            f"nats://127.0.0.1:{memory.nats_port}",
            user="admin",
            password=memory.nats_passwords["admin"],
            inbox_prefix=inbox("admin"),
            allow_reconnect=False,
            connect_timeout=2,
        )
    except nats.errors.Error as error:
        raise OSError(type(error).__name__) from error
    try:
        js = client.jetstream(timeout=3)
        names = (DLQ.name, ADVISORIES.name)
        return {name: (await js.stream_info(name)).state.messages for name in names}
    except nats.errors.Error as error:
        raise OSError(type(error).__name__) from error
    finally:
        await client.close()
