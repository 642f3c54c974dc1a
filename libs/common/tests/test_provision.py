import nats as nats_py
import pytest
from nats.js.api import ConsumerConfig

from common import provision
from common.permissions import inbox
from common.streams import CONSUMERS, STREAMS
from common.testing import RealNats, nats_server

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server():
    with nats_server() as running:
        yield running


async def connect(server: RealNats, user: str):
    return await nats_py.connect(
        server.url, user=user, password=server.passwords[user], inbox_prefix=inbox(user)
    )


async def test_provisioning_twice_declares_every_stream_and_consumer_once(server):
    await provision.provision(server.address("admin"))
    await provision.provision(server.address("admin"))

    client = await connect(server, "admin")
    js = client.jetstream()
    assert sorted([s.config.name for s in await js.streams_info()]) == sorted(
        s.name for s in STREAMS
    )
    assert sorted([c.name for c in await js.consumers_info("SIMULATIONS")]) == sorted(
        c.durable for c in CONSUMERS if c.stream == "SIMULATIONS"
    )
    assert sorted([c.name for c in await js.consumers_info("CONVERSATIONS")]) == sorted(
        c.durable for c in CONSUMERS if c.stream == "CONVERSATIONS"
    )
    await client.close()


async def test_a_consumer_that_drifted_is_put_right(server):
    await provision.provision(server.address("admin"))
    client = await connect(server, "admin")
    js = client.jetstream()
    config = provision.consumer_config(next(c for c in CONSUMERS if c.durable == "planner"))
    config.max_deliver = 2
    await js.add_consumer("SIMULATIONS", config)

    await provision.provision(server.address("admin"))

    assert (await js.consumer_info("SIMULATIONS", "planner")).config.max_deliver == 6
    await client.close()


async def test_the_gateway_can_bring_back_a_bus_that_was_wiped_and_cannot_delete_one(server):
    client = await connect(server, "gateway")
    await provision.declare(client.jetstream())

    with pytest.raises(TimeoutError):
        await client.jetstream(timeout=0.5).delete_stream("SIMULATIONS")
    assert "$JS.API.STREAM.DELETE.SIMULATIONS" in server.log
    await client.close()


@pytest.mark.parametrize("user", ["planner", "narrator", "conversation"])
async def test_a_worker_may_not_say_what_another_says_nor_read_its_replies(server, user):
    await provision.provision(server.address("admin"))
    violations: list[str] = []

    async def on_error(error: Exception) -> None:
        violations.append(str(error))

    client = await nats_py.connect(
        server.url,
        user=user,
        password=server.passwords[user],
        inbox_prefix=inbox(user),
        error_cb=on_error,
    )
    await client.publish("sim.v1.simulation.requested.x", b"{}")
    await client.publish("sim.v1.run.completed.x", b"{}")
    await client.subscribe(f"{inbox('gateway')}.>")
    await client.subscribe("sim.v1.>")
    with pytest.raises(TimeoutError):
        await client.jetstream(timeout=0.3).add_consumer(
            "SIMULATIONS", ConsumerConfig(durable_name="spy")
        )
    await client.flush()

    text = " ".join(violations).lower()
    for subject in (
        "sim.v1.simulation.requested.x",
        "sim.v1.run.completed.x",
        f"{inbox('gateway')}.>",
        '"sim.v1.>"',
        "consumer",
    ):
        assert subject.lower() in text
    await client.close()


async def test_nobody_connects_without_a_password(server):
    with pytest.raises(nats_py.errors.Error):
        await nats_py.connect(
            server.url, allow_reconnect=False, max_reconnect_attempts=0, error_cb=_ignore
        )


async def _ignore(error: Exception) -> None:
    return None
