"""Half an hour under load: does anything grow?  python tests/soak/run.py [--minutes 30] [--rate 2] [--results FILE]

Samples every process of a stack of its own while simulations come in at a steady rate, each with one websocket reader.
Memory is anonymous memory (RssAnon): a share of file pages (PSS) would change with every other process on the machine.
Warm-up (the first third, at most ten minutes) is left out. Exit code 1 when something grows beyond its limit for sure,
or work was not clean; `unclear` says that the time was too short.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import nats
import psutil
from nats.aio.client import Client

from chaos.judge import judge, settled
from chaos.ledger import Ledger
from chaos.load import Load
from common.permissions import inbox
from common.streams import SIMULATIONS
from rig import Stack, running_stack
from soak.slopes import Slope, Verdict, after_warm_up, slope

EVERY_S = 10.0
LONGEST_WARM_UP_S = 600.0
TASKS = 200
"""What a user gets who gives no options, with every failure rehearsed."""
STREAM_BYTES = 48 * 2**20
LIMITS = {
    "memory MB": 1.0,
    "fds": 2.0,
    "threads": 2.0,
    "tasks": 2.0,
    "connections": 2.0,
    "consumers": 0.0,
    "outbox rows": 20.0,
}
"""Per hour. Memory: 1 MB, the goal; the others: assumed, less than one an hour could be noise of the fit."""

type Key = tuple[str, str]


class Samples:
    """Series by (process, quantity), each with its own times."""

    def __init__(self) -> None:
        self.series: dict[Key, tuple[list[float], list[float]]] = {}

    def add(self, who: str, what: str, value: float) -> None:
        times, values = self.series.setdefault((who, what), ([], []))
        times.append(time.monotonic())
        values.append(value)


async def sample(stack: Stack, samples: Samples) -> None:
    """One round; a process that is just being restarted is left out."""
    report = stack.layout.report()
    for service in report.services if report else ():
        with suppress(psutil.Error):
            await asyncio.to_thread(_process, samples, service.instance, service.pid or 0)
    await _tasks(stack, samples)
    (row,) = await stack.query(
        "select (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,"
        " (select count(*) from outbox) as waiting"
    )
    samples.add("postgres", "connections", row["connections"])
    samples.add("postgres", "outbox rows", row["waiting"])
    samples.add("nats", "consumers", await _consumers(stack))


def _process(samples: Samples, instance: str, pid: int) -> None:
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    samples.add(instance, "memory MB", sum(anonymous_kb(p.pid) for p in family) / 1024)
    if instance != "postgres":  # its backends come and go with the connections
        samples.add(instance, "fds", sum(p.num_fds() for p in family))
        samples.add(instance, "threads", sum(p.num_threads() for p in family))


async def _tasks(stack: Stack, samples: Samples) -> None:
    """asyncio tasks: of the workers as their last sign of life says, of the gateway as it counts now."""
    async with stack.client() as client:
        workers = (await client.get("/api/status")).json()["workers"]
        counted = (await client.get("/metrics")).text
    for worker in workers:
        samples.add(worker["instance"], "tasks", worker["tasks"])
    (line,) = (line for line in counted.splitlines() if line.startswith("gateway_tasks "))
    samples.add("gateway", "tasks", float(line.split()[1]))


def anonymous_kb(pid: int) -> int:
    """RssAnon of a process; 0 for one that has just ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


async def _consumers(stack: Stack) -> int:
    async with _admin(stack) as client:
        return (await client.jetstream().account_info()).consumers


async def _fill_soon(stack: Stack) -> None:
    """Let the stream reach its limit within the warm-up, as it has in any installation some hours old.

    Until then the server keeps more messages by the minute, and its memory steps up when it begins to delete.
    """
    async with _admin(stack) as client:
        config = (await client.jetstream().stream_info(SIMULATIONS.name)).config
        await client.jetstream().update_stream(config.evolve(max_bytes=STREAM_BYTES))


@asynccontextmanager
async def _admin(stack: Stack) -> AsyncIterator[Client]:
    memory = stack.layout.memory()
    assert memory is not None
    client = await nats.connect(
        f"nats://127.0.0.1:{memory.nats_port}",
        user="admin",
        password=memory.nats_passwords["admin"],
        inbox_prefix=inbox("admin"),
    )
    try:
        yield client
    finally:
        await client.close()


def lines(samples: Samples, warm_up_s: float) -> list[tuple[Key, Slope, Verdict]]:
    found = []
    for key, (times, values) in sorted(samples.series.items()):
        line = slope(*after_warm_up(times, values, warm_up_s))
        found.append((key, line, line.verdict(LIMITS[key[1]])))
    return found


async def soak(minutes: float, rate_per_s: float, results: Path | None) -> bool:
    samples = Samples()
    with running_stack() as stack:
        await _fill_soon(stack)
        ledger = Ledger(stack.data_dir / "ledger-soak.jsonl")
        load = Load(stack, ledger, rate_per_s=rate_per_s, tasks=TASKS, full_every=1)
        submitting = asyncio.create_task(load.run("soak"))
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            await sample(stack, samples)
            await asyncio.sleep(EVERY_S)
        submitting.cancel()
        with suppress(asyncio.CancelledError):
            await submitting
        await settled(stack, ledger.read(), 240)
        await load.rest(30)
        count = await judge(stack, ledger.read(), load.transcripts)
    found = lines(samples, min(minutes * 60 / 3, LONGEST_WARM_UP_S))
    print(table(found))
    print(f"\n{minutes:g} minutes, {rate_per_s:g} submissions a second: {count}")
    if results is not None:
        keep(samples, results)
    return count.is_clean and not any(verdict == "grows" for _, _, verdict in found)


def keep(samples: Samples, results: Path) -> None:
    """The samples as JSON: `process quantity` -> [times in s, values]."""
    results.write_text(json.dumps({" ".join(key): both for key, both in samples.series.items()}))


def table(found: list[tuple[Key, Slope, Verdict]]) -> str:
    rows = [
        "| process | quantity | first | last | per hour, 95 % | verdict |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {who} | {what} | {line.first:.1f} | {line.last:.1f} "
        f"| {line.per_hour:+.2f} ± {line.either_way:.2f} | {verdict} |"
        for (who, what), line, verdict in found
    ]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=2.0, help="submissions per second")
    parser.add_argument("--results", type=Path, help="a file for the samples (JSON)")
    given = parser.parse_args()
    return 0 if asyncio.run(soak(given.minutes, given.rate, given.results)) else 1


if __name__ == "__main__":
    sys.exit(main())
