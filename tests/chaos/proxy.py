"""A TCP line that can be cut, silenced or slowed: stands between the services and a server they reach by URL."""

import asyncio
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from common.codec import MAX_MESSAGE_BYTES
from common.embedded.launch import free_port
from common.embedded.nats import binary

CHUNK_BYTES = 16 * 1024


class Line(StrEnum):
    """`blackhole` takes bytes and forwards none, as a dead route does; `refuse` closes what comes."""

    PASS = "pass"
    BLACKHOLE = "blackhole"
    THROTTLE = "throttle"
    REFUSE = "refuse"


class Proxy:
    """Listens on loopback, forwards to `port`. Set `line` to break it; connections made before feel it too."""

    def __init__(self, port: int, *, throttle_bytes_per_s: int = 20_000) -> None:
        self._target = port
        self._throttle_bytes_per_s = throttle_bytes_per_s
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self.line = Line.PASS
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """Drop every connection there is."""
        for pump in self._pumps:
            pump.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.line is Line.REFUSE:
            writer.close()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        for source, target in ((reader, back), (there, writer)):
            pump = asyncio.create_task(self._pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(CHUNK_BYTES):
                while self.line is Line.BLACKHOLE:
                    await asyncio.sleep(0.05)
                if self.line is Line.THROTTLE:
                    await asyncio.sleep(len(chunk) / self._throttle_bytes_per_s)
                target.write(chunk)
                await target.drain()
        except OSError:
            pass
        finally:
            with suppress(OSError, RuntimeError):
                target.close()


@contextmanager
def open_nats() -> Iterator[int]:
    """A nats-server without users (an external URL carries one set of credentials for all); gives its port."""
    directory, port = Path(tempfile.mkdtemp(prefix="sim-nats-")), free_port()
    config = directory / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\nmax_payload: {MAX_MESSAGE_BYTES + 64 * 1024}\n'
        f'jetstream {{\n  store_dir: {json.dumps(str(directory / "store"))}\n  sync_interval: "always"\n}}\n'
    )
    with (directory / "log").open("ab") as output:
        server = subprocess.Popen((binary(), "-c", str(config)), stdout=output, stderr=output)
    try:
        _until_it_listens(port)
        yield port
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _until_it_listens(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end, "nats-server did not start"
        time.sleep(0.05)
