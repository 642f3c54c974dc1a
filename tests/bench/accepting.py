"""How many simulations a second are accepted, and how many go through the whole pipeline.

    python tests/bench/accepting.py [SECONDS] [LANES]        (starts a stack of its own)

Accepted means stored with its outbox row and answered. The raw counterpart, in the same run: the same number of lanes
commit one row of the same size each with asyncpg. For the pipeline's rate, submissions stop and the backlog is timed
until every simulation has ended; its raw counterpart are six chained JetStream publishes, each acknowledged after fsync.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg
import nats

from common.permissions import inbox
from rig import REFUND, Stack, running_stack

TASKS = 20
BODY_BYTES = 2_000


async def main(seconds: float, lanes: int) -> None:
    with running_stack() as stack:
        commits = await rate(seconds, lanes, await commit(stack, lanes))
        chains = await rate(seconds, lanes, await chain(stack))
        began = time.perf_counter()
        accepted = await rate(seconds, lanes, accept(stack))
        ended = await all_ended(stack)
        through = ended / (time.perf_counter() - began)
    print(f"{'':44}{'a second':>10}{'÷ raw':>8}")
    for name, value, base in (
        ("raw: commit one row (asyncpg)", commits, commits),
        ("accepted (POST /simulate?wait=none)", accepted, commits),
        ("raw: 6 chained publishes, each after fsync", chains, chains),
        (f"through the whole pipeline ({ended} in all)", through, chains),
    ):
        print(f"{name:44}{value:10.1f}{value / base:8.3f}")


async def rate(seconds: float, lanes: int, one: Callable[[int], Awaitable[None]]) -> float:
    """Calls a second of `one(lane)`, `lanes` at a time."""
    began, done = time.perf_counter(), 0

    async def lane(number: int) -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            await one(number)
            done += 1

    await asyncio.gather(*(lane(number) for number in range(lanes)))
    return done / (time.perf_counter() - began)


def accept(stack: Stack) -> Callable[[int], Awaitable[None]]:
    client = stack.client()

    async def one(_: int) -> None:
        answer = await client.post(
            "/simulate",
            params={"wait": "none"},
            json={"scenario": REFUND, "options": {"tasks": TASKS}},
        )
        assert answer.status_code == 202, answer.text

    return one


async def all_ended(stack: Stack) -> int:
    while True:
        async with stack.client() as client:
            states = (await client.get("/api/status")).json()["simulations"]
        if not {"accepted", "queued", "running", "requested"} & {s for s, n in states.items() if n}:
            return sum(states.values())
        await asyncio.sleep(0.1)


async def commit(stack: Stack, lanes: int) -> Callable[[int], Awaitable[None]]:
    connections = [await asyncpg.connect(stack.dsn) for _ in range(lanes)]
    await connections[0].execute("create table if not exists bench_raw (body text)")
    body = "x" * BODY_BYTES

    async def one(lane: int) -> None:
        await connections[lane].execute("insert into bench_raw values ($1)", body)

    return one


async def chain(stack: Stack) -> Callable[[int], Awaitable[None]]:
    memory = stack.layout.memory()
    assert memory is not None
    client = await nats.connect(
        f"nats://127.0.0.1:{memory.nats_port}",
        user="gateway",
        password=memory.nats_passwords["gateway"],
        inbox_prefix=inbox("gateway"),
    )
    js, body = client.jetstream(), b"x" * BODY_BYTES

    async def one(_: int) -> None:
        for _ in range(6):
            await js.publish("conv.v1.bench.raw", body)

    return one


if __name__ == "__main__":
    asyncio.run(
        main(
            float(sys.argv[1]) if len(sys.argv) > 1 else 10.0,
            int(sys.argv[2]) if len(sys.argv) > 2 else 16,
        )
    )
