"""Nonsense on every subject of the bus: workers live, it ends in the DLQ, neighbours do not notice, nothing is stored.

`SIMULATOR_FUZZ_MESSAGES` sets how many (default 1,200; the long profile is 10,000).
"""

import asyncio
import os
import random
import time

import nats
import pytest
from nats.js.errors import APIError

from common.permissions import inbox
from common.streams import CONSUMERS, PROJECTED, WORKER_EARS
from fuzz.bus_faults import RARE_KINDS, Recorded, hostile
from rig import TERMINAL, finished, running_stack, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

MESSAGES = int(os.environ.get("SIMULATOR_FUZZ_MESSAGES", "1200"))
SEED = int(os.environ.get("SIMULATOR_FUZZ_SEED", "7"))
NEIGHBOURS = 5
DRAIN_S = 90.0


@pytest.fixture(scope="module")
def stack():
    with running_stack() as running:
        yield running


async def connected(stack, user):
    memory = stack.layout.memory()
    return await nats.connect(
        f"nats://127.0.0.1:{memory.nats_port}",
        user=user,
        password=memory.nats_passwords[user],
        inbox_prefix=inbox(user),
    )


async def recorded_messages(admin, subjects):
    """One real message per subject, as the stream keeps it."""
    js = admin.jetstream()
    found = []
    for subject in subjects:
        stream = "CONVERSATIONS" if subject.startswith("conv.") else "SIMULATIONS"
        try:
            message = await js.get_msg(stream, subject=f"{subject}.*", seq=1, next=True)
        except APIError:
            continue
        found.append(Recorded(message.subject, message.data or b"", message.headers or {}))
    return found


async def settled(stack, admin):
    """Wait until every consumer has nothing left; gives what is left."""
    js = admin.jetstream()
    end = time.monotonic() + DRAIN_S
    while True:
        infos = [await js.consumer_info(c.stream, c.durable) for c in CONSUMERS]
        left = {
            i.name: (i.num_pending, i.num_ack_pending)
            for i in infos
            if i.num_pending or i.num_ack_pending
        }
        if not left or time.monotonic() > end:
            return left
        await asyncio.sleep(0.5)


def processes(stack):
    return {s.instance: (s.pid, s.restarts) for s in stack.layout.report().services}


async def converse(client):
    answer = await client.post(
        "/api/conversations",
        json={"topic": "Which refund limit?", "agents": ["analyst", "critic"], "max_turns": 2},
    )
    return answer.status_code


async def test_nonsense_on_every_subject_is_buried_and_harms_nobody(stack):
    chance = random.Random(SEED)
    async with stack.client() as client:
        first = (await submit(client, options={"tasks": 10}))["simulation_id"]
        before = await finished(client, first)
        admin, gateway = await connected(stack, "admin"), await connected(stack, "gateway")
        heard = {shape.subject for shapes in WORKER_EARS.values() for shape in shapes}
        subjects = sorted(
            heard
            | {shape.subject for shape in PROJECTED}
            | {"conv.v1.turn.due", "conv.v1.turn.taken"}
        )
        real = await recorded_messages(admin, subjects)
        assert len(real) >= 8, [message.subject for message in real]
        alive = processes(stack)
        rows = await stack.query("select count(*) as n from simulations")

        js = gateway.jetstream()
        kinds: dict[str, int] = {}
        for n in range(MESSAGES):
            bad = hostile(chance.choice(real), f"fuzz-{n}", chance)
            kinds[bad.kind] = kinds.get(bad.kind, 0) + 1
            await js.publish(bad.subject, bad.body, headers=bad.headers)
        for message in real:
            body, headers = RARE_KINDS["largest"](message, "", chance)
            await js.publish(f"{message.template}.fuzz-largest", body, headers=headers)
        neighbours = [
            (await submit(client, options={"tasks": 10}, key=f"neighbour-{n}"))["simulation_id"]
            for n in range(NEIGHBOURS)
        ]
        ends = [(await finished(client, one, DRAIN_S))["status"] for one in neighbours]
        left = await settled(stack, admin)
        dlq = (await admin.jetstream().stream_info("DLQ")).state.messages
        stranded = (await admin.jetstream().stream_info("ADVISORIES")).state.messages
        after = await finished(client, first)
        await admin.close()
        await gateway.close()
    print(f"\n{MESSAGES} hostile messages, seed {SEED}: {kinds}; {dlq} in the DLQ")

    assert ends == ["completed"] * NEIGHBOURS
    assert left == {}
    assert stranded == 0
    assert dlq > MESSAGES * 0.4
    assert processes(stack) == alive
    assert after == before
    now = await stack.query("select count(*) as n from simulations where id not like 'fuzz%'")
    assert now[0]["n"] == rows[0]["n"] + NEIGHBOURS
    invented = await stack.query("select count(*) as n from simulations where id like 'fuzz%'")
    assert invented[0]["n"] == 0
    assert before["status"] in TERMINAL
