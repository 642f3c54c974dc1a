"""`/chat` and `/chat-stream` without a model, 1, 10 and 50 users at once: `python tests/bench/chatting.py`.

Every question is grounded in one finished simulation, logged in PostgreSQL and answered by the worker over NATS.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from rig import Stack, finished, running_stack, submit

QUESTIONS = (
    "What is the bottleneck?",
    "What does a task cost?",
    "Which failures hurt most?",
    "Why this pattern?",
    "What should I change?",
)
PER_USER = {1: 60, 10: 20, 50: 6}


async def main() -> None:
    with running_stack() as stack:
        async with stack.client(60) as client:
            simulation_id = (await submit(client))["simulation_id"]
            await finished(client, simulation_id, 90)
        for users, each in PER_USER.items():
            await measure(stack, simulation_id, users, each, "/chat")
        for users, each in PER_USER.items():
            await measure(stack, simulation_id, users, each, "/chat-stream")


async def measure(stack: Stack, simulation_id: str, users: int, each: int, path: str) -> None:
    limits = httpx2.Limits(max_connections=users)
    async with httpx2.AsyncClient(
        base_url=stack.base_url, timeout=30, trust_env=False, limits=limits
    ) as client:
        began = time.perf_counter()
        rows = await asyncio.gather(
            *(one(client, simulation_id, user, each, path) for user in range(users))
        )
    took_s = time.perf_counter() - began
    whole = sorted(pair[1] for row in rows for pair in row)
    first = sorted(pair[0] for row in rows for pair in row)
    print(
        f"{path:<13} {users:>3} users  first byte p50 {statistics.median(first):6.1f} ms  whole p50 "
        f"{statistics.median(whole):6.1f} ms  p95 {whole[int(len(whole) * 0.95)]:6.1f} ms  {len(whole) / took_s:6.0f} answers/s"
    )


async def one(
    client: httpx2.AsyncClient, simulation_id: str, user: int, each: int, path: str
) -> list[tuple[float, float]]:
    """(first byte, whole) in ms of each exchange; anything but a whole answer is an error."""
    took = []
    for n in range(each):
        content = QUESTIONS[(user + n) % len(QUESTIONS)]
        body = {"message": {"content": content, "metadata": {"simulation_id": simulation_id}}}
        began, first_s, text = time.perf_counter(), 0.0, b""
        async with client.stream("POST", path, json=body) as answer:
            assert answer.status_code == 200
            async for chunk in answer.aiter_bytes():
                first_s = first_s or time.perf_counter() - began
                text += chunk
        last = text.split(b"data: ")[-1]
        status = json.loads(last).get("status") or json.loads(last)["response"]["status"]
        assert status == "complete", text[-300:]
        took.append((first_s * 1_000, (time.perf_counter() - began) * 1_000))
    return took


if __name__ == "__main__":
    asyncio.run(main())
