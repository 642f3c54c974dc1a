"""The one door to PostgreSQL: engine, transactions, and what "away" means. No SQL of the domain lives here."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from common.errors import SimulatorError, TransientError
from gateway.settings import GatewaySettings
from gateway.tenancy import PUBLIC, acting_tenant

CONNECT_TIMEOUT_S = 3.0
IDLE_IN_TRANSACTION_S = 10.0
TENANT_ROLE = "simulator_tenant"
"""Made by the migrations: no login, no table of its own, row-level security applies to it."""
GUARDED = (
    "scenarios",
    "simulations",
    "revisions",
    "events",
    "conversations",
    "conversation_messages",
    "conversation_questions",
    "conversation_events",
    "persona_versions",
    "interaction_logs",
    "idempotency",
)
"""Every table that holds records of tenants."""
_WALLS = text(
    """
    SELECT
      (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS is_above,
      ARRAY(SELECT relname::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname = current_schema() AND relname = ANY(:guarded) AND NOT relrowsecurity) AS bare,
      ARRAY(SELECT name FROM pg_settings
            WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off') AS unsafe
    """
)
_TOLD = "tenant"
_TELL = "SELECT set_config('app.tenant', $1, false)"

_AWAY_CLASSES = ("08", "53", "57P")
"""SQLSTATE classes: connection exceptions, insufficient resources, operator intervention (shutdown, starting up)."""


class UnsafeDatabase(SimulatorError):
    """The server is set up in a way that breaks a promise; the start stops here."""

    code = "unsafe_database"


class DatabaseAway(TransientError):
    """PostgreSQL cannot be reached, is starting, or took too long; the same call may succeed later."""

    code = "database_unavailable"


class Database:
    """Short transactions on a pool. Every transaction commits when its block ends and rolls back on any error."""

    role: str | None = None
    """Whose rights its connections take on; null: those of the user in the URL."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.engine = make_engine(settings, self.role)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is a transaction of its own: for reads, and for single writes.

        Raises:
            DatabaseAway: as in `transaction`.
        """
        async with _translated(), self._autocommit.connect() as connection:
            await self._introduce(connection)
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection inside a transaction, committed at the end of the block.

        Raises:
            DatabaseAway: the server is away or overloaded; nothing is known to be committed.
        """
        async with _translated(), self.engine.connect() as connection:
            await self._introduce(connection)
            async with connection.begin():
                yield connection

    async def ping(self) -> None:
        """Raises DatabaseAway unless a statement can run."""
        async with self.transaction() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()

    async def _introduce(self, connection: AsyncConnection) -> None:
        """Say for whom `connection` is used; the gateway's own need not."""


class TenantDatabase(Database):
    """The door for requests: its connections see and change what is the acting tenant's, by row-level security."""

    role: str | None = TENANT_ROLE

    async def check_walls(self) -> None:
        """Raises UnsafeDatabase: row-level security would not hold, or commits could be lost."""
        async with self.statements() as connection:
            row = (await connection.execute(_WALLS, {"guarded": list(GUARDED)})).one()
        if row.is_above:
            raise UnsafeDatabase(f"the role {self.role} is above row-level security")
        if row.bare:
            raise UnsafeDatabase(f"no row-level security on {', '.join(row.bare)}")
        if row.unsafe:
            raise UnsafeDatabase(f"commits could be lost: {', '.join(row.unsafe)} is off")

    async def _introduce(self, connection: AsyncConnection) -> None:
        tenant = acting_tenant()
        known = connection.info.get(_TOLD, PUBLIC)
        if known == tenant:
            return
        # Forgotten first: if the next line fails half-way, nobody may rely on what it was.
        connection.info[_TOLD] = None
        # Before the transaction, not in it: a rollback would take it back unseen.
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None, "it was just taken from the pool"
        await raw.driver_connection.execute(_TELL, tenant)
        connection.info[_TOLD] = tenant


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Any sign of an absent or overloaded server becomes DatabaseAway; everything else stays what it is."""
    try:
        yield
    except (OSError, PoolTimeoutError, TimeoutError, asyncpg.InterfaceError) as error:
        raise DatabaseAway("the database cannot be reached") from error
    except DBAPIError as error:
        if is_away(error):
            raise DatabaseAway("the database cannot be reached") from error
        raise


def make_engine(settings: GatewaySettings, role: str | None = None) -> AsyncEngine:
    """An engine whose statements, locks and idle transactions are all bounded in time."""
    server_settings = {
        "application_name": "simulator-gateway",
        "statement_timeout": _ms(settings.statement_timeout_s),
        "lock_timeout": _ms(settings.lock_timeout_s),
        "idle_in_transaction_session_timeout": _ms(IDLE_IN_TRANSACTION_S),
        "jit": "off",
        **({"role": role, "app.tenant": PUBLIC} if role else {}),
    }
    return create_async_engine(
        settings.dsn,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.pool_wait_s,
        # No ping before each use, which costs a round trip: the first statement that finds the server gone
        # answers 503 or is tried again, and empties the pool.
        pool_recycle=1_800,
        json_serializer=to_json,
        json_deserializer=orjson.loads,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": settings.statement_timeout_s + 1,
            "server_settings": server_settings,
        },
    )


def to_json(value: object) -> str:
    """Compact JSON text that a jsonb column takes: PostgreSQL refuses the NUL character a model may have written."""
    text_ = _compact(value)
    if "\\u0000" in text_:
        text_ = _compact(without_nul(json.loads(text_)))
    return text_


def _compact(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # A whole number of more than 64 bits, which JSON and PostgreSQL know and orjson does not.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def without_nul(value: object) -> object:
    """The same JSON value with NUL characters replaced by U+FFFD."""
    match value:
        case str():
            return value.replace("\x00", "\ufffd")
        case dict():
            return {without_nul(k): without_nul(v) for k, v in value.items()}
        case list():
            return [without_nul(item) for item in value]
        case _:
            return value


def is_away(error: DBAPIError) -> bool:
    """Whether the statement failed because of the server or the line, not because of what it said."""
    if error.connection_invalidated or isinstance(error, InterfaceError | OperationalError):
        return True
    cause = getattr(error.orig, "__cause__", None)
    state = getattr(cause, "sqlstate", None) or ""
    if state.startswith(_AWAY_CLASSES) or state in {"55P03", "57014", "25P03", "40001", "40P01"}:
        return True
    return isinstance(cause, asyncpg.InterfaceError | OSError | TimeoutError)


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))
