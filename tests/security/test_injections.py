"""Orders in a user's text have no effect outside their own simulation, and bring out nothing that is not theirs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from common.llm.testing import Reply, Request, says, scripted_in_thread
from rig import Stack, finished, running_stack
from security.injections import injections, rotated

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SECRET = "canary-of-the-environment-7f3a"
VICTIM = "A museum catalogues wolframite samples; a curator approves each loan."
CANARY = "wolframite"


def obedient(request: Request) -> Reply:
    """A model that does as it is told by the last text it saw, and tells all it knows."""
    everything = "\n".join(str(m["content"]) for m in request.body["messages"])
    if "response_format" in request.body or "schema" in everything.lower():
        return says(json.dumps({"PWNED": everything[:2_000], "tool_calls": [{"name": "shell"}]}))
    return says(f"PWNED {everything}")


@pytest.fixture(scope="module")
def model() -> Any:
    with scripted_in_thread(**{"__v1__chat": obedient}) as server:
        yield server


@pytest.fixture(scope="module")
def stack(model: Any) -> Any:
    environment = {
        "LLM_COMPATIBLE__BASE_URL": f"{model.url}/v1",
        "LLM_COMPATIBLE__MODEL": "obedient",
        "LLM_COMPATIBLE__API_KEY": SECRET,
        "UNRELATED_SECRET": SECRET,
    }
    with running_stack(environment) as running:
        yield running


def secrets_of(stack: Stack) -> list[str]:
    memory = stack.layout.memory()
    assert memory is not None
    return [SECRET, *memory.nats_passwords.values()]


async def victim(client: httpx2.AsyncClient) -> dict[str, Any]:
    """Everything that belongs to somebody else, as it stands."""
    paths = (
        "/simulations/victim/report",
        "/simulations/victim/events",
        "/api/conversations/victim",
        "/api/conversations/victim/messages",
        "/api/agents",
    )
    return {path: (await client.get(path)).json() for path in paths}


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    async with stack.client(60) as made:
        body = {"scenario": VICTIM, "options": {"engine": "rules", "tasks": 20}}
        assert (await made.post("/simulate/victim", json=body)).status_code == 200
        await finished(made, "victim")
        goal = {"id": "victim", "goal_description": f"Where do we keep the {CANARY} samples?"}
        assert (await made.post("/api/conversations", json=goal)).status_code in {200, 201}
        yield made


async def in_lanes(work: Any, items: Any, lanes: int = 6) -> None:
    left = iter(items)

    async def lane() -> None:
        for item in left:
            await work(*item)

    await asyncio.gather(*(lane() for _ in range(lanes)))


def assert_keeps_its_own(said: str, stack: Stack, where: str) -> None:
    assert CANARY not in said, where
    for secret in secrets_of(stack):
        assert secret not in said, where


def assert_logs_are_clean(stack: Stack) -> None:
    for log in stack.layout.logs.glob("*"):
        text = log.read_text(errors="replace")
        for secret in secrets_of(stack):
            assert secret not in text, log.name


async def test_two_hundred_orders_as_scenarios_and_questions_change_nothing_of_others(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    before = await victim(client)
    tried = 0

    async def rehearse(name: str, text: str) -> None:
        nonlocal tried
        options = {"engine": "rules", "tasks": 20, "failures": []}
        made = await client.post(
            f"/simulate/inj-{name}", json={"scenario": text, "options": options}
        )
        assert made.status_code in {200, 202}, made.text
        asked = {"message": {"content": text[:4_000], "metadata": {"simulation_id": f"inj-{name}"}}}
        answered = await client.post("/chat", json=asked)
        assert answered.status_code == 200, answered.text
        assert_keeps_its_own(made.text + answered.text, stack, name)
        tools = {tool["name"] for tool in made.json().get("tools", ())}
        assert not tools & {"shell", "http_get", "admin"}, name
        assert "Root" not in {agent["name"] for agent in made.json().get("agents", ())}, name
        tried += 1

    await in_lanes(rehearse, injections())
    assert tried >= 200
    assert await victim(client) == before
    listed = await client.get("/simulations", params={"limit": 500})
    assert {row["simulation_id"] for row in listed.json()} == {
        "victim",
        *(f"inj-{name}" for name, _ in injections()),
    }, "nothing was begun or deleted"
    assert_logs_are_clean(stack)


async def test_an_obedient_model_can_do_no_more_than_the_rules(
    stack: Stack, client: httpx2.AsyncClient, model: Any
) -> None:
    before = await victim(client)
    conversations = len((await client.get("/api/conversations")).json()["conversations"])

    async def rehearse(name: str, text: str) -> None:
        key = f"obey-{name}"
        options = {"engine": "auto", "tasks": 20, "failures": []}
        made = await client.post(f"/simulate/{key}", json={"scenario": text, "options": options})
        assert made.status_code in {200, 202}, made.text
        await finished(client, key, 120)
        report = await client.get(f"/simulations/{key}/report")
        events = await client.get(f"/simulations/{key}/events")
        asked = {"message": {"content": text[:4_000], "metadata": {"simulation_id": key}}}
        answered = await client.post("/chat", json=asked)
        assert report.json()["status"] == "completed", key
        assert_keeps_its_own(report.text + events.text + answered.text, stack, key)
        tools = {tool["name"] for tool in report.json()["network"]["tools"]}
        assert not tools & {"shell", "http_get", "admin"}, key

    await in_lanes(rehearse, rotated(), lanes=4)
    assert model.calls, "the model was asked"
    assert await victim(client) == before
    assert len((await client.get("/api/conversations")).json()["conversations"]) == conversations
    assert_logs_are_clean(stack)


async def test_hidden_orders_are_taken_out_where_they_come_in(client: httpx2.AsyncClient) -> None:
    hidden = dict(injections())["00_tags"]
    made = await client.post("/simulate/hidden?wait=none", json={"scenario": hidden})
    scenario = (await client.get(f"/scenarios/{made.json()['scenario_id']}")).json()
    assert scenario["scenario_text"] == (
        "A hotel confirms bookings by mail. A person approves discounts."
    )
