"""Commit-to-client latency of the websocket stream, on one simulation and on many.

    python tests/bench/streaming.py [CLIENTS]        (starts a stack of its own)

Latency is the client's clock at receipt less the frame's `timestamp`, which the database gives inside the
transaction: both are this machine's clock, and the time of the commit itself is included. The raw counterpart is a
websocket server that sends the same bytes to as many clients from one process, measured in the same run.
"""

import asyncio
import json
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

from common.embedded.launch import free_port
from rig import REFUND, Stack, running_stack, socket


async def main(clients: int) -> None:
    with running_stack() as stack:
        await watch(stack, 2, same=True)  # warm up
        rows = [
            (f"raw broadcast, {clients} clients", await raw(clients)),
            (f"{clients} clients, one simulation", await watch(stack, clients, same=True)),
            (f"{clients} clients, a simulation each", await watch(stack, clients, same=False)),
        ]
    print(
        f"{'':40}{'frames':>8}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'missing':>9}{'disorder':>9}"
    )
    for name, (latencies, missing, disorder) in rows:
        cuts = statistics.quantiles(latencies, n=100)
        print(
            f"{name:40}{len(latencies):8}{cuts[49]:9.1f}{cuts[98]:9.1f}{max(latencies):9.1f}{missing:9}{disorder:9}"
        )


async def watch(stack: Stack, clients: int, *, same: bool) -> tuple[list[float], int, int]:
    """Sockets connect first, then the simulations start: every frame is live."""
    stamp = f"{time.time_ns():x}"
    ids = [f"b{stamp}" if same else f"b{stamp}-{n}" for n in range(clients)]
    ready = asyncio.Barrier(clients + 1)
    tasks = [asyncio.create_task(one(stack, simulation_id, ready)) for simulation_id in ids]
    await ready.wait()
    async with stack.client(60) as client:
        for simulation_id in dict.fromkeys(ids):
            answer = await client.post(
                f"/simulate/{simulation_id}",
                params={"wait": "none"},
                json={"scenario": REFUND, "options": {"tasks": 50}},
            )
            assert answer.status_code in {200, 202}, answer.text
        results = await asyncio.gather(*tasks)
        heads = {
            i: (await client.get(f"/simulations/{i}/events")).json() for i in dict.fromkeys(ids)
        }
    latencies = [value for values, _ in results for value in values]
    missing = disorder = 0
    for simulation_id, (_, seqs) in zip(ids, results, strict=True):
        events = heads[simulation_id]["events"]
        missing += len({event["seq"] for event in events} - set(seqs))
        disorder += seqs != sorted(set(seqs))
    return latencies, missing, disorder


async def one(
    stack: Stack, simulation_id: str, ready: asyncio.Barrier
) -> tuple[list[float], list[int]]:
    latencies, seqs = [], []
    async with socket(stack, simulation_id) as ws:
        await ready.wait()
        while True:
            frame = json.loads(await ws.recv())
            now = time.time()
            if "seq" not in frame or "event_type" not in frame:
                continue
            seqs.append(frame["seq"])
            latencies.append((now - datetime.fromisoformat(frame["timestamp"]).timestamp()) * 1000)
            if frame["event_type"] == "simulation_completed":
                return latencies, seqs


async def raw(clients: int) -> tuple[list[float], int, int]:
    port = free_port()
    peers: set[ServerConnection] = set()

    async def handler(ws: ServerConnection) -> None:
        peers.add(ws)
        await ws.wait_closed()

    async with serve(handler, "127.0.0.1", port, compression=None):

        async def listen() -> list[float]:
            async with connect(f"ws://127.0.0.1:{port}", compression=None, proxy=None) as ws:
                values = []
                for _ in range(60):
                    sent = json.loads(await ws.recv())["t"]
                    values.append((time.time() - sent) * 1000)
                return values

        tasks = [asyncio.create_task(listen()) for _ in range(clients)]
        while len(peers) < clients:
            await asyncio.sleep(0.01)
        for _ in range(60):
            broadcast(peers, json.dumps({"t": time.time(), "x": "x" * 500}))
            await asyncio.sleep(0.01)
        values = [value for values in await asyncio.gather(*tasks) for value in values]
    return values, 0, 0


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
