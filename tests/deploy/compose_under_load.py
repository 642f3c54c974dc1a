"""Kill one of three planners while simulations run through compose, and count what was lost.

    python tests/deploy/compose_under_load.py [SIMULATIONS] [PROJECT]     (a compose project that is up)

Prints one line; exits with 1 unless every simulation has completed.
"""

import asyncio
import subprocess
import sys
import time
from collections import Counter

import httpx2

BASE_URL = "http://127.0.0.1:8000"
TEXT = "A parcel carrier answers where a parcel is, rebooks failed deliveries and pays small claims. Case {}."


def compose(project: str, *arguments: str) -> str:
    command = ("docker", "compose", "-p", project, *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def main(count: int, project: str) -> int:
    began = time.monotonic()
    compose(
        project,
        "up",
        "-d",
        "--no-deps",
        "--no-recreate",
        "--wait",
        "--scale",
        "planner=3",
        "planner",
    )
    planners = compose(project, "ps", "-q", "planner").split()
    async with httpx2.AsyncClient(base_url=BASE_URL, timeout=30, trust_env=False) as client:
        ids = [await submit(client, n) for n in range(count // 2)]
        await asyncio.to_thread(kill, planners[0])
        ids += [await submit(client, n) for n in range(count // 2, count)]
        states = Counter([await ended(client, one) for one in ids])
        workers = (await client.get("/api/status")).json()["workers"]
    alive = sum(one["worker"] == "planner" and one["alive"] for one in workers)
    print(
        f"{len(planners)} planners, 1 killed, {alive} alive at the end; {count} simulations: {dict(states)}; "
        f"{time.monotonic() - began:.1f} s"
    )
    return 0 if states == {"completed": count} else 1


def kill(container: str) -> None:
    subprocess.run(("docker", "kill", container), check=True, capture_output=True)


async def submit(client: httpx2.AsyncClient, n: int) -> str:
    body = {"scenario": TEXT.format(n), "options": {"tasks": 20}}
    answer = await client.post("/simulate", params={"wait": "none"}, json=body)
    answer.raise_for_status()
    return str(answer.json()["simulation_id"])


async def ended(client: httpx2.AsyncClient, simulation_id: str) -> str:
    for _ in range(600):
        status = str((await client.get(f"/simulations/{simulation_id}")).json()["status"])
        if status in {"completed", "failed", "cancelled"}:
            return status
        await asyncio.sleep(0.1)
    return "not ended"


if __name__ == "__main__":
    sys.exit(
        asyncio.run(
            main(
                int(sys.argv[1]) if len(sys.argv) > 1 else 40,
                sys.argv[2] if len(sys.argv) > 2 else "simulator",
            )
        )
    )
