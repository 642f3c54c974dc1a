"""What is one tenant's is nobody else's: every operation of the OpenAPI document, every socket, every table."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import gateway.tenancy
from common.testing import RealNats
from gateway.access.__main__ import create
from gateway.app import make_app
from gateway.database import GUARDED, Database, TenantDatabase, UnsafeDatabase
from gateway.models import metadata
from gateway.process import Gateway
from gateway.repositories.simulations import SimulationRepository
from gateway.settings import GatewaySettings
from gateway.tenancy import acting_for
from gateway.testing import ScriptedWorkers, SocketServer, running_conversation_worker

CANARY = "wolframite"
"""A word that stands in everything the first tenant says, and nowhere else."""

NOT_OF_TENANTS = {"outbox", "marks", "api_keys", "tickets"}

NOSY = {
    "content": "What does it cost, and what was it about?",
    "metadata": {"simulation_id": "acme-1", "session_id": "session-1"},
}
SIMULATE = {"scenario": "Sort the post of an office."}
BODIES: Mapping[tuple[str, str], Any] = {
    ("post", "/simulate"): SIMULATE,
    ("post", "/simulate/{simulation_id}"): SIMULATE,
    ("post", "/simulations/{simulation_id}/edit"): {"command": "undo"},
    ("post", "/simulations/{simulation_id}/review"): {"nodes": [], "edges": []},
    ("post", "/simulations/{simulation_id}/rerun"): {},
    ("post", "/chat"): {"message": NOSY},
    ("post", "/chat-stream"): {"message": NOSY},
    ("post", "/api/conversations"): {"goal_description": "Which desk first?"},
    ("post", "/api/conversations/import"): None,
    ("put", "/api/conversations/{conversation_id}"): {"status": "paused"},
    ("post", "/api/conversations/{conversation_id}/messages"): {"content": "Hello."},
    ("put", "/api/agents/{agent_id}"): {"name": "Another"},
    ("post", "/api/agents/{agent_id}/test"): {"goal_description": "Which desk first?"},
    ("post", "/api/system/reset"): {"scope": "all", "confirm": True},
}
"""A valid body of each operation that takes one. One that is missing here fails the test."""

QUERIES = {("delete", "/api/conversations"): {"before": "2100-01-01T00:00:00Z"}}

NAMES_NOTHING = {"agent_id", "session_id"}
"""Parameters that every tenant may use alike: his own agents and sessions go by the same names."""
CREATES = {("post", "/simulate/{simulation_id}"): 409}
"""An id is taken or free for everybody; that it is taken is all that is said."""


class Tenants:
    """Two tenants of one running gateway; the first has one of everything."""

    def __init__(self, server: SocketServer, gateway: Gateway, keys: Mapping[str, str]) -> None:
        self.server = server
        self.gateway = gateway
        self._keys = keys
        self.ids: dict[str, str] = {}

    def headers(self, tenant: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[tenant]}"}

    def client(self, tenant: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self.server.http, headers=self.headers(tenant), timeout=20
        )

    async def fill(self) -> None:
        """One of everything for the first tenant."""
        async with self.client("acme") as client:
            made = await client.post(
                "/simulate/acme-1?wait=completed&wait_s=20",
                json={"scenario": f"Sort {CANARY} by grade.", "name": CANARY},
            )
            assert made.status_code == 200, made.text
            goal = f"Where to store {CANARY}?"
            talk = await client.post(
                "/api/conversations",
                json={"goal_description": goal, "simulation_id": "acme-1", "id": "talk-1"},
            )
            assert talk.status_code == 201, talk.text
            said = await client.post(
                "/api/conversations/talk-1/messages", json={"content": f"No {CANARY} outdoors."}
            )
            assert said.status_code in {200, 201, 202}, said.text
            message = {"content": f"Is {CANARY} dear?", "metadata": {"session_id": "session-1"}}
            asked = {"message": message}
            assert (await client.post("/chat", json=asked)).status_code == 200
            changed = await client.put("/api/agents/project_manager", json={"name": CANARY})
            assert changed.status_code == 200, changed.text
            messages = (await client.get("/api/conversations/talk-1/messages")).json()
            scenario = (await client.get("/scenarios")).json()[0]["id"]
        self.ids = {
            "simulation_id": "acme-1",
            "scenario_id": scenario,
            "conversation_id": "talk-1",
            "message_id": messages["messages"][0]["id"],
            "agent_id": "project_manager",
            "session_id": "session-1",
            "a": "acme-1",
            "b": "acme-1@1",
        }

    async def holdings(self) -> dict[str, Any]:
        """What the first tenant sees of his own."""
        paths = (
            "/simulations/acme-1/report",
            "/simulations",
            "/scenarios",
            "/api/conversations/talk-1",
            "/api/conversations/talk-1/messages",
            "/api/agents",
            "/chat/sessions/session-1",
        )
        async with self.client("acme") as client:
            return {path: (await client.get(path)).json() for path in paths}


@pytest.fixture
async def tenants(
    settings: GatewaySettings, database: Database, nats: RealNats, workers: ScriptedWorkers
) -> AsyncIterator[Tenants]:
    strict = settings.model_copy(
        update={"auth": "required", "rate_writes": "", "rate_failures": ""}
    )
    scopes = ("read", "write", "stream", "admin", "metrics")
    keys = {
        tenant: (await create(database, tenant, "test", scopes=scopes, days=None))["key"]
        for tenant in ("acme", "other")
    }
    gateway = Gateway(strict)
    await gateway.start()
    await asyncio.wait_for(gateway.bus.ready(), 5)
    async with running_conversation_worker(nats), SocketServer(gateway) as server:
        made = Tenants(server, gateway, keys)
        await made.fill()
        yield made
    await gateway.stop()


@contextlib.contextmanager
def only_second_wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Statements name no tenant any more."""
    with monkeypatch.context() as patched:
        patched.setattr(gateway.tenancy, "acting_tenant", lambda: gateway.tenancy.EVERYONE)
        yield


@asynccontextmanager
async def only_first_wall(database: Database) -> AsyncIterator[None]:
    """PostgreSQL lets every tenant see every row."""

    async def switch(way: str) -> None:
        async with database.transaction() as connection:
            for table in GUARDED:
                await connection.execute(text(f"ALTER TABLE {table} {way} ROW LEVEL SECURITY"))

    await switch("DISABLE")
    try:
        yield
    finally:
        await switch("ENABLE")


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def query_of(operation: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, str]:
    """The first tenant's ids wherever a parameter takes one; his word where words are searched."""
    named = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
    given = {name: ids[name] for name in named if name in ids}
    return given | ({"q": CANARY} if "q" in named else {})


async def attempt(
    client: httpx2.AsyncClient, tenants: Tenants, method: str, path: str, operation: Any
) -> httpx2.Response:
    """`operation` as the other tenant calls it with the first one's ids."""
    wanted = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]
    url = path.format(**{name: tenants.ids[name] for name in wanted})
    body = BODIES[method, path] if "requestBody" in operation else None
    if (method, path) == ("post", "/api/conversations/import"):
        body = await exported(tenants)
    query = query_of(operation, tenants.ids) | QUERIES.get((method, path), {})
    if path.endswith("/stream"):
        async with client.stream(method, url, params=query) as streamed:
            await streamed.aread()
            return streamed
    return await client.request(method, url, params=query, json=body)


async def exported(tenants: Tenants) -> Any:
    """The other tenant's own export, under the id of the first one's conversation."""
    async with tenants.client("other") as client:
        goal = {"goal_description": "Which of the desks is mine?"}
        mine = await client.post("/api/conversations", json=goal)
        assert mine.status_code == 201, mine.text
        given = (await client.get(f"/api/conversations/{mine.json()['id']}/export")).json()
    given["conversation"]["id"] = tenants.ids["conversation_id"]
    return given


async def assert_all_denied(tenants: Tenants) -> int:
    """How many operations were tried."""
    before = await tenants.holdings()
    tried = 0
    async with tenants.client("other") as client:
        document = (await client.get("/openapi.json")).json()
        for method, path, operation in operations(document):
            answered = await attempt(client, tenants, method, path, operation)
            where = f"{method} {path}: {answered.status_code} {answered.text[:300]}"
            names_foreign = {
                p["name"] for p in operation.get("parameters", ()) if p["name"] in tenants.ids
            } - NAMES_NOTHING
            if path.startswith(("/api/search", "/simulations")) and "{" not in path:
                names_foreign -= {"conversation_id", "scenario_id"}  # filters: nothing is found
            if names_foreign:
                assert answered.status_code == CREATES.get((method, path), 404), where
            else:
                assert answered.status_code < 500, where
                assert answered.status_code != 422, where
            if path != "/api/search":  # it repeats what was asked
                assert CANARY not in answered.text, where
            else:
                assert answered.json()["count"] == 0
            assert "acme-1@1" not in answered.text or names_foreign, where
            tried += 1
    assert await tenants.holdings() == before
    return tried


async def test_no_operation_shows_or_changes_what_is_another_tenants(tenants: Tenants) -> None:
    assert await assert_all_denied(tenants) > 45


async def test_the_statements_alone_deny_it_where_the_database_would_allow_it(
    tenants: Tenants, database: Database
) -> None:
    async with only_first_wall(database):
        await assert_all_denied(tenants)


async def test_the_database_alone_denies_it_where_the_statements_name_no_tenant(
    tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tenants.client("other") as client, tenants.client("acme") as owner:
        document = (await client.get("/openapi.json")).json()
        with only_second_wall(monkeypatch):
            # The proof that the first wall is down: the owner's own rows still come.
            assert (await owner.get("/simulations/acme-1")).status_code == 200
            for method, path, operation in operations(document):
                if method == "get" and "{" in path and not path.startswith("/chat"):
                    answered = await attempt(client, tenants, method, path, operation)
                    assert CANARY not in answered.text, path
                    assert answered.status_code == (404 if "agent_id" not in path else 200), path


async def test_no_socket_shows_another_tenants_stream(tenants: Tenants) -> None:
    contexts = iter_route_contexts(make_app(tenants.gateway).routes)
    routes = [str(c.path) for c in contexts if str(c.path).startswith("/ws/")]
    assert len(routes) == 2
    for template in routes:
        url = tenants.server.ws + template.format(**tenants.ids)
        async with connect(url, additional_headers=tenants.headers("other")) as socket:
            first = orjson.loads(await socket.recv())
            assert (first["type"], first["seq"]) == ("caught_up", 0), template
        async with connect(url, additional_headers=tenants.headers("acme")) as socket:
            assert orjson.loads(await socket.recv())["seq"] == 1, template


async def test_a_reader_who_waits_for_a_foreign_id_hears_nothing_live(tenants: Tenants) -> None:
    url = f"{tenants.server.ws}/ws/acme-2"
    async with (
        connect(url, additional_headers=tenants.headers("other")) as waiting,
        tenants.client("acme") as client,
    ):
        await waiting.recv()
        made = await client.post(
            "/simulate/acme-2?wait=completed&wait_s=20", json={"scenario": f"Sort {CANARY}."}
        )
        assert made.json()["status"] == "completed"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.recv(), 2.5)  # the record is polled every 2 s


async def test_no_conversation_begins_on_another_tenants_simulation(tenants: Tenants) -> None:
    about = {"goal_description": "What is it about?", "simulation_id": "acme-1"}
    async with tenants.client("other") as client:
        assert (await client.post("/api/conversations", json=about)).status_code == 404
        asked = {"content": "Who said what?", "metadata": {"conversation_id": "talk-1"}}
        assert CANARY not in (await client.post("/chat", json={"message": asked})).text


async def test_the_same_idempotency_key_of_two_tenants_is_two_keys(tenants: Tenants) -> None:
    sent = {"headers": {"Idempotency-Key": "k1"}, "json": SIMULATE}
    async with tenants.client("acme") as one, tenants.client("other") as two:
        mine = (await one.post("/simulate?wait=none", **sent)).json()
        theirs = (await two.post("/simulate?wait=none", **sent)).json()
        again = (await two.post("/simulate?wait=none", **sent)).json()

    assert mine["simulation_id"] != theirs["simulation_id"]
    assert again["simulation_id"] == theirs["simulation_id"]


async def test_a_reset_takes_only_the_tenants_own(tenants: Tenants) -> None:
    before = await tenants.holdings()
    async with tenants.client("other") as client:
        assert (await client.post("/simulate?wait=none", json=SIMULATE)).status_code == 202
        reset = await client.post("/api/system/reset", json={"scope": "all", "confirm": True})
        assert reset.status_code == 200, reset.text
        assert (await client.get("/simulations")).json() == []

    assert await tenants.holdings() == before


def test_every_table_is_guarded_or_named_as_nobodys() -> None:
    assert {table.name for table in metadata.sorted_tables} == {*GUARDED, *NOT_OF_TENANTS}


async def test_raw_statements_of_a_tenant_reach_no_foreign_row(
    tenants: Tenants, settings: GatewaySettings
) -> None:
    raw = TenantDatabase(settings)
    seen: dict[str, dict[str, int]] = {}
    try:
        for tenant in ("acme", "other"):
            with acting_for(tenant):
                async with raw.transaction() as connection:
                    seen[tenant] = {
                        table: await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0
                        for table in GUARDED
                    }
        with acting_for("other"):
            async with raw.transaction() as connection:
                for table in GUARDED:
                    gone = await connection.execute(text(f"DELETE FROM {table}"))
                    assert gone.rowcount == 0, table
    finally:
        await raw.close()

    assert {table: seen["other"][table] for table in GUARDED} == dict.fromkeys(GUARDED, 0)
    empty = {table for table, count in seen["acme"].items() if count == 0}
    assert empty <= {"conversation_questions", "idempotency"}, "the test must have rows to hide"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT payload FROM outbox",
        "DELETE FROM outbox",
        "SELECT secret_hash FROM api_keys",
        "SELECT hash FROM tickets",
        "SELECT value FROM marks",
        "ALTER TABLE simulations DISABLE ROW LEVEL SECURITY",
        "INSERT INTO scenarios (id, tenant, scenario_text) VALUES ('x', 'acme', 'mine')",
        "CREATE TABLE own (id int)",
    ],
)
async def test_a_tenants_connection_may_not(
    statement: str, settings: GatewaySettings, database: Database
) -> None:
    raw = TenantDatabase(settings)
    try:
        with acting_for("other"), pytest.raises(DBAPIError, match=r"denied|owner|row-level"):
            async with raw.transaction() as connection:
                await connection.execute(text(statement))
    finally:
        await raw.close()


async def test_a_rolled_back_transaction_leaves_nobody_elses_tenant_on_the_connection(
    settings: GatewaySettings, database: Database
) -> None:
    raw = TenantDatabase(settings.model_copy(update={"pool_size": 1, "pool_overflow": 0}))

    async def acting() -> Any:
        async with raw.transaction() as connection:
            return await connection.scalar(text("SELECT current_setting('app.tenant')"))

    try:
        with acting_for("acme"):
            with contextlib.suppress(ZeroDivisionError):
                async with raw.transaction():
                    raise ZeroDivisionError
            assert await acting() == "acme"
        with acting_for("other"):
            assert await acting() == "other"
        assert await acting() == "public"
    finally:
        await raw.close()


class AsOwner(TenantDatabase):
    role = None


async def test_the_gateway_does_not_start_where_a_wall_is_missing(
    settings: GatewaySettings, database: Database
) -> None:
    raw = TenantDatabase(settings)
    try:
        await raw.check_walls()
        async with database.transaction() as connection:
            await connection.execute(text("ALTER TABLE events DISABLE ROW LEVEL SECURITY"))
        with pytest.raises(UnsafeDatabase, match="events"):
            await raw.check_walls()
        async with database.transaction() as connection:
            await connection.execute(text("ALTER TABLE events ENABLE ROW LEVEL SECURITY"))
        owner = AsOwner(settings)
        with pytest.raises(UnsafeDatabase, match="above"):
            await owner.check_walls()
        await owner.close()
    finally:
        await raw.close()


async def test_the_gateways_own_roles_work_for_every_tenant(
    tenants: Tenants, database: Database
) -> None:
    async with tenants.client("other") as client:
        made = await client.post("/simulate/other-1?wait=completed&wait_s=20", json=SIMULATE)
    assert made.json()["status"] == "completed"
    async with database.transaction() as connection:
        with acting_for("other"):
            assert await SimulationRepository(connection).get("acme-1") is None
        with acting_for("*"):
            assert await SimulationRepository(connection).get("acme-1") is not None


async def test_a_client_with_no_key_gets_nothing(tenants: Tenants) -> None:
    async with httpx2.AsyncClient(base_url=tenants.server.http) as client:
        document = (await client.get("/openapi.json")).json()
        for method, path, _ in operations(document):
            answered = await client.request(method, path.format(**tenants.ids))
            is_open = path in {"/health/live", "/health/ready", "/api/health", "/asyncapi"}
            assert (answered.status_code == 401) != is_open, f"{method} {path}"
    with pytest.raises(ConnectionClosed) as closed:
        async with connect(f"{tenants.server.ws}/ws/acme-1") as socket:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4001
