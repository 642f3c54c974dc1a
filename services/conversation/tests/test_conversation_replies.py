"""The conversation worker on a real NATS server: heartbeat, one answer, pieces, errors as answers."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import nats
import pytest

from common.codec import decode, encode
from common.contracts.chat import (
    ANSWER,
    CHAT_BEAT_S,
    CHAT_REPLY_HEADER,
    DELTA,
    ChatAnswered,
    ChatAsked,
    ChatDelta,
)
from common.contracts.conversations import TurnDue, TurnFailed, TurnTaken
from common.errors import TransientError
from common.permissions import inbox
from common.provision import provision
from common.settings import WorkerSettings
from common.streams import CHAT_ASK
from common.testing import nats_server
from common.worker import connect
from conversation.agent import ChatAgent
from conversation.app import make_router
from conversation.turns import DeliberationAgent

pytestmark = pytest.mark.real
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server():
    with nats_server() as running:
        yield running


class Failing(ChatAgent):
    async def answer(self, asked: ChatAsked) -> ChatAnswered:
        if asked.message == "busy":
            raise TransientError("the model is busy")
        if asked.message == "bug":
            raise ZeroDivisionError("secret-internal-detail")
        await asyncio.sleep(CHAT_BEAT_S * 2.5)
        return await super().answer(asked)


@asynccontextmanager
async def worker(server, agent):
    await provision(server.address("admin"))
    settings = WorkerSettings(
        nats_url=server.url,
        nats_user="conversation",
        nats_password=server.passwords["conversation"],
        instance="conversation-1",
    )
    bus = connect("conversation", settings)
    bus.broker.include_router(make_router(bus, agent, DeliberationAgent(now=lambda: T0)))
    await bus.broker.start()
    try:
        yield bus
    finally:
        await bus.broker.stop()


@asynccontextmanager
async def gateway(server):
    client = await nats.connect(
        server.url,
        user="gateway",
        password=server.passwords["gateway"],
        inbox_prefix=inbox("gateway"),
    )
    try:
        yield client
    finally:
        await client.close()


async def replies(client, body: bytes, headers=None) -> list[tuple[str, bytes, float]]:
    """Everything that comes until the answer, with the silence before it in seconds."""
    reply = client.new_inbox()
    subscription = await client.subscribe(reply)
    await client.publish(CHAT_ASK, body, reply=reply, headers=headers)
    found, clock = [], asyncio.get_running_loop().time
    last = clock()
    while True:
        message = await subscription.next_msg(timeout=5)
        found.append((message.headers[CHAT_REPLY_HEADER], message, clock() - last))
        last = clock()
        if found[-1][0] == ANSWER:
            await subscription.unsubscribe()
            return found


def asked(message: str, **fields) -> bytes:
    return encode(ChatAsked(request_id="q1", message=message, **fields))[0]


async def test_an_answer_comes_whole_and_only_to_the_asker(server):
    async with worker(server, ChatAgent(now=lambda: T0)), gateway(server) as client:
        found = await replies(client, asked("hello"))

    answer = decode(ChatAnswered, found[-1][1].data, found[-1][1].headers)
    assert (answer.status, answer.topic, answer.request_id) == ("complete", "greeting", "q1")
    assert [kind for kind, *_ in found].count(ANSWER) == 1


async def test_pieces_of_a_stream_join_to_the_answer_and_are_numbered_without_a_gap(server):
    async with worker(server, ChatAgent(now=lambda: T0)), gateway(server) as client:
        found = await replies(client, asked("what can you do?", stream=True))

    deltas = [decode(ChatDelta, m.data, m.headers) for kind, m, _ in found if kind == DELTA]
    answer = decode(ChatAnswered, found[-1][1].data, found[-1][1].headers)
    assert "".join(delta.content for delta in deltas) == answer.content
    assert [delta.seq for delta in deltas] == list(range(1, len(deltas) + 1))
    assert len(deltas) > 3


async def test_a_slow_answer_shows_signs_of_life(server):
    async with worker(server, Failing(now=lambda: T0)), gateway(server) as client:
        found = await replies(client, asked("slow please"))

    assert max(silence for *_, silence in found) < CHAT_BEAT_S * 2
    assert len(found) >= 3


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ("busy", "temporarily_unavailable", "the model is busy"),
        ("bug", "internal_error", "ZeroDivisionError"),
    ],
)
async def test_a_failure_of_the_assistant_is_an_answer_that_says_so(server, message, code, text):
    async with worker(server, Failing(now=lambda: T0)), gateway(server) as client:
        found = await replies(client, asked(message))

    answer = decode(ChatAnswered, found[-1][1].data, found[-1][1].headers)
    assert (answer.status, answer.error) == ("error", code)
    assert text in answer.content
    assert "secret-internal-detail" not in answer.content


@pytest.mark.parametrize("body", [b"{", b"\xff\x00", b'{"request_id": "a", "message": ""}'])
async def test_a_malformed_question_is_answered_as_malformed(server, body):
    async with worker(server, ChatAgent(now=lambda: T0)), gateway(server) as client:
        found = await replies(client, body)

    answer = decode(ChatAnswered, found[-1][1].data, found[-1][1].headers)
    assert (answer.status, answer.error) == ("error", "malformed_message")


async def test_replicas_share_the_questions_and_each_is_answered_once(server):
    agent = ChatAgent(now=lambda: T0)
    async with (
        worker(server, agent) as first,
        worker(server, agent) as second,
        gateway(server) as client,
    ):
        all_found = await asyncio.gather(*(replies(client, asked("hello")) for _ in range(24)))
        await asyncio.sleep(0.1)

        handled = (first.counters.handled, second.counters.handled)
    assert sum(handled) == 24
    assert min(handled) > 0
    assert all([kind for kind, *_ in found].count(ANSWER) == 1 for found in all_found)


async def test_a_record_larger_than_a_message_travels_compressed(server):
    facts = {
        "simulation_id": "s1",
        "status": "completed",
        "interpretation": None,
        "pad": "x " * 900_000,
    }
    body, headers = encode(ChatAsked(request_id="q1", message="status?", facts=facts))
    assert len(json.dumps(facts)) > 1024 * 1024 > len(body)
    async with worker(server, ChatAgent(now=lambda: T0)), gateway(server) as client:
        found = await replies(client, body, headers)

    answer = decode(ChatAnswered, found[-1][1].data, found[-1][1].headers)
    assert "completed" in answer.content


async def test_a_turn_that_is_due_is_taken_said_and_acknowledged(server):
    heard = TurnDue(
        event_id=UUID(int=7),
        conversation_id="c7",
        turn=1,
        occurred_at=T0,
        goal="Reduce food waste in the canteen",
    )
    async with worker(server, ChatAgent(now=lambda: T0)), gateway(server) as client:
        js = client.jetstream()
        body, headers = encode(heard)
        await js.publish(heard.address, body, headers=headers)
        taken = decode(TurnTaken, await turn_said(js, TurnTaken.subject, "c7"))

    assert taken.cause_id == heard.event_id
    assert taken.messages[0].sender_id == "project_manager"
    assert not taken.is_over


async def test_a_turn_that_cannot_be_taken_ends_its_conversation_with_a_reason(server):
    heard = TurnDue(
        event_id=UUID(int=8),
        conversation_id="c8",
        turn=1,
        occurred_at=T0,
        goal="Reduce food waste",
        state={"broken": True},
    )
    async with worker(server, ChatAgent(now=lambda: T0)), gateway(server) as client:
        js = client.jetstream()
        await js.publish(heard.address, encode(heard)[0])
        failed = decode(TurnFailed, await turn_said(js, TurnFailed.subject, "c8"))

    assert (failed.cause_id, failed.turn) == (heard.event_id, 1)
    assert "state" in failed.reason.lower()


async def turn_said(js, subject: str, conversation_id: str) -> bytes:
    """What the gateway's consumer of turns hears of this conversation."""
    pull = await js.pull_subscribe_bind("turn-projector", "CONVERSATIONS")
    for _ in range(20):
        for message in await pull.fetch(1, timeout=5):
            await message.ack()
            if message.subject == f"{subject}.{conversation_id}":
                return message.data
    raise AssertionError("not said")
