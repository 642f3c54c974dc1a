"""Chat over HTTP: answers, pieces, errors in the documented shape, and one row in the log for each exchange."""

import asyncio
import time
from typing import Any

import httpx2
import nats as nats_py
import orjson
import pytest
from sqlalchemy import text

from common.codec import encode
from common.contracts.chat import CHAT_REPLY_HEADER, DELTA, ChatDelta
from common.streams import CHAT_ASK
from common.testing import RealNats
from gateway.database import Database
from gateway.testing import Recorder

pytestmark = pytest.mark.real


def message(content: str, **metadata: Any) -> dict[str, Any]:
    return {"message": {"content": content, "metadata": metadata}}


async def rows(database: Database) -> list[dict[str, Any]]:
    async with database.transaction() as connection:
        found = await connection.execute(text("SELECT * FROM interaction_logs ORDER BY started_at"))
        return [dict(row._mapping) for row in found]


def frames(answer: httpx2.Response) -> list[dict[str, Any]]:
    return [
        orjson.loads(line[6:]) for line in answer.text.split("\n\n") if line.startswith("data: ")
    ]


@pytest.mark.usefixtures("conversation_worker")
async def test_an_answer_is_grounded_in_the_simulation_it_is_asked_about(
    client: httpx2.AsyncClient, database: Database, recorder: Recorder
) -> None:
    await recorder.submit("s1")
    await recorder.accept_until("s1", "narrative")

    answer = await client.post("/chat", json=message("Which agents are in it?", simulation_id="s1"))

    response = answer.json()["response"]
    assert answer.status_code == 200
    assert response["status"] == "complete"
    assert "Sorter" in response["content"]
    assert {c["event_id"] for c in response["citations"]} == {"r1.tools.1"}
    (row,) = await rows(database)
    assert (row["kind"], row["status"], row["simulation_id"]) == ("chat", "complete", "s1")
    assert row["response"] == response["content"]


@pytest.mark.usefixtures("conversation_worker")
async def test_a_stream_brings_the_same_answer_in_pieces_and_logs_the_whole(
    client: httpx2.AsyncClient, database: Database
) -> None:
    whole = (await client.post("/chat", json=message("what can you do?"))).json()["response"]
    streamed = frames(await client.post("/chat-stream", json=message("what can you do?")))

    assert "".join(f["content"] for f in streamed) == whole["content"]
    assert {f["status"] for f in streamed[:-1]} == {"partial"}
    assert (streamed[-1]["content"], streamed[-1]["status"]) == ("", "complete")
    logged = await rows(database)
    assert [row["response"] for row in logged] == [whole["content"]] * 2
    assert logged[1]["first_byte_ms"] is not None


@pytest.mark.usefixtures("conversation_worker")
async def test_a_session_remembers_what_was_talked_about(
    client: httpx2.AsyncClient, recorder: Recorder
) -> None:
    await recorder.submit("s1")
    await recorder.accept_until("s1", "narrative")
    ask = {"simulation_id": "s1", "session_id": "tab-1"}
    await client.post("/chat", json=message("What does the Sorter do?", **ask))

    answer = await client.post("/chat", json=message("and which tools does it use?", **ask))
    session = (await client.get("/chat/sessions/tab-1")).json()

    assert "order_lookup" in answer.json()["response"]["content"]
    assert session["count"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"message": {"content": ""}},
        {"message": {"content": "   "}},
        {"message": {"content": "x" * 4001}},
        {"message": {"content": "a", "user_id": "../etc"}},
        message("a", simulation_id="a b"),
        message("a", session_id=7),
        {},
    ],
)
async def test_what_is_not_valid_is_refused_and_not_asked(
    client: httpx2.AsyncClient, body: Any
) -> None:
    for path in ("/chat", "/chat-stream"):
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (422, "validation_error")


async def test_without_an_assistant_the_error_is_plain_quick_and_logged(
    client: httpx2.AsyncClient, database: Database
) -> None:
    began = time.monotonic()
    answer = await client.post("/chat", json=message("hello"))
    streamed = frames(await client.post("/chat-stream", json=message("hello")))

    assert time.monotonic() - began < 2
    assert (answer.status_code, answer.json()["error"]) == (503, "bus_unavailable")
    assert (streamed[-1]["error"], streamed[-1]["status"]) == ("bus_unavailable", "error")
    assert [row["status"] for row in await rows(database)] == ["error", "error"]


@pytest.mark.parametrize(
    ("play", "code"), [("dies", "chat_lost"), ("nonsense", "chat_failed"), ("skips", "chat_lost")]
)
async def test_an_assistant_that_breaks_off_is_an_error_frame_within_two_seconds(
    client: httpx2.AsyncClient, database: Database, nats: RealNats, play: str, code: str
) -> None:
    async with scripted(nats, play):
        began = time.monotonic()
        streamed = frames(await client.post("/chat-stream", json=message("tell me all")))
        took = time.monotonic() - began

    assert took < 2
    assert (streamed[-1]["error"], streamed[-1]["status"]) == (code, "error")
    (row,) = await rows(database)
    assert (row["status"], row["error"]) == ("error", code)
    assert row["response"] == ("The first words " if play != "nonsense" else None)


class scripted:  # noqa: N801 - reads as a context
    """A worker that answers badly."""

    def __init__(self, server: RealNats, play: str) -> None:
        self._server = server
        self._play = play

    async def __aenter__(self) -> None:
        self._client = await nats_py.connect(
            self._server.url,
            user="conversation",
            password=self._server.passwords["conversation"],
            inbox_prefix="_INBOX_conversation",
        )
        await self._client.subscribe(CHAT_ASK, queue="conversation", cb=self._answer)
        await self._client.flush()

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def _answer(self, asked: Any) -> None:
        if self._play == "nonsense":
            await self._client.publish(asked.reply, b"{", headers={CHAT_REPLY_HEADER: "answer"})
            return
        for seq in (1, 3) if self._play == "skips" else (1,):
            body, headers = encode(ChatDelta(request_id="x", seq=seq, content="The first words "))
            await self._client.publish(
                asked.reply, body, headers=headers | {CHAT_REPLY_HEADER: DELTA}
            )
        await asyncio.sleep(0)
