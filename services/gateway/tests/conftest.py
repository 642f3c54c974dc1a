"""Real NATS and real PostgreSQL for the gateway's tests: one server of each, an empty database per test."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from common.provision import provision
from common.testing import RealNats, RealPostgres, nats_server, postgres_server
from gateway.database import Database
from gateway.migrations import upgrade
from gateway.models import metadata
from gateway.settings import GatewaySettings


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
        }
    )


@pytest.fixture
async def database(settings: GatewaySettings) -> AsyncIterator[Database]:
    made = Database(settings)
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    async with made.transaction() as connection:
        await connection.execute(text(f"TRUNCATE {tables} CASCADE"))
    yield made
    await made.close()
