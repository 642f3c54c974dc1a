"""Migrations: up, down, up; and the tables they make are those the code knows."""

import asyncio
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from common.testing import postgres_server
from gateway import conversation_models
from gateway.migrations import downgrade, upgrade

pytestmark = [
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore:Did not recognize type 'vector'"),
]

OWN_TO_POSTGRES = {"search", "embedding", "conversations_alike", "messages_search"}
"""Generated and vector columns, and their indexes: the tables in Python do without them."""


async def differences(url: str) -> list[object]:
    """What autogenerate would still change."""

    def compare(connection: Connection) -> list[object]:
        options = {"include_object": lambda _, name, *__: name not in OWN_TO_POSTGRES}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, conversation_models.conversations.metadata))

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(compare)
    await engine.dispose()
    return found


def test_migrations_go_up_down_and_up_again_and_match_the_tables() -> None:
    with postgres_server() as server:
        upgrade(server.url)
        downgrade(server.url)
        upgrade(server.url)

        assert asyncio.run(differences(server.url)) == []


async def test_gateways_that_start_at_once_migrate_one_after_the_other() -> None:
    program = "import sys; from gateway.migrations import upgrade; upgrade(sys.argv[1])"
    with postgres_server() as server:
        starting = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", program, server.url)
            for _ in range(3)
        ]

        assert [await process.wait() for process in starting] == [0, 0, 0]
        assert await differences(server.url) == []
