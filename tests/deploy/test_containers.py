"""The containers that stand in for the embedded servers: the same promises. Skipped where no Docker engine answers."""

import asyncpg
import nats
import pytest

from common import testing
from common.permissions import inbox
from common.provision import provision
from common.streams import DLQ, STREAMS
from common.testing_containers import engine_answers

pytestmark = [pytest.mark.container, pytest.mark.timeout(180)]


@pytest.fixture(autouse=True)
def containers(monkeypatch):
    if not engine_answers():
        pytest.skip("no Docker engine answers")
    monkeypatch.setenv(testing.SERVERS_VARIABLE, "containers")


async def test_what_a_bus_acknowledged_is_there_after_a_kill():
    with testing.nats_server() as server:
        await provision(server.address("admin"))
        address = server.address("planner")
        client = await nats.connect(
            address.url, user=address.user, password=address.password, inbox_prefix=inbox("planner")
        )
        await client.jetstream().publish("dlq.v1.planner", b"kept")
        await client.close()

        server.kill()
        server.start()

        admin = server.address("admin")
        client = await nats.connect(
            admin.url, user=admin.user, password=admin.password, inbox_prefix=inbox("admin")
        )
        streams = {stream.config.name for stream in await client.jetstream().streams_info()}
        kept = (await client.jetstream().stream_info(DLQ.name)).state.messages
        await client.close()

    assert streams == {stream.name for stream in STREAMS}
    assert kept == 1


async def test_a_wiped_bus_has_forgotten_everything():
    with testing.nats_server() as server:
        await provision(server.address("admin"))
        server.kill()
        server.wipe()
        server.start()
        admin = server.address("admin")
        client = await nats.connect(
            admin.url, user=admin.user, password=admin.password, inbox_prefix=inbox("admin")
        )
        streams = await client.jetstream().streams_info()
        await client.close()

    assert streams == []


async def test_what_a_database_committed_is_there_after_a_kill():
    with testing.postgres_server() as server:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("create table kept (n int); insert into kept values (7)")
        await connection.close()

        server.kill()
        server.start()

        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("select n from kept") == 7
        assert (await connection.fetchval("show server_version_num"))[:2] == "18"
        await connection.close()
