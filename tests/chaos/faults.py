"""What can be done to a running stack. Each is a coroutine that breaks something, and returns once it is mended."""

import asyncio
import random
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from common.streams import WORKERS
from rig import Stack

type Fault = Callable[[Stack, random.Random], Awaitable[None]]


async def workers_killed(stack: Stack, chance: random.Random) -> None:
    """`kill -9` of every worker, in random order, about one per second."""
    for worker in chance.sample(WORKERS, len(WORKERS)):
        stack.kill(f"{worker}-1")
        await asyncio.sleep(0.5 + chance.random())


async def gateway_killed(stack: Stack, chance: random.Random) -> None:
    for _ in range(2):
        stack.kill("gateway")
        await asyncio.sleep(2 + chance.random())


async def gateway_restarted(stack: Stack, chance: random.Random) -> None:
    """SIGTERM: readers are told to come back (4012), requests in flight are finished."""
    stack.kill("gateway", signal.SIGTERM)
    await asyncio.sleep(3 + chance.random())


async def nats_killed(stack: Stack, chance: random.Random) -> None:
    for _ in range(2):
        stack.kill("nats")
        await asyncio.sleep(1.5 + chance.random())


async def postgres_killed(stack: Stack, chance: random.Random) -> None:
    for _ in range(2):
        stack.kill("postgres", signal.SIGQUIT)  # immediate: no checkpoint
        await asyncio.sleep(2 + chance.random())


async def store_wiped(stack: Stack, chance: random.Random) -> None:
    """The whole JetStream store is gone, with what is queued in it."""
    stack.kill("nats", signal.SIGSTOP)
    shutil.rmtree(stack.layout.nats / "jetstream", ignore_errors=True)
    stack.kill("nats")
    await asyncio.sleep(1 + chance.random())


async def supervisor_killed(stack: Stack, _: random.Random) -> None:
    """Everything dies at once, and is started again."""
    await asyncio.to_thread(stack.restart)


def frozen(instance: str, seconds: float) -> Fault:
    """SIGSTOP for so long: connections stay open, nobody answers."""

    async def fault(stack: Stack, _: random.Random) -> None:
        processes = _family(stack.pid(instance))
        for process in processes:
            with suppress(psutil.Error):
                process.suspend()
        await asyncio.sleep(seconds)
        for process in processes:
            with suppress(psutil.Error):
                process.resume()

    return fault


def _family(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return []
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


SHORT: dict[str, Fault] = {
    "every worker killed": workers_killed,
    "gateway killed twice": gateway_killed,
    "NATS killed twice": nats_killed,
    "PostgreSQL killed twice": postgres_killed,
    "bus store wiped": store_wiped,
    "planner frozen 20 s": frozen("planner-1", 20),
    "NATS frozen 10 s": frozen("nats", 10),
    "PostgreSQL frozen 8 s": frozen("postgres", 8),
    "supervisor killed": supervisor_killed,
}
LONG: dict[str, Fault] = SHORT | {
    "gateway restarted": gateway_restarted,
    "conversation worker frozen 20 s": frozen("conversation-1", 20),
    "PostgreSQL frozen 60 s": frozen("postgres", 60),
    "NATS frozen 180 s": frozen("nats", 180),
}
