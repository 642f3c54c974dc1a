"""Many readers on open simulations while the gateway is killed again and again: each must get every event, once, in order."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import psutil

from chaos.judge import Count, judge, settled
from chaos.ledger import Ledger
from chaos.load import Load
from rig import Stack

SIMULATIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """`back_s`: after each kill, seconds until nine in ten readers were connected again."""

    count: Count
    readers: int
    kills: int
    connections: int
    closed: Counter[int]
    back_s: list[float]


async def storm(stack: Stack, *, readers: int, kills: int, every_s: float, name: str) -> Storm:
    """Hold the simulations open by freezing the narrator, kill the gateway `kills` times, let them end, judge."""
    ledger = Ledger(stack.data_dir / f"ledger-{name}.jsonl")
    load = Load(stack, ledger, rate_per_s=1, readers=readers // SIMULATIONS)
    narrator = psutil.Process(stack.pid("narrator-1"))
    narrator.suspend()
    await asyncio.gather(*(load.submit(f"{name}-{n}", "storm") for n in range(SIMULATIONS)))
    await _until_connected(load, len(load.transcripts))
    back_s: list[float] = []
    for _ in range(kills):
        connected = sum(t.connections for t in load.transcripts)
        stack.kill("gateway")
        back_s.append(await _until_connected(load, connected + len(load.transcripts) * 9 // 10))
        await asyncio.sleep(max(0.0, every_s - back_s[-1]))
    narrator.resume()
    await settled(stack, ledger.read(), 120)
    await load.rest(60)
    closed = sum((t.closed for t in load.transcripts), Counter[int]())
    return Storm(
        count=await judge(stack, ledger.read(), load.transcripts),
        readers=len(load.transcripts),
        kills=kills,
        connections=sum(t.connections for t in load.transcripts),
        closed=closed,
        back_s=back_s,
    )


async def _until_connected(load: Load, connections: int, within_s: float = 60.0) -> float:
    """Wait until so many connections were made over all; how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        if sum(t.connections for t in load.transcripts) >= connections:
            break
        await asyncio.sleep(0.1)
    return round(time.monotonic() - began, 1)
