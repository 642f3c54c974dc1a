"""Many clients, slow clients, clients that come back: every event once, in order."""

import asyncio
import json

import httpx2
import pytest

from rig import REFUND, finished, frames_until_end, socket, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def start(client, simulation_id, tasks=40):
    answer = await client.post(
        f"/simulate/{simulation_id}",
        params={"wait": "none"},
        json={"scenario": REFUND, "options": {"tasks": tasks}},
    )
    assert answer.status_code in {200, 202}, answer.text


async def recorded(client, simulation_id):
    events = (
        await client.get(f"/simulations/{simulation_id}/events", params={"limit": 500})
    ).json()["events"]
    return [event["seq"] for event in events]


async def test_fifty_clients_on_one_simulation_get_every_event_in_order(stack, client):
    connected = asyncio.Barrier(51)

    async def watch():
        async with socket(stack, "fifty") as ws:
            await connected.wait()
            return [frame["seq"] for frame in await frames_until_end(ws)]

    watching = [asyncio.create_task(watch()) for _ in range(50)]
    await connected.wait()
    await start(client, "fifty")

    seen = await asyncio.gather(*watching)
    expected = await recorded(client, "fifty")
    assert expected == list(range(1, len(expected) + 1))
    assert all(seqs == expected for seqs in seen)


async def test_fifty_clients_on_fifty_simulations_get_each_their_own(stack, client):
    async def watch(n):
        async with socket(stack, f"own-{n}") as ws:
            await start(client, f"own-{n}", tasks=10)
            return await frames_until_end(ws, 110)

    seen = await asyncio.gather(*(watch(n) for n in range(50)))
    for n, frames in enumerate(seen):
        assert {frame["simulation_id"] for frame in frames} == {f"own-{n}"}
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))


async def test_a_client_that_comes_back_gets_the_rest_and_nothing_twice(stack, client):
    await start(client, "resumed")
    first = []
    async with socket(stack, "resumed") as ws:
        while len(first) < 5:
            frame = json.loads(await ws.recv())
            if "event_type" in frame and "seq" in frame:
                first.append(frame["seq"])
    async with socket(stack, "resumed", after=first[-1]) as ws:
        rest = [frame["seq"] for frame in await frames_until_end(ws)]

    assert first + rest == await recorded(client, "resumed")


async def test_the_end_of_the_replay_is_marked(stack, client):
    body = await submit(client, options={"tasks": 20}, wait="completed")
    await finished(client, body["simulation_id"])
    async with socket(stack, body["simulation_id"]) as ws:
        frames = []
        async with asyncio.timeout(10):
            while True:
                frame = json.loads(await ws.recv())
                if frame.get("type") == "caught_up":
                    break
                frames.append(frame)

    assert frame["seq"] == frames[-1]["seq"]
    assert frames[-1]["event_type"] == "simulation_completed"


async def test_sse_and_websocket_tell_the_same(stack, client):
    await start(client, "both")
    await finished(client, "both")
    async with socket(stack, "both") as ws:
        by_socket = await frames_until_end(ws)
    by_sse, ids = [], []
    async with client.stream("GET", "/simulations/both/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("id:"):
                ids.append(line.removeprefix("id:").strip())
            if line.startswith("data:") and '"event_type"' in line:
                by_sse.append(json.loads(line.removeprefix("data:")))

    sequenced = [frame for frame in by_sse if "event_type" in frame and "seq" in frame]
    assert sequenced == by_socket

    resumed = []
    async with client.stream(
        "GET", "/simulations/both/stream", headers={"Last-Event-ID": ids[-3]}
    ) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data:") and '"event_type"' in line:
                resumed.append(json.loads(line.removeprefix("data:")))
    assert [f["seq"] for f in resumed if "seq" in f and "event_type" in f] == [
        f["seq"] for f in by_socket[-len(resumed) :]
    ]
    assert 0 < len(resumed) < len(by_socket)


async def test_a_client_may_filter_and_ask(stack, client):
    body = await submit(client, options={"tasks": 20}, wait="completed")
    await finished(client, body["simulation_id"])
    async with socket(stack, body["simulation_id"], categories="failure,lifecycle") as ws:
        frames = await frames_until_end(ws)
        await ws.send(json.dumps({"type": "ping"}))
        await ws.send(json.dumps({"type": "get_status"}))
        answers = {}
        async with asyncio.timeout(5):
            while not {"pong", "status"} <= set(answers):
                frame = json.loads(await ws.recv())
                answers[frame.get("type")] = frame

    assert {frame["category"] for frame in frames} == {"failure", "lifecycle"}
    assert answers["status"]["status"] == "completed"


async def test_a_socket_may_be_there_before_its_simulation(stack, client):
    async with socket(stack, "early") as ws:
        await asyncio.sleep(0.3)
        await start(client, "early", tasks=10)
        frames = await frames_until_end(ws)

    assert frames[0]["event_type"] == "simulation_started"


async def test_the_same_id_with_the_same_body_is_one_simulation_and_another_body_is_refused(client):
    answers = [
        await client.post("/simulate/twice", json={"scenario": REFUND, "options": {"tasks": 10}})
        for _ in range(2)
    ]
    other = await client.post(
        "/simulate/twice", json={"scenario": "Something else entirely, please."}
    )

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["agents"] == answers[1].json()["agents"]
    assert other.status_code == httpx2.codes.CONFLICT
    assert other.headers["content-type"].startswith("application/problem+json")
