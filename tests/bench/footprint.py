"""How fast a worker starts and what it weighs, beside the least that FastStream on NATS weighs, in the same run.

    python tests/bench/footprint.py [STARTS]        (default 5; starts a NATS server of its own)

Start: from exec to the first sign of life on the bus. Weight: proportional set size (PSS) then, so that shared pages
are not counted seven times. The floor is a process that only connects a FastStream broker and says one message.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time

import nats
import psutil

from common.permissions import inbox
from common.provision import provision
from common.streams import WORKERS, heartbeat_subject
from common.testing import RealNats, nats_server

FLOOR = """
import asyncio, os
from faststream import FastStream
from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext
broker = NatsBroker(os.environ["URL"], security=SASLPlaintext("planner", os.environ["PASSWORD"]), inbox_prefix="_INBOX_planner", logger=None)
app = FastStream(broker, logger=None)
@app.after_startup
async def say():
    await broker.publish(b"", "worker.v1.heartbeat.planner.floor")
asyncio.run(app.run())
"""


async def main(starts: int) -> None:
    with nats_server() as server:
        await provision(server.address("admin"))
        rows = [("floor: FastStream alone", await measure(server, starts, None))]
        for worker in WORKERS:
            rows.append((worker, await measure(server, starts, worker)))
    base_s, base_mb = rows[0][1]
    print(f"{'':26}{'start s':>9}{'÷ floor':>9}{'PSS MB':>9}{'÷ floor':>9}")
    for name, (start_s, weight_mb) in rows:
        print(
            f"{name:26}{start_s:9.2f}{start_s / base_s:9.2f}{weight_mb:9.1f}{weight_mb / base_mb:9.2f}"
        )


async def measure(server: RealNats, starts: int, worker: str | None) -> tuple[float, float]:
    """Medians of start in seconds and of weight in MB."""
    found = [await start(server, worker) for _ in range(starts)]
    return statistics.median(s for s, _ in found), statistics.median(mb for _, mb in found)


async def start(server: RealNats, worker: str | None) -> tuple[float, float]:
    address = server.address(worker or "planner")
    listener = server.address("gateway")
    client = await nats.connect(
        listener.url,
        user="gateway",
        password=listener.password,
        inbox_prefix=inbox("gateway"),
    )
    signs = await client.subscribe(heartbeat_subject("*", "*"))
    await client.flush()
    own = {"URL": address.url, "PASSWORD": str(address.password), "MALLOC_ARENA_MAX": "2"}
    if worker is not None:
        prefix = worker.upper()
        own |= {f"{prefix}_NATS_URL": address.url, f"{prefix}_NATS_USER": worker}
        own |= {f"{prefix}_NATS_PASSWORD": str(address.password), f"{prefix}_LOG_LEVEL": "WARNING"}
    what = ["-m", worker] if worker else ["-c", FLOOR]
    began = time.perf_counter()
    process = spawn(what, own)
    try:
        await signs.next_msg(timeout=30)
        taken_s = time.perf_counter() - began
        await asyncio.sleep(0.5)
        return taken_s, psutil.Process(process.pid).memory_full_info().pss / 1024 / 1024
    finally:
        process.terminate()
        process.wait(20)
        await client.close()


def spawn(what: list[str], own: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *what], env={**os.environ, **own})


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
