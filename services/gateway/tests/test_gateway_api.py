"""The public API over a whole pipeline: real NATS, real PostgreSQL, scripted workers."""

import asyncio
from typing import Any

import httpx2
import nats as nats_client
import pytest

from common.codec import encode
from common.contracts.editing import EditAnswered, ReviewAnswered
from common.exports import EXPORTS
from common.streams import EDIT_ASK, REVIEW_ASK
from common.testing import RealNats
from gateway.process import Gateway
from gateway.testing import Recorder, ScriptedWorkers, network

pytestmark = pytest.mark.real

SCENARIO = {"scenario": "Sort the mail."}


async def run(client: httpx2.AsyncClient, simulation_id: str = "s1", **body: Any) -> dict[str, Any]:
    """A simulation that has completed."""
    response = await client.post(
        f"/simulate/{simulation_id}?wait=completed&wait_s=20", json=SCENARIO | body
    )
    assert response.json()["status"] == "completed", response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.usefixtures("workers")
async def test_a_scenario_is_answered_with_its_mapped_network(client: httpx2.AsyncClient) -> None:
    response = await client.post("/simulate", json=SCENARIO)

    body = response.json()
    assert response.status_code == 200
    assert {agent["id"] for agent in body["agents"]} == {"sorter", "manager"}
    assert body["tools"][0]["name"] == "order_lookup"
    assert {"source", "target", "label", "kind", "payload", "max_iterations"} <= body[
        "connections"
    ][0].keys()
    assert (body["pattern"], body["human_in_loop"]) == ("sequential", True)
    assert response.headers["location"] == f"/simulations/{body['simulation_id']}"


async def test_without_workers_the_answer_is_202_with_where_to_look(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post("/simulate?wait_s=0.1", json=SCENARIO)

    body = response.json()
    assert (response.status_code, body["status"], body["agents"]) == (202, "queued", [])
    assert (await client.get(body["links"]["self"])).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"scenario": "Sort.", "scenario_type": "mail"},
        {"scenario_text": "Sort.", "scenarioType": "mail"},
        {"scenarioText": " Sort. ", "scenario_type": "mail"},
    ],
)
async def test_every_spelling_is_the_same_request(
    body: dict[str, Any], client: httpx2.AsyncClient
) -> None:
    first = {"scenario": "Sort.", "scenario_type": "mail", "options": {"maxAgents": 5}}
    await client.post("/simulate/s1?wait=none", json=first)

    response = await client.post(
        "/simulate/s1?wait=none", json=body | {"options": {"max_agents": 5}}
    )

    assert response.status_code == 202


async def test_the_same_id_with_another_body_is_a_conflict(client: httpx2.AsyncClient) -> None:
    await client.post("/simulate/s1?wait=none", json=SCENARIO)

    response = await client.post("/simulate/s1?wait=none", json={"scenario": "Another."})

    assert (response.status_code, response.json()["error"]) == (409, "simulation_id_taken")


async def test_an_idempotency_key_gives_the_first_answer_again(
    client: httpx2.AsyncClient, recorder: Recorder
) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await client.post("/simulate?wait=none", json=SCENARIO, headers=headers)
    second = await client.post("/simulate?wait=none", json=SCENARIO, headers=headers)

    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    assert (await client.get("/simulations")).headers["x-total-count"] == "1"


async def test_an_idempotency_key_with_another_body_is_refused(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    await client.post("/simulate?wait=none", json=SCENARIO, headers=headers)

    response = await client.post("/simulate?wait=none", json={"scenario": "Y"}, headers=headers)

    assert (response.status_code, response.json()["error"]) == (422, "idempotency_key_reused")


async def test_an_idempotency_key_at_work_is_a_conflict(client: httpx2.AsyncClient) -> None:
    async def post() -> httpx2.Response:
        return await client.post(
            "/simulate?wait_s=1", json=SCENARIO, headers={"Idempotency-Key": "k1"}
        )

    responses = await asyncio.gather(post(), post(), post())

    assert sorted(response.status_code for response in responses) == [202, 409, 409]
    assert (await client.get("/simulations")).headers["x-total-count"] == "1"


async def test_a_refused_request_does_not_use_up_its_key(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    await client.post("/simulate?wait=none", json={"scenario": ""}, headers=headers)

    response = await client.post("/simulate?wait=none", json=SCENARIO, headers=headers)

    assert response.status_code == 202


async def test_scenarios_are_listed_newest_first_searched_and_removed(
    client: httpx2.AsyncClient,
) -> None:
    for number in range(3):
        await client.post(
            "/simulate?wait=none", json={"scenario": f"Sort mail {number}%", "name": f"n{number}"}
        )

    listed = await client.get("/scenarios?limit=2")
    searched = await client.get("/scenarios", params={"q": "mail 1%"})
    wild = await client.get("/scenarios", params={"q": "%%"})
    removed = await client.delete(f"/scenarios/{searched.json()[0]['id']}")

    assert [item["name"] for item in listed.json()] == ["n2", "n1"]
    assert listed.headers["x-total-count"] == "3"
    assert [item["name"] for item in searched.json()] == ["n1"]
    assert set(searched.json()[0]) == {
        "id",
        "created_at",
        "scenario_text",
        "scenario_type",
        "name",
        "description",
    }
    assert wild.json() == [], "a percent sign is text, not a wildcard"
    assert removed.status_code == 204
    assert (await client.get("/simulations")).headers["x-total-count"] == "2"


@pytest.mark.usefixtures("workers")
async def test_report_and_trace_have_every_part(client: httpx2.AsyncClient) -> None:
    await run(client)

    report = (await client.get("/simulations/s1/report")).json()
    trace = (await client.get("/simulations/s1/trace")).json()

    parts = ("interpretation", "network", "failures", "run", "narrative", "summary", "scenario")
    assert all(report[part] is not None for part in parts)
    assert set(report["timings"]) == {
        "interpretation",
        "architecture",
        "tools",
        "failures",
        "run",
        "narrative",
    }
    assert {"spans", "logs", "metrics", "journey", "trace_id"} <= trace.keys()


async def test_a_trace_is_not_ready_before_the_story(client: httpx2.AsyncClient) -> None:
    await client.post("/simulate/s1?wait=none", json=SCENARIO)

    response = await client.get("/simulations/s1/trace")

    assert (response.status_code, response.json()["error"]) == (409, "not_ready")


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("form", sorted(EXPORTS))
async def test_every_export_is_a_file(form: str, client: httpx2.AsyncClient) -> None:
    await run(client)

    response = await client.get(f"/simulations/s1/export?format={form}")

    assert response.status_code == 200, response.text
    assert response.headers["content-disposition"].startswith('attachment; filename="s1')
    assert response.content


async def test_cancelling_twice_is_the_same_as_once(client: httpx2.AsyncClient) -> None:
    await client.post("/simulate/s1?wait=none", json=SCENARIO)

    answers = [await client.post("/simulations/s1/cancel") for _ in range(2)]

    assert [answer.json()["status"] for answer in answers] == ["cancelled", "cancelled"]


@pytest.mark.usefixtures("workers")
async def test_what_has_completed_cannot_be_cancelled(client: httpx2.AsyncClient) -> None:
    await run(client)

    response = await client.post("/simulations/s1/cancel")

    assert (response.status_code, response.json()["error"]) == (409, "already_final")


async def test_a_removed_simulation_is_gone(client: httpx2.AsyncClient) -> None:
    await client.post("/simulate/s1?wait=none", json=SCENARIO)

    assert (await client.delete("/simulations/s1")).status_code == 204
    assert (await client.get("/simulations/s1")).status_code == 404


@pytest.mark.usefixtures("workers")
async def test_a_rerun_keeps_the_network_and_can_be_compared(client: httpx2.AsyncClient) -> None:
    await run(client)

    response = await client.post(
        "/simulations/s1/rerun?wait=completed&wait_s=20", json={"options": {"seed": 9}}
    )
    again = response.json()
    compared = (await client.get(f"/simulations/compare?a=s1&b={again['simulation_id']}")).json()
    events = (await client.get(f"/simulations/{again['simulation_id']}/events")).json()["events"]

    assert (again["rerun_of"], again["status"]) == ("s1", "completed")
    assert compared["options"] == {"seed": {"a": 1, "b": 9}}
    assert compared["network"]["agents"]["both"] == ["manager", "sorter"]
    assert compared["figures"]["success"]["delta"] == 0
    assert [event["event_type"] for event in events[:4]] == [
        "simulation_started",
        "scenario_interpreted",
        "architecture_planned",
        "tools_mapped",
    ]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.usefixtures("workers")
async def test_a_rerun_with_other_planning_starts_at_the_interpreter(
    client: httpx2.AsyncClient,
) -> None:
    await run(client)

    response = await client.post(
        "/simulations/s1/rerun?wait=completed&wait_s=20", json={"options": {"max_agents": 3}}
    )
    report = (await client.get(f"/simulations/{response.json()['simulation_id']}/report")).json()

    assert "interpretation" in report["timings"]
    assert report["options"]["max_agents"] == 3


class Planner:
    """Answers edits and reviews as scripted."""

    def __init__(self, answer: EditAnswered | ReviewAnswered) -> None:
        self._answer = answer

    async def start(self, server: RealNats, subject: str) -> None:
        address = server.address("planner")
        self._client = await nats_client.connect(
            address.url,
            user=address.user,
            password=address.password,
            inbox_prefix="_INBOX_planner",
        )

        async def reply(message: Any) -> None:
            body, headers = encode(self._answer)
            await self._client.publish(message.reply, body, headers=headers)

        await self._client.subscribe(subject, cb=reply)
        await self._client.flush()

    async def stop(self) -> None:
        await self._client.close()


async def edit(client: httpx2.AsyncClient, nats: RealNats, answer: EditAnswered) -> httpx2.Response:
    planner = Planner(answer)
    await planner.start(nats, EDIT_ASK)
    response = await client.post(
        "/simulations/s1/edit?wait=completed&wait_s=20", json={"command": "change it"}
    )
    await planner.stop()
    return response


def edited(name: str) -> EditAnswered:
    found = network(mapped=True)
    renamed = found.agents[0].model_copy(update={"name": name})
    changed = found.model_copy(update={"agents": (renamed, *found.agents[1:])})
    return EditAnswered(outcome="edited", network=changed, summary=f"now {name}", changes=("name",))


@pytest.mark.usefixtures("workers")
async def test_an_edit_runs_a_new_revision_on_the_same_stream(
    client: httpx2.AsyncClient, nats: RealNats
) -> None:
    await run(client)

    response = await edit(client, nats, edited("Clerk"))

    body = response.json()
    events = (await client.get("/simulations/s1/events")).json()["events"]
    assert (body["outcome"], body["revision"], body["status"]) == ("edited", 2, "completed")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["revision"] for event in events] == sorted(event["revision"] for event in events)
    assert [event["event_type"] for event in events].count("simulation_completed") == 2
    assert (await client.get("/simulations/s1/report?revision=1")).json()["network"]["agents"][0][
        "name"
    ] == "Sorter"


@pytest.mark.usefixtures("workers")
async def test_undo_goes_back_and_forward_again(client: httpx2.AsyncClient, nats: RealNats) -> None:
    names = []
    await run(client)
    steps = [
        edited("Clerk"),
        edited("Agent"),
        EditAnswered(outcome="undo", undo_steps=1),
        EditAnswered(outcome="undo", undo_steps=1),
        EditAnswered(outcome="undo", undo_steps=-1),
    ]
    for step in steps:
        await edit(client, nats, step)
        report = (await client.get("/simulations/s1/report")).json()
        started = [
            event
            for event in (await client.get("/simulations/s1/events")).json()["events"]
            if event["event_type"] == "architecture_edited"
        ]
        names.append(started[-1]["payload"]["network"]["agents"][0]["name"])
        assert report["status"] == "completed"

    assert names == ["Clerk", "Agent", "Clerk", "Sorter", "Clerk"]


@pytest.mark.usefixtures("workers")
async def test_a_question_and_a_refusal_change_nothing(
    client: httpx2.AsyncClient, nats: RealNats
) -> None:
    await run(client)

    asked = await edit(
        client, nats, EditAnswered(outcome="question", question="Which?", options=("a", "b"))
    )
    refused = await edit(
        client,
        nats,
        EditAnswered(outcome="refused", reason="It would break.", suggestion="Add one."),
    )
    nothing = await edit(client, nats, EditAnswered(outcome="undo", undo_steps=1))

    assert (asked.status_code, asked.json()["question"]) == (200, "Which?")
    assert (refused.status_code, refused.json()["suggestion"]) == (422, "Add one.")
    assert nothing.status_code == 422
    assert (await client.get("/simulations/s1")).json()["revision"] == 1


@pytest.mark.usefixtures("workers")
async def test_without_a_planner_an_edit_is_unavailable_for_now(
    client: httpx2.AsyncClient,
) -> None:
    await run(client)

    response = await client.post("/simulations/s1/edit", json={"command": "change it"})

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


@pytest.mark.usefixtures("workers")
async def test_a_review_is_answered_in_camel_case(
    client: httpx2.AsyncClient, nats: RealNats
) -> None:
    await run(client)
    planner = Planner(ReviewAnswered(score=80, violated_principles=("one",), summary="fine"))
    await planner.start(nats, REVIEW_ASK)

    response = await client.post(
        "/simulations/s1/review", json={"nodes": [{"id": "a"}], "edges": []}
    )
    await planner.stop()

    body = response.json()
    assert (body["score"], body["violatedPrinciples"], body["summary"]) == (80, ["one"], "fine")
    assert {"missingComponents", "suggestedImprovements"} <= body.keys()


async def test_the_gateway_is_ready_and_tells_its_state(client: httpx2.AsyncClient) -> None:
    ready = await client.get("/health/ready")
    status = (await client.get("/api/status")).json()

    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert {item["consumer"] for item in status["consumers"]} >= {"projector", "planner"}
    assert status["outbox"]["rows"] == 0
    assert (await client.get("/api/health")).json()["checks"]["bus"]["status"] == "ok"
    assert "gateway_results_total" in (await client.get("/metrics")).text


async def test_a_draining_gateway_is_not_ready_and_takes_no_work(
    client: httpx2.AsyncClient, gateway: Gateway
) -> None:
    gateway.drain()

    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.post("/simulate", json=SCENARIO)).status_code == 503


async def test_too_much_in_the_outbox_refuses_new_work(
    gateway: Gateway, client: httpx2.AsyncClient
) -> None:
    gateway.submissions._max_outbox_rows = -1

    response = await client.post("/simulate", json=SCENARIO)

    assert (response.status_code, response.json()["error"]) == (503, "overloaded")


async def test_answers_carry_security_headers(client: httpx2.AsyncClient) -> None:
    headers = (await client.get("/simulations")).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


async def test_the_documents_describe_every_route_and_fact(client: httpx2.AsyncClient) -> None:
    openapi = (await client.get("/openapi.json")).json()
    asyncapi = (await client.get("/asyncapi")).json()

    wanted = {
        "/scenarios",
        "/scenarios/{scenario_id}",
        "/simulate",
        "/simulate/{simulation_id}",
        "/simulations",
        "/simulations/compare",
        "/simulations/{simulation_id}",
        *(
            f"/simulations/{{simulation_id}}/{name}"
            for name in (
                "cancel",
                "edit",
                "events",
                "export",
                "report",
                "rerun",
                "review",
                "stream",
                "trace",
            )
        ),
        "/api/health",
        "/api/status",
    }
    assert wanted <= openapi["paths"].keys()
    assert "sim_v1_tools_mapped" in asyncapi["channels"]
    assert (await client.get("/docs")).status_code == 200


async def test_every_simulation_of_a_crowd_completes_with_a_gapless_stream(
    client: httpx2.AsyncClient, workers: ScriptedWorkers
) -> None:
    ids = [f"s{number}" for number in range(15)]

    await asyncio.gather(*(run(client, simulation_id) for simulation_id in ids))

    for simulation_id in ids:
        page = (await client.get(f"/simulations/{simulation_id}/events")).json()
        assert [event["seq"] for event in page["events"]] == list(range(1, page["head"] + 1))
