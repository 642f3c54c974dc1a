"""`kill -9` of each part while twenty simulations run: all of them end well, none lost, none doubled."""

import asyncio
import random
import shutil
import signal

import pytest

from common.streams import WORKER_EARS
from rig import REFUND, finished, running_stack, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SIMULATIONS = 20


@pytest.fixture(scope="module")
def stack():
    with running_stack() as running:
        yield running


async def begin(stack, prefix):
    """Accept twenty simulations, each with a key, and remember each id that was promised."""
    async with stack.client() as client:
        answers = await asyncio.gather(
            *(
                submit(client, f"{REFUND} Case {n}.", key=f"{prefix}-{n}", options={"tasks": 100})
                for n in range(SIMULATIONS)
            )
        )
    return [answer["simulation_id"] for answer in answers]


async def judge(stack, promised, within_s=120.0):
    """Every promised id has one record, one gapless story, one end."""
    async with stack.client() as client:
        records = await asyncio.gather(*(finished(client, i, within_s) for i in promised))
    assert len(set(promised)) == SIMULATIONS
    assert [record["status"] for record in records] == ["completed"] * SIMULATIONS
    rows = await stack.query(
        """
        select simulation_id, count(*) as events, max(seq) as head, count(distinct event_id) as ids,
               count(*) filter (where event_type = 'simulation_completed') as ends,
               count(*) filter (where event_type = 'tools_mapped') as networks,
               count(*) filter (where event_type = 'narrative') as stories
        from events where simulation_id = any($1) group by 1
        """,
        promised,
    )
    assert len(rows) == SIMULATIONS
    for row in rows:
        assert row["events"] == row["head"] == row["ids"], dict(row)
        assert (row["ends"], row["networks"]) == (1, 1), dict(row)


@pytest.mark.parametrize("worker", WORKER_EARS)
async def test_a_worker_killed_again_and_again_costs_nothing(stack, worker):
    chance = random.Random(worker)
    promised = await begin(stack, f"kill-{worker}")
    for _ in range(4):
        stack.kill(f"{worker}-1")
        await asyncio.sleep(0.2 + chance.random() * 0.5)

    await judge(stack, promised)


@pytest.mark.parametrize("server", ["nats", "postgres", "gateway"])
async def test_a_server_killed_twice_costs_nothing(stack, server):
    chance = random.Random(server)
    accepting = asyncio.create_task(begin(stack, f"kill-{server}"))
    await asyncio.sleep(0.1 + chance.random() * 0.3)
    stack.kill(server)
    promised = await accepting
    await asyncio.sleep(0.5 + chance.random())
    stack.kill(server)

    await judge(stack, promised)


async def test_the_whole_bus_store_may_be_lost_while_work_is_on_it(stack):
    promised = await begin(stack, "wiped")
    stack.kill("nats", signal.SIGSTOP)
    shutil.rmtree(stack.layout.nats / "jetstream")
    stack.kill("nats")

    await judge(stack, promised)


async def test_a_killed_supervisor_takes_all_with_it_and_the_next_one_finishes_the_work(stack):
    promised = await begin(stack, "kill-all")
    await asyncio.to_thread(stack.restart)

    await judge(stack, promised)


async def test_three_planners_share_the_work(stack):
    from simulator_cli.stack import control

    await asyncio.to_thread(control.scale, stack.data_dir, "planner", 3)
    async with stack.client() as client:
        async with asyncio.timeout(20):
            while True:
                workers = (await client.get("/api/status")).json()["workers"]
                if sum(w["worker"] == "planner" for w in workers) == 3:
                    break
                await asyncio.sleep(0.2)
        promised = await begin(stack, "shared")
        await judge(stack, promised)
        await asyncio.sleep(2.5)  # one heartbeat
        workers = (await client.get("/api/status")).json()["workers"]

    handled = {w["instance"]: w["handled"] for w in workers if w["worker"] == "planner"}
    assert len(handled) == 3
    assert min(handled.values()) > 0, handled
    await asyncio.to_thread(control.scale, stack.data_dir, "planner", 1)
