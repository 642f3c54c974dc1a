"""What one simulation costs each process: processor seconds, and bytes that NATS and PostgreSQL keep.

    python tests/bench/cost.py [SIMULATIONS]        (default 40; starts a stack of its own)

Processor time hardly depends on what else the machine does, so it is what sizing multiplies with.
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from bench.simulate import TEXTS
from rig import Stack, finished, running_stack, submit


async def main(count: int) -> None:
    with running_stack() as stack:
        async with stack.client() as client:
            await several(stack, client, len(TEXTS))  # warm up
            before, stored = processor_s(stack), await bytes_kept(stack)
            await several(stack, client, count)
            after, kept = processor_s(stack), await bytes_kept(stack)
    rows = {name: (after[name] - before[name]) / count * 1000 for name in before}
    print(f"{'processor ms per simulation':32}{'':>10}")
    for name, cost_ms in sorted(rows.items(), key=lambda row: -row[1]):
        print(f"  {name:30}{cost_ms:10.1f}")
    print(f"  {'all':30}{sum(rows.values()):10.1f}")
    for name in kept:
        print(
            f"{name + ', KB per simulation':32}{(kept[name] - stored[name]) / count / 1024:10.1f}"
        )


async def several(stack: Stack, client, count: int) -> None:
    for n in range(count):
        body = await submit(client, f"{TEXTS[n % len(TEXTS)]} Case {n}.")
        await finished(client, body["simulation_id"])


def processor_s(stack: Stack) -> dict[str, float]:
    """User and system time so far; PostgreSQL with its children, also those that have ended."""
    report = stack.layout.report()
    assert report is not None
    used = {}
    for service in report.services:
        process = psutil.Process(service.pid)
        family = (
            (process, *process.children(recursive=True))
            if service.name == "postgres"
            else (process,)
        )
        used[service.name] = sum(sum(one.cpu_times()[:4]) for one in family)
    return used


async def bytes_kept(stack: Stack) -> dict[str, int]:
    store = stack.layout.nats / "jetstream"
    (row,) = await stack.query("select pg_database_size(current_database()) as size")
    return {
        "NATS store": sum(file.stat().st_size for file in store.rglob("*") if file.is_file()),
        "PostgreSQL": int(row["size"]),
    }


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
