"""Conversations over HTTP with the real worker's engine on a real bus and a real record."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2
import jsonschema
import orjson
import pytest
import websockets
from sqlalchemy import text

from common.testing import RealNats
from gateway.bus import BusAway
from gateway.database import Database
from gateway.process import Gateway
from gateway.repositories.conversations import ConversationRepository
from gateway.services.minding import Minder
from gateway.testing import SocketServer, running_conversation_worker

pytestmark = pytest.mark.real

CHOICE = (
    "Should we keep repairing our delivery vans, lease electric vans, or outsource deliveries to a courier? "
    "The vans fail often and a courier costs 9 euros per stop."
)
OPEN = "How can our small vineyard sell more wine directly to customers instead of through wholesalers?"


async def begin(client: httpx2.AsyncClient, goal: str = CHOICE, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/api/conversations", json={"goal_description": goal, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def until(client: httpx2.AsyncClient, key: str, **wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = (await client.get(f"/api/conversations/{key}")).json()
            if all(found[name] == value for name, value in wanted.items()):
                return dict(found)
            await asyncio.sleep(0.05)


async def said(client: httpx2.AsyncClient, key: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/conversations/{key}/messages", params={"limit": 500})
    body = answer.json()
    assert body["count"] == len(body["messages"])
    return list(body["messages"])


class Queues:
    """A bus that says how many turns wait; null: it cannot be asked."""

    def __init__(self, waiting: int | None) -> None:
        self._waiting = waiting

    async def lags(self, consumers: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        if self._waiting is None:
            raise BusAway("not connected to NATS")
        return [{"consumer": name, "pending": self._waiting} for _, name in consumers]


def minder(gateway: Gateway, *, waiting: int | None) -> Minder:
    return Minder(gateway.database, gateway.floor, Queues(waiting), gateway.settings)


async def let_pass(database: Database, seconds: float) -> None:
    """Let the floor have been given so many seconds earlier."""
    async with database.transaction() as connection:
        await connection.execute(
            text("UPDATE conversations SET due_at = due_at - make_interval(secs => :s)"),
            {"s": seconds},
        )


@pytest.mark.usefixtures("conversation_worker")
async def test_a_conversation_begins_once_is_discussed_and_ends_with_a_decision(
    client: httpx2.AsyncClient,
) -> None:
    made = await begin(client, id="vans")
    assert (made["status"], made["phase"], made["is_started"]) == (
        "active",
        "initialization",
        False,
    )

    first, second = await asyncio.gather(
        client.post("/api/conversations/vans/start"), client.post("/api/conversations/vans/start")
    )
    assert {first.status_code, second.status_code} == {200}
    done = await until(client, "vans", status="completed")
    messages = await said(client, "vans")

    assert [m["number"] for m in messages] == list(range(1, len(messages) + 1))
    assert done["message_count"] == len(messages)
    assert done["decision"]["option"] in done["final_summary"]
    assert {m["agent_name"] for m in messages} == {
        "Alex PM",
        "Sam Tech",
        "Jordan Creative",
        "Riley QA",
        "Morgan Resources",
    }
    one = await client.get(f"/api/messages/{messages[3]['id']}")
    assert one.json() == messages[3]


async def test_a_question_waits_through_a_restart_of_worker_and_gateway_and_one_answer_counts(
    client: httpx2.AsyncClient, nats: RealNats, database: Database, gateway: Gateway
) -> None:
    async with running_conversation_worker(nats):
        await begin(client, OPEN, id="wine", auto_start=True)
        await until(client, "wine", is_waiting_for_user=True)
    async with database.transaction() as connection:  # a day passes
        for table, column in (
            ("conversation_questions", "asked_at"),
            ("conversations", "created_at"),
        ):
            await connection.execute(
                text(f"UPDATE {table} SET {column} = {column} - interval '1 day'")
            )
    await gateway.database.engine.dispose()

    async with running_conversation_worker(nats):
        pending = (await client.get("/api/conversations/wine/messages/pending")).json()
        question = pending["messages"][0]
        assert question["is_question_for_user"]
        reply = {"content": "At most 500 euros.", "parent_message_id": question["id"]}
        tabs = await asyncio.gather(
            client.post("/api/conversations/wine/messages", json=reply | {"id": "tab-1"}),
            client.post(
                "/api/conversations/wine/messages",
                json=reply | {"id": "tab-2", "content": "No limit."},
            ),
        )
        again = await client.post("/api/conversations/wine/messages", json=reply | {"id": "tab-1"})
        for _ in range(3):
            found = await until_open_or_over(client, "wine")
            if found["status"] == "completed":
                break
            await client.post("/api/conversations/wine/messages", json={"content": "it is tight"})
        done = await until(client, "wine", status="completed")

    assert sorted(tab.status_code for tab in tabs) == [201, 409]
    assert again.status_code == (201 if tabs[0].status_code == 201 else 409)
    answers = [m for m in await said(client, "wine") if m["parent_message_id"] == question["id"]]
    assert len([m for m in answers if m["is_from_user"]]) == 1
    figures = (await client.get("/api/conversations/wine/analytics")).json()
    assert figures["answer_time_s_mean"] > 40_000
    assert done["decision"] is not None


async def until_open_or_over(client: httpx2.AsyncClient, key: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = (await client.get(f"/api/conversations/{key}")).json()
            if found["is_waiting_for_user"] or found["status"] in {"completed", "failed"}:
                return dict(found)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("policy", "noted"), [("skip", "Nobody answered"), ("default", "the default")]
)
@pytest.mark.usefixtures("conversation_worker")
async def test_a_question_past_its_deadline_does_what_its_policy_says(
    client: httpx2.AsyncClient, gateway: Gateway, policy: str, noted: str
) -> None:
    rules = {"question_policy": policy, "question_deadline_s": 0.2, "max_questions": 1}
    await begin(client, OPEN, id=policy, auto_start=True, settings=rules)
    await until(client, policy, is_waiting_for_user=True)
    await asyncio.sleep(0.25)

    await minder(gateway, waiting=0).round()
    done = await until(client, policy, status="completed")

    assert any(noted in assumption for assumption in done["decision"]["assumptions"])


@pytest.mark.usefixtures("conversation_worker")
async def test_a_pause_stops_the_talk_and_resuming_goes_on_where_it_was(
    client: httpx2.AsyncClient,
) -> None:
    await begin(client, id="break", auto_start=True)
    await client.put("/api/conversations/break", json={"status": "paused"})
    await asyncio.sleep(0.4)
    before = await said(client, "break")
    await asyncio.sleep(0.3)
    assert await said(client, "break") == before

    await client.put("/api/conversations/break", json={"status": "active"})
    await until(client, "break", status="completed")
    after = await said(client, "break")
    assert after[: len(before)] == before
    assert len({m["content"] for m in after}) == len(after)


async def test_a_turn_that_nobody_takes_is_asked_for_again_and_taken_once(
    client: httpx2.AsyncClient, gateway: Gateway, database: Database, nats: RealNats
) -> None:
    await begin(client, id="lost", auto_start=True)
    await asyncio.sleep(0.3)
    jetstream = gateway.bus.jetstream
    async with database.transaction() as connection:
        await connection.execute(
            text("UPDATE conversations SET due_at = due_at - interval '1 hour'")
        )

    await minder(gateway, waiting=0).round()
    async with running_conversation_worker(nats):
        await until(client, "lost", status="completed")

    assert jetstream is not None
    messages = await said(client, "lost")
    assert len({m["id"] for m in messages}) == len(messages)
    assert [m["number"] for m in messages] == list(range(1, len(messages) + 1))


@pytest.mark.usefixtures("conversation_worker")
async def test_two_tabs_see_the_same_events_without_a_gap_and_a_third_resumes(
    server: SocketServer,
) -> None:
    async with httpx2.AsyncClient(base_url=server.http, timeout=30) as client:
        await begin(client, id="tabs")
        tabs = [
            websockets.connect(f"{server.ws}/ws/conversations/tabs", proxy=None) for _ in range(2)
        ]
        async with tabs[0] as one, tabs[1] as two:
            await client.post("/api/conversations/tabs/start")
            seen = [await frames_until_over(tab) for tab in (one, two)]
        async with websockets.connect(
            f"{server.ws}/ws/conversations/tabs?after=10", proxy=None
        ) as three:
            rest = await frames_until_over(three)
        stream = await client.get("/api/conversations/tabs/stream", headers={"Last-Event-ID": "10"})

    assert seen[0] == seen[1]
    assert [f["seq"] for f in seen[0]] == list(range(1, len(seen[0]) + 1))
    assert rest == seen[0][10:]
    assert [
        orjson.loads(line[6:])
        for line in stream.text.splitlines()
        if line.startswith('data: {"type":"c')
    ][-1]
    types = {f["event_type"] for f in seen[0]}
    assert types == {
        "conversation.message.new",
        "conversation.status.changed",
        "conversation.phase.changed",
        "agent.typing",
        "agent.response.complete",
        "conversation.consensus.reached",
    }
    assert stream.text.rstrip().endswith("event: end\ndata: {}")


@pytest.mark.parametrize(
    ("waiting", "silent_s", "attempts"),
    [(0, 20, 0), (0, 40, 1), (7, 40, 0), (None, 40, 0), (7, 400, 1), (None, 400, 1)],
    ids=["soon", "late", "queued", "unknown", "long queued", "long unknown"],
)
async def test_a_turn_that_waits_behind_others_is_not_asked_for_again_before_its_time(
    waiting: int | None,
    silent_s: float,
    attempts: int,
    client: httpx2.AsyncClient,
    gateway: Gateway,
    database: Database,
) -> None:
    await begin(client, id="patient", auto_start=True)
    await let_pass(database, silent_s)
    await minder(gateway, waiting=waiting).round()

    async with database.transaction() as connection:
        found = await ConversationRepository(connection).get("patient")
    assert found is not None
    assert found.attempt == attempts


async def test_what_a_user_says_while_an_agent_has_the_floor_is_heard_in_the_next_turn(
    client: httpx2.AsyncClient, database: Database, nats: RealNats
) -> None:
    await begin(client, id="busy", auto_start=True)
    words = ["Riley, the vans must be safe.", "Money is tight this year.", "Decide by Friday."]
    for content in words:
        answer = await client.post("/api/conversations/busy/messages", json={"content": content})
        assert answer.status_code in {200, 201}, answer.text
    async with database.transaction() as connection:
        waiting = await ConversationRepository(connection).get("busy")
    assert waiting is not None
    assert [given["content"] for given in waiting.inbox] == words

    async with running_conversation_worker(nats):
        await until(client, "busy", status="completed")
    messages = await said(client, "busy")
    assert [m["content"] for m in messages if m["is_from_user"]] == words
    asked = {m["id"] for m in messages if m["is_from_user"]}
    answered = {m["parent_message_id"] for m in messages if m["is_from_agent"]}
    assert asked <= answered, "each is answered by an agent"


@pytest.mark.usefixtures("conversation_worker")
async def test_a_crowd_of_conversations_finishes_and_each_turn_is_taken_once(
    client: httpx2.AsyncClient, gateway: Gateway, database: Database
) -> None:
    ids = [f"crowd-{n}" for n in range(20)]
    await asyncio.gather(*(begin(client, id=key, auto_start=True) for key in ids))
    for key in ids:
        await until(client, key, status="completed")
        messages = await said(client, key)
        assert [m["number"] for m in messages] == list(range(1, len(messages) + 1))
        assert len({m["id"] for m in messages}) == len(messages)
    async with database.transaction() as connection:
        again = await connection.scalar(text("SELECT sum(reemissions) FROM conversations"))
    assert again == 0


@pytest.mark.usefixtures("conversation_worker")
async def test_every_frame_of_a_conversation_is_as_the_asyncapi_document_says(
    server: SocketServer,
) -> None:
    async with httpx2.AsyncClient(base_url=server.http, timeout=30) as client:
        described = (await client.get("/asyncapi")).json()["channels"]["conversation_socket"]
        await begin(client, id="told")
        async with websockets.connect(f"{server.ws}/ws/conversations/told", proxy=None) as tab:
            for asked in ("ping", "get_status", "nonsense"):
                await tab.send(orjson.dumps({"type": asked}).decode())
            await client.post("/api/conversations/told/start")
            sent = await everything_until_over(tab)

    schemas = {name: message["payload"] for name, message in described["messages"].items()}
    for frame in sent:
        jsonschema.validate(frame, schemas[frame["type"]])
    assert {frame["type"] for frame in sent} >= {
        "caught_up",
        "pong",
        "status",
        "error",
        "agent.typing",
        "conversation.message.new",
        "conversation.consensus.reached",
    }
    spoilt = next(f for f in sent if f["type"] == "agent.typing") | {"new_field": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, schemas["agent.typing"])


async def everything_until_over(socket_: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not (sent and sent[-1].get("payload", {}).get("status") == "completed"):
            sent.append(orjson.loads(await socket_.recv()))
    return sent


async def frames_until_over(socket_: Any) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while True:
            frame = orjson.loads(await socket_.recv())
            if "seq" not in frame or "event_type" not in frame:
                continue
            frames.append(frame)
            if (
                frame["event_type"] == "conversation.status.changed"
                and frame["payload"]["status"] == "completed"
            ):
                return frames


@pytest.mark.usefixtures("conversation_worker")
async def test_messages_are_found_by_words_phrase_agent_and_status(
    client: httpx2.AsyncClient,
) -> None:
    await begin(client, id="vans", auto_start=True)
    await until(client, "vans", status="completed")

    async def hits(**query: Any) -> list[dict[str, Any]]:
        answer = await client.get("/api/search", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["results"])

    found = await hits(q="courier", limit=100)
    assert found
    assert all("courier" in row["content"].lower() for row in found)
    assert all("**" in row["snippet"] for row in found)
    who = found[0]["sender_id"]
    assert {row["sender_id"] for row in await hits(q="courier", agent=who)} == {who}
    assert await hits(q="courier", status="failed") == []
    assert await hits(q="vans electric", phrase="true") == []
    assert await hits(q="electric vans", phrase="true")


@pytest.mark.usefixtures("conversation_worker")
async def test_what_is_exported_can_be_imported_and_the_like_is_found(
    client: httpx2.AsyncClient,
) -> None:
    await begin(client, id="vans", auto_start=True)
    await begin(
        client, "Should we buy new delivery vans or let a courier bring the parcels?", id="alike"
    )
    await begin(client, "Improve hand hygiene on the hospital ward before the summer.", id="other")
    await until(client, "vans", status="completed")
    exported = (await client.get("/api/conversations/vans/export")).json()
    written = (
        await client.get("/api/conversations/vans/export", params={"format": "markdown"})
    ).text

    back = await client.post("/api/conversations/import", json=exported)
    assert back.status_code == 201, back.text
    copy = back.json()
    again = (await client.get(f"/api/conversations/{copy['id']}/export")).json()

    assert copy["id"] != "vans"
    assert [m["content"] for m in again["messages"]] == [m["content"] for m in exported["messages"]]
    assert again["conversation"]["decision"] == exported["conversation"]["decision"]
    assert exported["conversation"]["final_summary"] in written
    alike = (await client.get("/api/conversations/vans/similar")).json()["similar"]
    names = [row["id"] for row in alike]
    assert names.index("alike") < names.index("other")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/conversations", {"goal_description": "short"}, 422, "validation_error"),
        ("POST", "/api/conversations", {"goal_description": "x" * 2001}, 422, "validation_error"),
        ("POST", "/api/conversations", {"goal": "A goal long enough", "agents": ["nobody"]}, 404, "agent_not_found"),
        ("POST", "/api/conversations", {"goal": "A goal long enough", "simulation_id": "none"}, 404,
         "simulation_not_found"),
        ("GET", "/api/conversations/none", None, 404, "conversation_not_found"),
        ("POST", "/api/conversations/none/start", None, 404, "conversation_not_found"),
        ("GET", "/api/messages/none", None, 404, "message_not_found"),
        ("DELETE", "/api/conversations", None, 422, "validation_error"),
        ("PUT", "/api/agents/quality_assurance", {"criteria": {"luck": 1.0}}, 422, "validation_error"),
        ("PUT", "/api/agents/nobody", {"name": "X"}, 404, "agent_not_found"),
        ("POST", "/api/system/reset", {"confirm": False}, 422, "validation_error"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_said_with_a_stable_code(
    client: httpx2.AsyncClient, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = await client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, code)


@pytest.mark.usefixtures("conversation_worker")
async def test_an_agent_is_changed_heard_and_changed_back(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/api/agents")).json()
    assert listed["count"] == len(listed["agents"]) == 5

    changed = await client.put(
        "/api/agents/quality_assurance", json={"name": "Robin QA", "criteria": {"cost": 1.0}}
    )
    heard = await client.post("/api/agents/quality_assurance/test", json={"message": CHOICE})
    made = await begin(client, id="team")
    back = await client.put("/api/agents/quality_assurance", json={"reset": True})

    assert (changed.json()["version"], changed.json()["is_default"]) == (2, False)
    assert heard.json()["messages"][0]["agent_name"] == "Robin QA"
    assert (back.json()["name"], back.json()["version"], back.json()["is_default"]) == (
        "Riley QA",
        3,
        True,
    )
    await client.post(f"/api/conversations/{made['id']}/start")
    await until(client, "team", status="completed")
    assert "Robin QA" in {m["agent_name"] for m in await said(client, "team")}


@pytest.mark.usefixtures("conversation_worker")
async def test_a_reset_deletes_everything_and_the_status_page_counts(
    client: httpx2.AsyncClient,
) -> None:
    await begin(client, id="vans", auto_start=True)
    await until(client, "vans", status="completed")
    before = (await client.get("/api/status")).json()

    done = await client.post("/api/system/reset", json={"confirm": True})

    assert before["conversations"] == {"by_status": {"completed": 1}, "waiting_for_user": 0}
    assert before["agents"] == {"count": 5, "changed": []}
    assert done.json()["deleted"]["conversations"] == 1
    assert (await client.get("/api/conversations")).json()["conversations"] == []


@pytest.mark.parametrize(
    "moment", ["0001-01-01T06:08:46+08:23", "9999-12-31T23:59:59-10:00", "2026-01-31T12:00:00Z"]
)
async def test_a_date_at_the_edge_of_the_calendar_is_a_date(
    moment: str, client: httpx2.AsyncClient
) -> None:
    deleted = await client.delete("/api/conversations", params={"before": moment})
    found = await client.get("/api/search", params={"q": "vans", "since": moment, "until": moment})
    assert (deleted.status_code, found.status_code) == (200, 200), deleted.text + found.text


@pytest.mark.usefixtures("conversation_worker")
async def test_odd_but_valid_json_is_kept_and_brings_no_server_error(
    client: httpx2.AsyncClient,
) -> None:
    odd = {"big": 10**40, "nul": "a\x00b", "deep": [{"\x00": None}]}
    asked = {"message": {"content": "Who are you?", "metadata": odd | {"session_id": "odd"}}}
    assert (await client.post("/chat", json=asked)).status_code == 200
    kept = (await client.get("/chat/sessions/odd")).json()
    assert kept["exchanges"][0]["metadata"]["big"] == pytest.approx(10**40)

    await begin(client, id="odd", metadata=odd)
    given = (await client.get("/api/conversations/odd/export")).json()
    given["conversation"] |= {"id": "odd-2", "metadata": odd}
    given["messages"] = [
        {
            "id": "m1",
            "sender_type": "user",
            "sender_id": "u",
            "content": "a\x00b",
            "message_type": "discussion",
            "created_at": "0028-10-01T00:01:00Z",
        }
    ]
    back = await client.post("/api/conversations/import", json=given)
    assert back.status_code == 201, back.text
    assert (await said(client, "odd-2"))[0]["content"] == "a\ufffdb"
    given["conversation"]["id"] = "odd-3"
    twice = await client.post("/api/conversations/import", json=given)
    assert (twice.status_code, twice.json()["error"]) == (409, "conflict"), "the message is held"
