"""Real NATS and real PostgreSQL for the gateway's tests: one server of each, an empty record per test."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from sqlalchemy import text

from common.provision import provision
from common.testing import RealNats, RealPostgres, nats_server, postgres_server
from gateway.app import make_app
from gateway.database import Database
from gateway.migrations import upgrade
from gateway.models import metadata
from gateway.process import Gateway
from gateway.settings import GatewaySettings
from gateway.testing import (
    Recorder,
    ScriptedWorkers,
    SocketServer,
    running_conversation_worker,
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[RealPostgres]:
    with postgres_server() as server:
        upgrade(server.url)
        yield server


@pytest.fixture(scope="session")
def nats() -> Iterator[RealNats]:
    with nats_server() as server:
        asyncio.run(provision(server.address("admin")))
        yield server


@pytest.fixture
def settings(postgres: RealPostgres, nats: RealNats) -> GatewaySettings:
    address = nats.address("gateway")
    return GatewaySettings.model_validate(
        {
            "database_url": postgres.url,
            "nats_url": address.url,
            "nats_user": address.user,
            "nats_password": address.password,
            "pool_size": 6,
            "socket_wait_s": 30,
        }
    )


@pytest.fixture
async def database(settings: GatewaySettings) -> AsyncIterator[Database]:
    """An empty record."""
    made = Database(settings)
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    async with made.transaction() as connection:
        await connection.execute(text(f"TRUNCATE {tables} CASCADE"))
    yield made
    await made.close()


@pytest.fixture
def recorder(database: Database) -> Recorder:
    return Recorder(database)


@pytest.fixture
async def workers(nats: RealNats) -> AsyncIterator[ScriptedWorkers]:
    playing = ScriptedWorkers(nats)
    await playing.start()
    yield playing
    await playing.stop()


@pytest.fixture
async def gateway(settings: GatewaySettings, database: Database) -> AsyncIterator[Gateway]:
    """The whole gateway, running, on an empty record."""
    running = Gateway(settings)
    await running.start()
    await asyncio.wait_for(running.bus.ready(), 5)
    yield running
    await running.stop()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    """HTTP without a socket; the gateway's life is the fixture's, not the application's."""
    transport = httpx2.ASGITransport(make_app(gateway), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


@pytest.fixture
async def server(gateway: Gateway) -> AsyncIterator[SocketServer]:
    """The gateway behind a real socket, as in production."""
    async with SocketServer(gateway) as running:
        yield running


@pytest.fixture
async def conversation_worker(nats: RealNats, gateway: Gateway) -> AsyncIterator[None]:
    """The real conversation worker, in this process; the gateway is there first."""
    async with running_conversation_worker(nats):
        yield
