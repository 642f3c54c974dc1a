"""The stream as clients see it, over real sockets: replay, live, resume, pace, filters, and an orderly end."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from common.contracts.stream import StreamEvent
from gateway.hub import Channel
from gateway.process import Gateway
from gateway.repositories.simulations import SimulationRepository
from gateway.routers.live import Allowance, parse_client_frame
from gateway.services.ledger import store_events
from gateway.testing import T0, Recorder, SocketServer

pytestmark = pytest.mark.real

SCENARIO = {"scenario": "Sort the mail."}


async def post(server: SocketServer, simulation_id: str = "s1", wait: str = "completed") -> None:
    async with httpx2.AsyncClient(base_url=server.http, timeout=30) as client:
        response = await client.post(
            f"/simulate/{simulation_id}?wait={wait}&wait_s=20", json=SCENARIO
        )
    assert response.status_code in {200, 202}, response.text


def connect(server: SocketServer, path: str = "s1", **options: Any) -> Any:
    return websockets.connect(f"{server.ws}/ws/{path}", **options)


async def receive(socket_: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        frame: dict[str, Any] = orjson.loads(await socket_.recv())
        return frame


async def until(socket_: ClientConnection, name: str) -> list[dict[str, Any]]:
    """All frames up to the one of this event or control type."""
    frames = [await receive(socket_)]
    while name not in (frames[-1].get("event_type"), frames[-1].get("type")):
        frames.append(await receive(socket_))
    return frames


def seqs(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["seq"] for frame in frames if "event_type" in frame]


@pytest.mark.usefixtures("workers")
async def test_a_socket_that_was_there_first_sees_the_whole_simulation(
    server: SocketServer,
) -> None:
    async with connect(server) as socket_:
        assert await receive(socket_) == {"type": "caught_up", "seq": 0}
        await post(server)
        frames = await until(socket_, "simulation_completed")

    assert seqs(frames) == list(range(1, len(frames) + 1))
    assert set(frames[0]) == {
        "simulation_id",
        "seq",
        "timestamp",
        "sim_time_s",
        "event_type",
        "category",
        "source",
        "event_id",
        "revision",
        "payload",
    }


@pytest.mark.usefixtures("workers")
async def test_a_socket_that_comes_late_sees_the_same_and_then_is_caught_up(
    server: SocketServer,
) -> None:
    await post(server)

    async with connect(server) as socket_:
        frames = await until(socket_, "caught_up")

    assert frames[-2]["event_type"] == "simulation_completed"
    assert seqs(frames) == list(range(1, frames[-1]["seq"] + 1))


@pytest.mark.usefixtures("workers")
async def test_resuming_after_any_seq_has_no_gap_and_no_repeat(server: SocketServer) -> None:
    await post(server)
    async with connect(server) as socket_:
        head = (await until(socket_, "caught_up"))[-1]["seq"]

    for after in range(head + 1):
        async with connect(server, f"s1?after={after}") as socket_:
            frames = await until(socket_, "caught_up")
        assert seqs(frames) == list(range(after + 1, head + 1))


@pytest.mark.usefixtures("workers")
async def test_twenty_sockets_that_come_at_any_moment_all_see_every_event_in_order(
    server: SocketServer,
) -> None:
    async def follow(delay_s: float) -> list[int]:
        await asyncio.sleep(delay_s)
        async with connect(server) as socket_:
            return seqs(await until(socket_, "simulation_completed"))

    following = [asyncio.create_task(follow(n * 0.01)) for n in range(20)]
    await post(server)
    seen = await asyncio.gather(*following)

    assert all(found == list(range(1, len(found) + 1)) for found in seen)
    assert len({len(found) for found in seen}) == 1


@pytest.mark.usefixtures("workers")
async def test_categories_and_speed_shape_only_this_clients_view(server: SocketServer) -> None:
    await post(server)

    async with connect(server, "s1?categories=agent&speed=1000") as socket_:
        frames = await until(socket_, "caught_up")

    kinds = {frame["event_type"] for frame in frames if "event_type" in frame}
    assert kinds == {"agent_start", "simulation_completed"}


async def test_client_frames_are_answered(server: SocketServer) -> None:
    await post(server, wait="none")
    async with connect(server) as socket_:
        await until(socket_, "caught_up")
        answers = []
        for sent in (
            '{"type": "ping"}',
            "ping",
            '{"action": "get_status"}',
            '{"type": "subscribe_to_updates", "categories": ["tool"]}',
            '{"type": "subscribe_to_updates", "categories": ["nonsense"]}',
            '{"type": "dance"}',
            "[1]",
            "{",
        ):
            await socket_.send(sent)
            answers.append(await receive(socket_))

    assert [answer["type"] for answer in answers] == [
        "pong",
        "pong",
        "status",
        "subscribed",
        "error",
        "error",
        "error",
        "error",
    ]
    assert (answers[2]["status"], answers[2]["head"]) == ("queued", 1)


@pytest.mark.parametrize(
    "path",
    ["a.b", "s1?after=-1", "s1?after=x", "s1?speed=0", "s1?speed=nan", "s1?categories=nonsense"],
)
async def test_a_bad_parameter_closes_the_socket_with_its_reason(
    path: str, server: SocketServer
) -> None:
    async with connect(server, path) as socket_:
        with pytest.raises(websockets.ConnectionClosed):
            await socket_.recv()

        assert socket_.close_code == 4400
        assert socket_.close_reason


async def test_a_client_that_talks_too_much_is_sent_away(server: SocketServer) -> None:
    async with connect(server) as socket_:
        with pytest.raises(websockets.ConnectionClosed):
            await talk(socket_)

        assert socket_.close_code == 4029


async def talk(socket_: ClientConnection) -> None:
    for _ in range(1_000):
        await socket_.send("ping")
        await socket_.recv()


async def test_a_foreign_page_may_not_connect(server: SocketServer) -> None:
    with pytest.raises(websockets.InvalidStatus):
        async with connect(server, origin="https://evil.example"):
            pass


async def test_a_page_of_our_own_may_connect(server: SocketServer) -> None:
    async with connect(server, origin=server.http) as socket_:
        assert (await receive(socket_))["type"] == "caught_up"


async def test_a_socket_that_left_is_forgotten(server: SocketServer, gateway: Gateway) -> None:
    async with connect(server) as socket_:
        await until(socket_, "caught_up")
        there = gateway.hub.readers
    async with asyncio.timeout(5):
        while gateway.hub.readers:  # noqa: ASYNC110 - nothing announces a departure
            await asyncio.sleep(0.01)

    assert there == 1


async def test_at_shutdown_sockets_are_told_to_come_back(
    server: SocketServer, gateway: Gateway
) -> None:
    async with connect(server) as socket_:
        await until(socket_, "caught_up")
        gateway.drain()
        with pytest.raises(websockets.ConnectionClosed):
            await receive(socket_)

        assert socket_.close_code == 4012
        told = re.match(r"restart; retry_ms=(\d+);", socket_.close_reason or "")
        assert told is not None
        assert 500 <= int(told[1]) <= 3_000


async def test_a_client_that_does_not_read_is_closed_and_costs_others_nothing(
    server: SocketServer, gateway: Gateway, recorder: Recorder
) -> None:
    object.__setattr__(gateway.settings, "socket_send_timeout_s", 0.3)
    await post(server, wait="none")
    stuck = socket.create_connection(("127.0.0.1", server.port))
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.sendall(
        b"GET /ws/s1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with connect(server) as reading:
        await until(reading, "caught_up")
        await asyncio.sleep(0.1)
        big = "x" * 200_000
        seen = []
        for seq in range(2, 102):
            await store(recorder, seq, big)
            gateway.hub.notice(Channel("public", "sim", "s1"), seq)
            seen.append((await receive(reading))["seq"])

        async with asyncio.timeout(10):
            while gateway.hub.readers > 1:  # noqa: ASYNC110 - nothing announces a departure
                await asyncio.sleep(0.02)
    stuck.close()

    assert seen == list(range(2, 102))


async def store(recorder: Recorder, seq: int, text: str) -> None:
    """One more event in the record of s1."""
    event = StreamEvent(
        event_id=f"r1.big.{seq}", event_type="observability", source="Test", payload={"text": text}
    )
    async with recorder.database.transaction() as connection:
        await store_events(connection, [event], "s1", 1, first_seq=seq, now=T0)
        await SimulationRepository(connection).advance("s1", next_seq=seq + 1, status="running")


async def sse(
    server: SocketServer, path: str = "s1/stream", **headers: str
) -> AsyncIterator[tuple[str, str, str]]:
    """(event, id, data) of each server-sent event until the stream ends."""
    async with (
        httpx2.AsyncClient(base_url=server.http, timeout=10) as client,
        client.stream("GET", f"/simulations/{path}", headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                yield fields.get("event", "message"), fields.get("id", ""), fields["data"]
                fields = {}


@pytest.mark.usefixtures("workers")
async def test_server_sent_events_carry_the_same_frames_and_end_with_the_simulation(
    server: SocketServer,
) -> None:
    await post(server, wait="none")

    seen = [item async for item in sse(server)]

    ids = [int(identifier) for event, identifier, _ in seen if event == "message"]
    assert ids == list(range(1, len(ids) + 1))
    assert orjson.loads(seen[0][2])["event_type"] == "simulation_started"
    assert seen[-1][0] == "end"


@pytest.mark.usefixtures("workers")
async def test_server_sent_events_resume_after_the_last_event_id(server: SocketServer) -> None:
    await post(server)

    seen = [item async for item in sse(server, **{"Last-Event-ID": "5"})]

    assert int(seen[0][1]) == 6
    assert [event for event, _, _ in seen[-2:]] == ["caught_up", "end"] or seen[-1][0] == "end"


@pytest.mark.usefixtures("workers")
async def test_resuming_at_the_end_ends_at_once(server: SocketServer) -> None:
    await post(server)
    last = [item async for item in sse(server)]
    head = max(int(identifier) for _, identifier, _ in last if identifier)

    seen = [event async for event, _, _ in sse(server, f"s1/stream?after={head}")]

    assert seen == ["caught_up", "end"]


async def test_an_open_event_stream_does_not_hold_up_the_shutdown(
    server: SocketServer, gateway: Gateway
) -> None:
    await post(server, wait="none")
    reading = asyncio.create_task(collect(server))
    await asyncio.sleep(0.2)

    gateway.drain()

    assert await asyncio.wait_for(reading, 3) == ["message", "caught_up"]


async def collect(server: SocketServer) -> list[str]:
    return [event async for event, _, _ in sse(server)]


def test_the_allowance_fills_evenly() -> None:
    allowance = Allowance(60)

    assert [allowance.take(0.0) for _ in range(61)] == [True] * 60 + [False]
    assert allowance.take(2.5)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("ping", "ping"), ('"ping"', "ping"), ('{"event":"ping"}', "ping"), ("[]", None), ("5", None)],
)
def test_client_frames_have_several_spellings(text: str, kind: str | None) -> None:
    assert parse_client_frame(text)["type"] == kind
