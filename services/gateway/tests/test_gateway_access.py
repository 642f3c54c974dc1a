"""Who may: keys, scopes, tickets, revocation, rates, and what an open installation refuses."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gateway.access.__main__ import create, revoke
from gateway.access.keyring import KeyRing
from gateway.access.keys import make_key, matches, parse_key
from gateway.access.policy import is_public, scope_needed
from gateway.access.rates import Rates
from gateway.database import Database
from gateway.errors import TooManyRequests, Unauthenticated
from gateway.process import Gateway
from gateway.server import said_of_access
from gateway.settings import GatewaySettings
from gateway.testing import SocketServer

SIMULATE = {"scenario": "Sort the post of an office."}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
async def guarded(settings: GatewaySettings, database: Database) -> AsyncIterator[SocketServer]:
    """A gateway that requires keys."""
    gateway = Gateway(settings.model_copy(update={"auth": "required"}))
    await gateway.start()
    await asyncio.wait_for(gateway.bus.ready(), 5)
    async with SocketServer(gateway) as server:
        yield server
    await gateway.stop()


async def made(database: Database, **fields: Any) -> str:
    values: dict[str, Any] = {"scopes": ("read", "write", "stream"), "days": None} | fields
    return str((await create(database, "acme", "test", **values))["key"])


async def closed_with(url: str, **options: Any) -> int:
    """The code a socket is closed with at once."""
    async with connect(url, **options) as socket:
        await asyncio.wait_for(read_to_the_end(socket), 6)
    assert socket.close_code is not None
    return socket.close_code


async def read_to_the_end(socket: Any) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()


def test_a_key_proves_itself_and_no_other_does() -> None:
    one, two = make_key(), make_key()
    parsed = parse_key(one.text)

    assert parsed is not None
    assert parsed[0] == one.id
    assert matches(parsed[1], one.secret_hash)
    assert not matches(parsed[1], two.secret_hash)
    assert not matches(parsed[1], None)
    assert parsed[1].encode() not in one.secret_hash


@given(st.text(max_size=80))
def test_what_is_not_a_key_is_not_read_as_one(given_text: str) -> None:
    assert parse_key(given_text) is None
    assert parse_key(make_key().text + given_text) is None or not given_text


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/simulations", "read"),
        ("POST", "/simulate", "write"),
        ("DELETE", "/scenarios/s1", "write"),
        ("PUT", "/api/agents/project_manager", "write"),
        ("GET", "/simulations/s1/stream", "stream"),
        ("POST", "/tickets", "stream"),
        ("GET", "/metrics", "metrics"),
        ("POST", "/api/system/reset", "admin"),
        ("POST", "/no/such/path", "write"),
    ],
)
def test_each_request_needs_one_scope(method: str, path: str, needed: str) -> None:
    scope = {"type": "http", "method": method, "path": path}
    assert scope_needed(scope) == needed
    assert not is_public(scope)


async def test_a_key_opens_what_its_scopes_say_and_nothing_else(
    guarded: SocketServer, database: Database
) -> None:
    reader = await made(database, scopes=("read",))
    async with httpx2.AsyncClient(base_url=guarded.http, headers=bearer(reader)) as client:
        assert (await client.get("/simulations")).status_code == 200
        refused = await client.post("/simulate", json=SIMULATE)
        assert (await client.get("/metrics")).status_code == 403
        reset = await client.post("/api/system/reset", json={"scope": "all", "confirm": True})

    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    assert "'write'" in refused.json()["detail"]
    assert reset.status_code == 403
    assert await closed_with(f"{guarded.ws}/ws/s1", additional_headers=bearer(reader)) == 4003


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer sk_aaaaaaaa_" + "A" * 43,
        "Basic c2s6eA==",
        "Bearer sk_' OR 1=1",
        "Bearer " + "x" * 5_000,
    ],
)
async def test_without_a_good_key_the_answer_is_401_and_says_nothing_more(
    header: str, guarded: SocketServer
) -> None:
    async with httpx2.AsyncClient(base_url=guarded.http) as client:
        answered = await client.get("/simulations", headers={"Authorization": header})

    assert answered.status_code == 401
    assert answered.headers["www-authenticate"] == "Bearer"
    assert answered.headers["content-type"] == "application/problem+json"
    assert header[10:] not in answered.text or len(header) < 11


async def test_an_expired_key_is_none(guarded: SocketServer, database: Database) -> None:
    key = await made(database, days=1.0)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE api_keys SET expires_at = now() - interval '1 s'"))
    async with httpx2.AsyncClient(base_url=guarded.http, headers=bearer(key)) as client:
        assert (await client.get("/simulations")).status_code == 401


async def test_a_revoked_key_is_out_within_5_s_also_on_open_streams(
    guarded: SocketServer, database: Database
) -> None:
    key, other = await made(database), await made(database)
    parsed = parse_key(key)
    assert parsed is not None
    async with (
        httpx2.AsyncClient(base_url=guarded.http, headers=bearer(key), timeout=20) as client,
        connect(f"{guarded.ws}/ws/s1", additional_headers=bearer(key)) as socket,
        connect(f"{guarded.ws}/ws/s1", additional_headers=bearer(other)) as unconcerned,
    ):
        assert (await client.post("/simulate/s1?wait=none", json=SIMULATE)).status_code == 202
        async with client.stream("GET", "/simulations/s1/stream") as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            began_s = time.monotonic()
            await revoke(database, parsed[0])
            told = [line async for line in lines]
            await asyncio.wait_for(read_to_the_end(socket), 6)
        assert time.monotonic() - began_s < 5
        assert socket.close_code == 4001
        assert "event: revoked" in told
        assert (await client.get("/simulations")).status_code == 401
        await unconcerned.send('{"type": "ping"}')
        frames = [orjson.loads(await asyncio.wait_for(unconcerned.recv(), 5)) for _ in range(3)]
        assert any(frame.get("type") in {"pong", "caught_up"} for frame in frames)


async def test_a_busy_key_is_asked_about_again_and_not_trusted_for_ever(database: Database) -> None:
    now_s = 0.0
    ring = KeyRing(database, clock=lambda: now_s)
    key = await made(database)
    parsed = parse_key(key)
    assert parsed is not None
    for _ in range(5):  # each use is within the time the one before is good for
        await ring.by_key(key)
        now_s += 0.5
    await ring.by_key(key)
    await revoke(database, parsed[0])
    now_s += 1.6
    with pytest.raises(Unauthenticated):
        await ring.by_key(key)


async def test_a_ticket_opens_one_stream_once_from_its_own_page(
    guarded: SocketServer, database: Database
) -> None:
    key = await made(database)
    origin = f"http://127.0.0.1:{guarded.port}"
    async with httpx2.AsyncClient(base_url=guarded.http, headers=bearer(key)) as client:
        for_page = await client.post("/tickets", headers={"Origin": origin})
        for_any = await client.post("/tickets")
    assert for_page.status_code == 201
    assert for_page.json()["expires_in_s"] == 30
    ticket = for_page.json()["ticket"]
    url = f"{guarded.ws}/ws/s1?ticket={ticket}"

    assert await closed_with(url) == 4001, "from no page"
    assert await closed_with(url, additional_headers={"Origin": "https://evil.example"}) == 4001
    async with connect(url, additional_headers={"Origin": origin}) as socket:
        assert orjson.loads(await socket.recv())["type"] == "caught_up"
    assert await closed_with(url, additional_headers={"Origin": origin}) == 4001, "used"

    async with httpx2.AsyncClient(base_url=guarded.http) as client:
        used = await client.get(f"/simulations?ticket={for_any.json()['ticket']}")
    assert used.status_code == 401, "tickets open streams only"


async def test_a_ticket_dies_with_its_30_s_and_with_its_key(
    guarded: SocketServer, database: Database
) -> None:
    key = await made(database)
    async with httpx2.AsyncClient(base_url=guarded.http, headers=bearer(key)) as client:
        late = (await client.post("/tickets")).json()["ticket"]
        async with database.transaction() as connection:
            await connection.execute(text("UPDATE tickets SET expires_at = now()"))
        assert await closed_with(f"{guarded.ws}/ws/s1?ticket={late}") == 4001
        orphan = (await client.post("/tickets")).json()["ticket"]
    parsed = parse_key(key)
    assert parsed is not None
    await revoke(database, parsed[0])
    assert await closed_with(f"{guarded.ws}/ws/s1?ticket={orphan}") == 4001


async def test_no_secret_is_in_the_database(database: Database) -> None:
    key = await made(database)
    async with database.transaction() as connection:
        rows = (await connection.execute(text("SELECT api_keys::text FROM api_keys"))).scalars()
        stored = " ".join(rows)
    parsed = parse_key(key)
    assert parsed is not None
    assert parsed[0] in stored
    assert parsed[1] not in stored


async def test_rates_are_per_key_and_say_when_to_come_back(
    settings: GatewaySettings, database: Database
) -> None:
    strict = settings.model_copy(update={"auth": "required", "rate_reads": "3/minute"})
    gateway = Gateway(strict)
    await gateway.start()
    one, two = await made(database), await made(database)
    async with SocketServer(gateway) as server, httpx2.AsyncClient(base_url=server.http) as client:
        seen = [(await client.get("/simulations", headers=bearer(one))) for _ in range(5)]
        other = await client.get("/simulations", headers=bearer(two))
    await gateway.stop()

    assert [answered.status_code for answered in seen] == [200, 200, 200, 429, 429]
    assert 1 <= int(seen[-1].headers["retry-after"]) <= 60
    assert seen[-1].json()["error"] == "rate_limited"
    assert other.status_code == 200


async def test_guessing_keys_is_stopped_before_the_database_is_asked(
    settings: GatewaySettings, database: Database
) -> None:
    strict = settings.model_copy(update={"auth": "required", "rate_failures": "5/minute"})
    gateway = Gateway(strict)
    await gateway.start()
    async with SocketServer(gateway) as server, httpx2.AsyncClient(base_url=server.http) as client:
        guesses = [
            (await client.get("/simulations", headers=bearer(make_key().text))).status_code
            for _ in range(8)
        ]
    await gateway.stop()
    assert guesses == [401] * 5 + [429] * 3


async def test_a_tenant_has_so_many_streams_and_no_more(
    settings: GatewaySettings, database: Database
) -> None:
    strict = settings.model_copy(update={"auth": "required", "max_streams_per_tenant": 2})
    gateway = Gateway(strict)
    await gateway.start()
    headers = bearer(await made(database))
    async with SocketServer(gateway) as server:
        url = f"{server.ws}/ws/s1"
        async with connect(url, additional_headers=headers) as one:
            await one.recv()
            async with connect(url, additional_headers=headers) as two:
                await two.recv()
                assert await closed_with(url, additional_headers=headers) == 1013
        await asyncio.sleep(0.05)
        async with connect(url, additional_headers=headers) as again:
            assert orjson.loads(await again.recv())["type"] == "caught_up"
    await gateway.stop()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"Host": "localhost"}, 200),
        ("GET", {"Host": "127.0.0.1:8000"}, 200),
        ("GET", {"Host": "[::1]:8000"}, 200),
        ("GET", {"Host": "172.18.0.7:8000"}, 200),
        ("GET", {"Host": "[::"}, 403),
        ("GET", {"Host": "rebound.example"}, 403),
        ("GET", {"Host": "localhost.evil.example"}, 403),
        ("POST", {"Host": "localhost", "Origin": "https://evil.example"}, 403),
        ("POST", {"Host": "localhost", "Origin": "null"}, 403),
        ("POST", {"Host": "localhost", "Origin": "http://localhost"}, 202),
        ("POST", {"Host": "localhost"}, 202),
    ],
)
async def test_an_open_installation_answers_no_page_of_the_web(
    method: str, headers: dict[str, str], status: int, client: httpx2.AsyncClient
) -> None:
    path = "/simulations" if method == "GET" else "/simulate?wait=none"
    body = None if method == "GET" else SIMULATE
    answered = await client.request(method, path, headers=headers, json=body)
    assert answered.status_code == status, answered.text


def test_open_is_for_this_machine_and_said_at_start(settings: GatewaySettings) -> None:
    def with_(**values: Any) -> GatewaySettings:
        return GatewaySettings.model_validate({"database_url": "postgresql://u@h/d"} | values)

    assert with_().is_open
    assert "open" in said_of_access(with_())
    assert not with_(host="0.0.0.0").is_open
    assert "API key" in said_of_access(with_(host="0.0.0.0"))
    assert not with_(auth="required").is_open
    assert with_(host="0.0.0.0", published_on="127.0.0.1").is_open
    assert not with_(host="0.0.0.0", published_on="0.0.0.0").is_open
    with pytest.raises(ValidationError, match="GATEWAY_AUTH=open"):
        with_(auth="open", host="0.0.0.0")
    with pytest.raises(ValidationError, match="rate_reads"):
        with_(rate_reads="many")


def test_rates_fill_again_with_time() -> None:
    settings = GatewaySettings.model_validate(
        {"database_url": "postgresql://u@h/d", "rate_writes": "2/second"}
    )
    rates = Rates(settings)
    rates.use("k", "writes")
    rates.use("k", "writes")
    with pytest.raises(TooManyRequests):
        rates.use("k", "writes")
    time.sleep(2.1)
    rates.use("k", "writes")


def test_keys_are_made_listed_and_revoked_from_a_terminal(settings: GatewaySettings) -> None:
    environment = os.environ | {"GATEWAY_DATABASE_URL": settings.dsn}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway.access", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = run("create", "--tenant", "acme", "--name", "page", "--days", "30")
    assert done.returncode == 0, done.stderr
    new = json.loads(done.stdout)
    assert parse_key(new["key"]) is not None
    listed = {row["id"]: row for row in json.loads(run("list").stdout)}
    assert listed[new["id"]]["is_valid"]
    assert "secret" not in json.dumps(listed)
    assert json.loads(run("revoke", new["id"]).stdout)["id"] == new["id"]
    assert not {r["id"]: r for r in json.loads(run("list").stdout)}[new["id"]]["is_valid"]
    assert run("revoke", "nobody").returncode == 1
    assert run("create", "--tenant", "a b", "--name", "x").returncode == 2
    assert run("create", "--tenant", "a", "--name", "x", "--scopes", "all").returncode == 2
