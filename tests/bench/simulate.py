"""How long `POST /simulate` takes with the rules engine: alone and in parallel, beside what the bus alone costs.

    python tests/bench/simulate.py [REQUESTS]        (starts a stack of its own)

The raw counterpart, measured in the same run: one PostgreSQL commit and three JetStream publishes, each acknowledged
after fsync; that is the least a request can cost that is stored, interpreted, planned and mapped.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg
import nats

from common.permissions import inbox
from rig import REFUND, Stack, finished, running_stack

TEXTS = (
    REFUND,
    "A hospital sends discharge letters to family doctors; a doctor checks each letter before it goes out.",
    "A factory watches vibration sensors, predicts failures, orders spare parts and plans the repair.",
    "A bank answers questions about mortgages, checks income documents and hands hard cases to an adviser.",
)


async def main(requests: int) -> None:
    with running_stack() as stack:
        await timed(requests // 10, 1, simulate(stack))  # warm up
        rows = [
            ("raw: commit + 3 publishes", await timed(requests, 1, await raw(stack))),
            ("POST /simulate, alone", await timed(requests, 1, simulate(stack, quiet=True))),
            ("POST /simulate, runs going on", await timed(requests, 1, simulate(stack))),
            ("POST /simulate, 10 in parallel", await timed(requests, 10, simulate(stack))),
        ]
        report(rows)


def simulate(stack: Stack, *, quiet: bool = False) -> Callable[[int], Awaitable[float]]:
    client = stack.client()

    async def one(n: int) -> float:
        began = time.perf_counter()
        text = f"{TEXTS[n % len(TEXTS)]} Case {n}."
        answer = await client.post("/simulate", json={"scenario": text, "options": {"tasks": 50}})
        assert answer.status_code == 200, answer.text
        assert answer.json()["agents"]
        taken_ms = (time.perf_counter() - began) * 1000
        if quiet:  # let the run and the story end first
            await finished(client, answer.json()["simulation_id"])
        return taken_ms

    return one


async def raw(stack: Stack) -> Callable[[int], Awaitable[float]]:
    memory = stack.layout.memory()
    assert memory is not None
    client = await nats.connect(
        f"nats://127.0.0.1:{memory.nats_port}",
        user="gateway",
        password=memory.nats_passwords["gateway"],
        inbox_prefix=inbox("gateway"),
    )
    js = client.jetstream()
    database = await asyncpg.connect(stack.dsn)
    await database.execute("create table if not exists bench_raw (n int, body text)")
    body = b"x" * 4_000

    async def one(n: int) -> float:
        began = time.perf_counter()
        await database.execute("insert into bench_raw values ($1, $2)", n, body.decode())
        for _ in range(3):
            await js.publish("conv.v1.bench.raw", body)
        return (time.perf_counter() - began) * 1000

    return one


async def timed(count: int, parallel: int, one: Callable[[int], Awaitable[float]]) -> list[float]:
    """Milliseconds of each of `count` calls, `parallel` of them at a time."""
    numbers, taken = iter(range(count)), []

    async def lane() -> None:
        for n in numbers:
            taken.append(await one(n))

    await asyncio.gather(*(lane() for _ in range(parallel)))
    return taken


def report(rows: list[tuple[str, list[float]]]) -> None:
    base = statistics.median(rows[0][1])
    print(f"{'':34}{'n':>5}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'max ms':>9}{'p50 ÷ raw':>11}")
    for name, values in rows:
        cuts = statistics.quantiles(values, n=100)
        print(
            f"{name:34}{len(values):5}{cuts[49]:9.1f}{cuts[94]:9.1f}{cuts[98]:9.1f}"
            f"{max(values):9.1f}{statistics.median(values) / base:11.1f}"
        )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
