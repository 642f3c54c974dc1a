"""The short profile: one fault after the other while work comes in; nothing lost, nothing doubled, everything ends.

The long one is `./simulator chaos`. What each fault does stands in `chaos.faults`, what is counted in `chaos.judge`.
"""

import asyncio
import os

import pytest

from chaos.campaign import campaign, table
from chaos.faults import SHORT
from chaos.proxy import Line, Proxy, open_nats
from chaos.storm import storm
from rig import REFUND, finished, running_stack, submit
from simulator_cli.stack import control

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SEED = int(os.environ.get("SIMULATOR_CHAOS_SEED", "1"))


@pytest.fixture(scope="module")
def stack():
    with running_stack() as running:
        yield running


async def test_no_fault_loses_or_doubles_anything_and_all_ends_well(stack):
    result = await campaign(stack, SHORT, seed=SEED, rate_per_s=1.0)
    print("\n" + table(result))

    dirty = [row for row in result.rows if not row.count.is_clean]
    assert dirty == []
    assert result.given_up == 0
    assert result.answers.bare_503 == 0
    assert all(row.recovered_s is not None for row in result.rows)


async def test_a_hundred_sockets_miss_nothing_when_the_gateway_is_killed(stack):
    result = await storm(stack, readers=100, kills=1, every_s=6, name="storm")
    print(f"\n{result}")

    assert result.count.is_clean
    assert result.connections >= 190


async def test_three_planners_share_the_work(stack):
    await asyncio.to_thread(control.scale, stack.data_dir, "planner", 3)
    async with stack.client() as client, asyncio.timeout(60):
        while len(await handled_by(client, "planner")) < 3:
            await asyncio.sleep(0.2)
        answers = await asyncio.gather(
            *(submit(client, f"{REFUND} Case {n}.", options={"tasks": 20}) for n in range(18))
        )
        for answer in answers:
            await finished(client, answer["simulation_id"])
        await asyncio.sleep(2.5)  # one heartbeat

        handled = await handled_by(client, "planner")
    assert min(handled.values()) > 0, handled


async def handled_by(client, worker):
    workers = (await client.get("/api/status")).json()["workers"]
    return {w["instance"]: w["handled"] for w in workers if w["worker"] == worker and w["alive"]}


@pytest.fixture(scope="module")
async def line():
    """A stack whose bus is behind our proxy."""
    with open_nats() as port:
        proxy = Proxy(port)
        await proxy.start()
        stacks = running_stack({"SIMULATOR_NATS_URL": f"nats://127.0.0.1:{proxy.port}"})
        stack = await asyncio.to_thread(stacks.__enter__)
        try:
            yield stack, proxy
        finally:
            await asyncio.to_thread(stacks.__exit__, None, None, None)
            await proxy.stop()


async def test_a_bus_that_swallows_everything_or_crawls_costs_only_time(line):
    stack, proxy = line

    def broken(state, seconds):
        async def fault(_stack, _chance):
            proxy.line = state
            await asyncio.sleep(seconds)
            proxy.line = Line.PASS

        return fault

    faults = {
        "bus blackholed 16 s": broken(Line.BLACKHOLE, 16),
        "bus at 20 kB/s": broken(Line.THROTTLE, 3),
    }
    result = await campaign(stack, faults, seed=SEED, rate_per_s=1.0)
    print("\n" + table(result))

    assert result.is_clean
    assert all(row.recovered_s is not None for row in result.rows)
