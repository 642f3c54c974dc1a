"""Conversations and chat on the whole stack, while its processes are killed."""

import asyncio
import json
import signal
import time

import httpx2
import pytest

from rig import REFUND, finished, running_stack, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

OPEN = "How can our small vineyard sell more wine directly to customers instead of through wholesalers?"
DAY_S = 86_400


@pytest.fixture(scope="module")
def own_stack():
    """A stack that may be broken."""
    with running_stack() as running:
        yield running


async def until(client, conversation_id, within_s=40.0, **wanted):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            found = (await client.get(f"/api/conversations/{conversation_id}")).json()
            if all(found.get(name) == value for name, value in wanted.items()):
                return found
        except (httpx2.TransportError, ValueError):
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{conversation_id} did not get to {wanted}")


async def test_a_question_outlives_the_death_of_every_process_and_a_day(own_stack):
    async with own_stack.client() as client:
        body = {
            "id": "wine",
            "goal_description": OPEN,
            "settings": {"max_questions": 1},
            "auto_start": True,
        }
        assert (await client.post("/api/conversations", json=body)).status_code == 201
        await until(client, "wine", is_waiting_for_user=True)
        before = (await client.get("/api/conversations/wine/messages")).json()["messages"]

    own_stack.restart()
    await own_stack.query(
        f"UPDATE conversation_questions SET asked_at = asked_at - interval '{DAY_S} seconds'"
    )

    async with own_stack.client() as client:
        await until(client, "wine", is_waiting_for_user=True)
        reply = {"parent_message_id": before[-1]["id"], "content": "At most 5,000 euros."}
        tabs = await asyncio.gather(
            *(
                client.post("/api/conversations/wine/messages", json=reply | {"id": f"tab-{n}"})
                for n in (1, 2)
            )
        )
        done = await until(client, "wine", status="completed")
        after = (
            await client.get("/api/conversations/wine/messages", params={"limit": 500})
        ).json()["messages"]
        figures = (await client.get("/api/conversations/wine/analytics")).json()

    assert sorted(tab.status_code for tab in tabs) == [201, 409]
    assert after[: len(before)] == before
    assert [m["number"] for m in after] == list(range(1, len(after) + 1))
    assert figures["answer_time_s_mean"] > DAY_S - 60
    assert done["decision"]["votes"]


async def test_a_worker_killed_in_the_middle_of_a_conversation_loses_and_doubles_nothing(own_stack):
    async with own_stack.client() as client:
        goal = "Should we repair our old ferry, buy a used ferry, or charter one for the summer?"
        body = {
            "id": "ferry",
            "goal_description": goal,
            "settings": {"max_questions": 0},
            "auto_start": True,
        }
        assert (await client.post("/api/conversations", json=body)).status_code == 201
        own_stack.kill("conversation-1")
        await until(client, "ferry", status="completed")
        said = (
            await client.get("/api/conversations/ferry/messages", params={"limit": 500})
        ).json()["messages"]

    assert len({m["id"] for m in said}) == len(said)
    assert [m["number"] for m in said] == list(range(1, len(said) + 1))
    assert len([m for m in said if m["message_type"] == "vote"]) % 5 == 0


async def test_a_worker_that_dies_while_asked_gives_an_error_frame_within_two_seconds_and_a_row(
    own_stack,
):
    async with own_stack.client() as client:
        body = {"message": {"content": "hello", "metadata": {"session_id": "dying"}}}
        for _ in range(100):  # the worker is back from the test before
            if (await client.post("/chat", json={"message": {"content": "hi"}})).status_code == 200:
                break
            await asyncio.sleep(0.1)
        own_stack.kill("conversation-1", signal.SIGSTOP)
        began = time.monotonic()
        answer = await client.post("/chat-stream", json=body)
        took_s = time.monotonic() - began
        own_stack.kill("conversation-1", signal.SIGCONT)

    last = json.loads(answer.text.strip().split("data: ")[-1])
    assert took_s < 2
    assert (last["status"], last["error"]) == ("error", "chat_lost")
    rows = await own_stack.query(
        "SELECT status, error FROM interaction_logs WHERE session_id = 'dying'"
    )
    assert [tuple(row) for row in rows] == [("error", "chat_lost")]


async def test_agents_argue_from_a_linked_run_and_chat_quotes_it_with_event_ids(own_stack):
    async with own_stack.client() as client:
        simulation_id = (await submit(client, REFUND))["simulation_id"]
        await finished(client, simulation_id, 90)
        body = {
            "id": "linked",
            "goal_description": "Should we ship this refund network as planned, or change it before we build?",
            "simulation_id": simulation_id,
            "settings": {"max_questions": 0},
            "auto_start": True,
        }
        assert (await client.post("/api/conversations", json=body)).status_code == 201
        done = await until(client, "linked", status="completed")
        about = {"simulation_id": simulation_id}
        asked = {"message": {"content": "What does a task cost?", "metadata": about}}
        answer = (await client.post("/chat", json=asked)).json()["response"]
        events = (
            await client.get(f"/simulations/{simulation_id}/events", params={"limit": 500})
        ).json()["events"]

    known = {event["event_id"] for event in events}
    assert set(done["decision"]["evidence_event_ids"]) <= known
    assert done["decision"]["evidence_event_ids"]
    assert answer["citations"]
    assert {citation["event_id"] for citation in answer["citations"]} <= known
