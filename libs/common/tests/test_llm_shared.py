"""State over the real bus: workers see each other's circuits, answers and money, and may do no more than that."""

import asyncio
import time
from decimal import Decimal

import nats as nats_py
import pytest
from nats.errors import Error as NatsError

from common import provision
from common.llm import ledger
from common.llm.buckets import stores_on
from common.llm.connect import models_for, port_on
from common.llm.errors import BudgetSpent
from common.llm.ledger import Account
from common.llm.port import Ask, Message
from common.llm.settings import ModelSettings
from common.llm.shared import SharedUnavailable, change
from common.llm.testing import delta, fails, says, scripted, streams
from common.permissions import inbox
from common.settings import WorkerSettings
from common.testing import nats_server
from common.worker import connect

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server():
    with nats_server() as running:
        yield running


async def client_of(server, user: str):
    return await nats_py.connect(
        server.url, user=user, password=server.passwords[user], inbox_prefix=inbox(user)
    )


@pytest.fixture
async def two_workers(server):
    await provision.provision(server.address("admin"))
    clients = [await client_of(server, user) for user in ("planner", "narrator")]
    yield [stores_on(client.jetstream().key_value) for client in clients]
    for client in clients:
        await client.close()


def ask(text: str = "hello", **more) -> Ask:
    return Ask(agent="tester", messages=(Message("user", text),), deadline_s=5.0, **more)


def cloud(url: str) -> dict:
    return {
        "base_url": f"{url}/api/v1",
        "api_key": "sk-or-secret-secret",
        "model": "cloud/m",
        "price_input_usd": "1",
        "price_output_usd": "10",
    }


def settings(**given) -> ModelSettings:
    return ModelSettings(profile="test", order=("compatible", "openrouter"), **given)


async def test_one_workers_answer_is_the_others(two_workers):
    async with scripted(says("once")) as one:
        given = settings(compatible={"base_url": f"{one.url}/v1", "model": "m"})
        ports = [port_on(stores, given) for stores in two_workers]

        answers = [await port.complete(ask("shared answer")) for port in ports]

        assert [(a.text, a.is_reused) for a in answers] == [("once", False), ("once", True)]
        assert len(one.calls) == 1


async def test_one_workers_failures_spare_the_other_the_attempt(two_workers):
    async with scripted(fails(401)) as one, scripted(says("cloud")) as two:
        given = settings(
            compatible={"base_url": f"{one.url}/v1", "model": "barred"}, openrouter=cloud(two.url)
        )
        for stores in two_workers:
            await port_on(stores, given).complete(ask("shared circuit", job=str(id(stores))))

        assert len(one.calls) == 1


async def test_a_budget_is_one_for_all_workers(two_workers):
    async with scripted(streams(0.3, delta("a", "stop"))) as two:
        given = settings(
            openrouter=cloud(two.url), budget_simulation_usd="0.012", reuse_answers=False
        )
        ports = [port_on(stores, given) for stores in two_workers]

        results = await asyncio.gather(
            *(
                ports[n % 2].complete(ask(str(n), max_tokens=500, simulation_id="shared"))
                for n in range(6)
            ),
            return_exceptions=True,
        )

        assert len(two.calls) == 2
        assert sum(isinstance(r, BudgetSpent) for r in results) == 4


async def test_many_writers_lose_no_count(two_workers):
    async def add(stores, n: int) -> None:
        call = ledger.Call(
            at=0.0, agent="a", task="chat", provider="p", model="m", cost_usd=Decimal("0.01")
        )
        await change(
            stores.ledger, "simulation.many", Account, lambda a: (a.add(call, keep=True), None)
        )

    await asyncio.gather(*(add(two_workers[n % 2], n) for n in range(24)))

    account = await ledger.read_simulation(two_workers[0].ledger, "many")
    assert (account.total.calls, account.total.cost_usd) == (24, Decimal("0.24"))


async def test_the_gateway_reads_the_ledger_and_may_not_write_it(server, two_workers):
    await change(
        two_workers[0].ledger,
        ledger.day_key(time.time()),
        Account,
        lambda a: (
            a.add(ledger.Call(at=0, agent="a", task="t", provider="p", model="m"), keep=False),
            None,
        ),
    )
    gateway = await client_of(server, "gateway")
    stores = stores_on(gateway.jetstream(timeout=0.5).key_value)

    assert (await ledger.read_day(stores.ledger, time.time())).total.calls >= 1
    with pytest.raises(SharedUnavailable):
        await stores.ledger.put("day.2000-01-01", b"{}")
    await gateway.close()


async def test_a_worker_may_not_purge_or_delete_what_all_share(server, two_workers):
    worker = await client_of(server, "planner")
    js = worker.jetstream(timeout=0.3)
    for act in (js.purge_stream, js.delete_stream):
        with pytest.raises((TimeoutError, NatsError)):
            await act("KV_MODEL_LEDGER")
    assert '"$JS.API.STREAM.PURGE.KV_MODEL_LEDGER"' in server.log
    await worker.close()


async def test_a_workers_own_connection_carries_it_and_a_lost_bus_only_costs_the_sharing(server):
    await provision.provision(server.address("admin"))
    bus = connect(
        "mapper",
        WorkerSettings(
            nats_url=server.url,
            nats_user="mapper",
            nats_password=server.passwords["mapper"],
            instance="t1",
        ),
    )
    async with scripted(says("a")) as one, bus.broker:
        await bus.broker.start()
        port = models_for(bus, settings(compatible={"base_url": f"{one.url}/v1", "model": "m"}))
        assert not (await port.complete(ask("own connection"))).is_reused
        assert (await port.complete(ask("own connection"))).is_reused

        server.kill()
        assert (await port.complete(ask("while away"))).text == "a"
        server.start()
        async with asyncio.timeout(5):
            while not await bus.broker.ping(timeout=0.5):  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.05)


def test_without_a_provider_there_is_no_port(server):
    bus = connect("mapper", WorkerSettings(nats_url=server.url, instance="t2"))

    assert models_for(bus, ModelSettings(order=())) is None
