"""Start the stack in order, keep it running, stop it in order (rule B17)."""

import asyncio
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import IO

from common import logs, provision
from common.embedded import nats, postgres
from common.embedded.launch import Launch, free_port
from common.streams import WORKERS
from simulator_cli.stack.bus_watch import BusWatch
from simulator_cli.stack.layout import DEFAULT_PORT, Layout, Memory, Report, ServiceStatus
from simulator_cli.stack.process import Supervised
from simulator_cli.stack.programs import GATEWAY, NATS, POSTGRES, Programs, this_environment

logger = logging.getLogger(__name__)

EXIT_LOCKED = 75
"""Another supervisor holds this data directory."""


class Supervisor:
    """One per data directory, held by a lock on a file there."""

    def __init__(self, layout: Layout, programs: Programs, *, port_asked_for: bool = False) -> None:
        self._layout = layout
        self._port_asked_for = port_asked_for
        self._programs = programs
        self._memory = programs.memory
        self._processes: dict[str, Supervised] = {}
        self._external: list[ServiceStatus] = []
        self._started_s = time.time()
        self._stop = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; SIGHUP reads the wanted numbers of workers again."""
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._rescale)
        try:
            starting = asyncio.create_task(self._start())
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            starting.cancel() if not starting.done() else starting.result()
            await stopping
        finally:
            await self._shut_down()

    async def _start(self) -> None:
        await asyncio.gather(self._start_postgres(), self._start_nats())
        self._supervise(GATEWAY, GATEWAY, self._launch_gateway)
        self._rescale()
        logger.info("started", extra={"url": self._base_url})

    def _launch_gateway(self) -> Launch:
        """Another stack may have taken the remembered port meanwhile; a port that was asked for is kept."""
        if not self._port_asked_for and not _is_free(self._memory.http_port):
            self._memory = self._memory.model_copy(update={"http_port": free_port()})
            self._layout.remember(self._memory)
            self._programs = replace(self._programs, memory=self._memory)
        return self._programs.gateway()

    async def _start_postgres(self) -> None:
        if self._programs.external_database:
            self._external.append(ServiceStatus(name=POSTGRES, instance=POSTGRES, state="external"))
            return
        await asyncio.to_thread(postgres.initialise, self._layout.postgres)
        self._supervise(POSTGRES, POSTGRES, self._programs.postgres)

    async def _start_nats(self) -> None:
        if self._programs.external_nats:
            self._external.append(ServiceStatus(name=NATS, instance=NATS, state="external"))
        else:
            self._supervise(NATS, NATS, self._programs.nats)
            log = self._layout.logs / f"{NATS}.log"
            watch = BusWatch(log, self._layout.nats, self._processes[NATS].renew)
            self._watching = asyncio.create_task(watch.run())
        await provision.provision(self._programs.bus("admin"))

    def _supervise(self, name: str, instance: str, launch: Callable[[], Launch]) -> None:
        process = Supervised(
            name, instance, launch, self._layout.logs / f"{instance}.log", self._publish
        )
        self._processes[instance] = process
        process.start()

    def _rescale(self) -> None:
        """Bring the number of each worker to what the memory file wants."""
        self._memory = self._layout.memory() or self._memory
        for name in WORKERS:
            wanted = {f"{name}-{n}" for n in range(1, self._memory.scale.get(name, 1) + 1)}
            running = {i for i, p in self._processes.items() if p.name == name}
            for instance in sorted(wanted - running):
                self._supervise(name, instance, self._worker(name, instance))
            for instance in sorted(running - wanted):
                self._retire(instance)
        self._publish()

    def _worker(self, name: str, instance: str) -> Callable[[], Launch]:
        number = int(instance.rpartition("-")[2])
        return lambda: self._programs.worker(name, number)

    def _retire(self, instance: str) -> None:
        process = self._processes.pop(instance)
        task = asyncio.get_running_loop().create_task(process.stop())
        task.add_done_callback(lambda _: self._publish())

    async def _shut_down(self) -> None:
        """First who answers clients, then who works, then what they stand on."""
        if self._watching is not None:
            self._watching.cancel()
        servers = {NATS, POSTGRES}
        for group in (
            [p for p in self._processes.values() if p.name == GATEWAY],
            [p for p in self._processes.values() if p.name in WORKERS],
            [p for p in self._processes.values() if p.name in servers],
        ):
            await asyncio.gather(*(process.stop() for process in group))
        self._layout.report_file.unlink(missing_ok=True)
        logger.info("stopped")

    @property
    def _base_url(self) -> str:
        return f"http://127.0.0.1:{self._memory.http_port}"

    def _publish(self) -> None:
        own_nats = None if self._programs.external_nats else self._memory.nats_port
        self._layout.publish(
            Report(
                supervisor_pid=os.getpid(),
                supervisor_started_s=self._started_s,
                base_url=self._base_url,
                nats_port=own_nats,
                services=(*self._external, *(p.status for p in self._processes.values())),
            )
        )


def serve(layout: Layout, port: int | None) -> int:
    """Run the stack in this process until it is told to stop.

    Returns:
        0, or `EXIT_LOCKED` when another supervisor runs this data directory.
    """
    logs.setup("supervisor")
    layout.prepare()
    lock = _lock(layout)
    if lock is None:
        return EXIT_LOCKED
    with lock:
        memory = _memory(layout, port)
        layout.remember(memory)
        programs = Programs(layout=layout, memory=memory, environment=this_environment())
        asyncio.run(Supervisor(layout, programs, port_asked_for=port is not None).run())
    return 0


def _lock(layout: Layout) -> IO[str] | None:
    file = layout.lock_file.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _memory(layout: Layout, port: int | None) -> Memory:
    """What was remembered, with ports that are free now and a password for every user of the bus."""
    known = layout.memory()
    nats_passwords = nats.passwords() | (known.nats_passwords if known else {})
    scale = known.scale if known else dict.fromkeys(WORKERS, 1)
    wanted = port or (known.http_port if known else DEFAULT_PORT)
    return Memory(
        http_port=wanted if port or _is_free(wanted) else free_port(),
        nats_port=known.nats_port if known and _is_free(known.nats_port) else free_port(),
        nats_passwords=nats_passwords,
        scale=scale,
    )


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
