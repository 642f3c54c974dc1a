"""A scenario through the real gateway, the real bus and the real workers, as a client sees it."""

import pytest

from common.contracts.stream import CATEGORY
from rig import REFUND, finished, frames_until_end, socket, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

HOSPITAL = (
    "Our hospital writes discharge letters. A system should collect the diagnoses, lab results and medication from "
    "the patient record, draft the letter, have a doctor check and sign it, and send it to the family doctor the "
    "same day."
)
FACTORY = (
    "A factory with 200 machines streams vibration and temperature readings. We want to predict failures, order the "
    "spare part, and plan the repair in the next maintenance window with the shift leader's consent."
)


@pytest.fixture(scope="module")
async def rehearsed(stack):
    """The refund scenario: what POST answered, all frames, and the report."""
    async with stack.client() as client:
        answer = await client.post("/simulate", json={"scenario": REFUND})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        async with socket(stack, body["simulation_id"]) as ws:
            frames = await frames_until_end(ws)
        report = (await client.get(f"/simulations/{body['simulation_id']}/report")).json()
        return body, frames, report


async def test_the_answer_holds_the_mapped_network(rehearsed):
    body, _, _ = rehearsed

    names = {tool["name"] for tool in body["tools"]}
    agents = {agent["id"] for agent in body["agents"]}
    assert body["simulation_id"]
    assert body["scenario_id"]
    assert body["pattern"]
    assert body["pattern_reason"]
    assert len(agents) >= 3
    assert all(set(agent["tools"]) <= names for agent in body["agents"])
    assert all(tool["used_by"] for tool in body["tools"])
    for connection in body["connections"]:
        assert connection["source"] in agents
        assert connection["target"] in agents | names


async def test_large_refunds_need_a_person_and_small_ones_do_not(rehearsed):
    body, _, _ = rehearsed

    people = {agent["id"] for agent in body["agents"] if agent["kind"] == "human"}
    gates = [c for c in body["connections"] if c["kind"] == "approve"]
    assert body["human_in_loop"]
    assert people
    assert any(c["target"] in people and c["when"] and (c["share"] or 1) < 1 for c in gates)


async def test_the_tools_fit_the_scenario(rehearsed):
    body, _, _ = rehearsed

    capabilities = {tool["capability"] for tool in body["tools"]}
    assert {"payment_api", "order_management"} <= capabilities
    assert capabilities & {"email", "email_read", "email_send"}


async def test_every_client_sees_the_whole_story_in_order_without_a_gap(rehearsed):
    _, frames, _ = rehearsed

    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    types = [frame["event_type"] for frame in frames]
    order = [
        "simulation_started",
        "scenario_interpreted",
        "architecture_planned",
        "tools_mapped",
        "failures_selected",
        "observability",  # the first figures, before the run is through
        "agent_start",
        "narrative",
        "simulation_completed",
    ]
    positions = [types.index(name) for name in order]
    assert positions == sorted(positions)
    assert types[-1] == "simulation_completed"
    assert all(frame["category"] == CATEGORY[frame["event_type"]] for frame in frames)


async def test_the_sampled_journey_carries_simulated_time(rehearsed):
    _, frames, _ = rehearsed

    journey = [
        f
        for f in frames
        if f["event_type"] in {"agent_start", "agent_complete", "data_flow", "tool_used"}
    ]
    times = [frame["sim_time_s"] for frame in journey]
    assert None not in times
    assert times == sorted(times)


async def test_the_run_has_quantiles_cost_and_success_with_bands(rehearsed):
    _, _, report = rehearsed

    baseline = report["run"]["baseline"]
    latency = baseline["latency_s"]
    assert 0 < latency["p50"]["value"] <= latency["p95"]["value"] <= latency["p99"]["value"]
    for band in (
        latency["p50"],
        latency["p95"],
        baseline["success"],
        baseline["cost_usd_per_task"],
    ):
        assert band["low"] <= band["value"] <= band["high"]
    assert baseline["littles_law"]["holds"]
    assert report["run"]["failures"]


async def test_failures_are_tied_to_parts_of_this_network(rehearsed):
    body, _, report = rehearsed

    agents = {agent["id"] for agent in body["agents"]}
    tools = {tool["name"] for tool in body["tools"]}
    modes = report["failures"]["modes"]
    assert len(modes) >= 5
    for mode in modes:
        assert mode["reason"]
        assert mode["likelihood"]["source"]
        for target in mode["targets"]:
            if target["kind"] in {"agent", "human"}:
                assert target["ref"] in agents
            if target["kind"] == "tool":
                assert target["ref"] in tools


async def test_every_number_of_the_story_is_found_in_the_event_it_points_at(rehearsed):
    _, frames, report = rehearsed

    events = {frame["event_id"]: frame["payload"] for frame in frames}
    chapters = report["narrative"]["chapters"]
    assert {chapter["kind"] for chapter in chapters} >= {"happened", "change"}
    cited = [c for chapter in chapters for c in chapter["citations"]]
    assert cited
    for citation in cited:
        assert reach(events[citation["event_id"]], citation["path"]) == pytest.approx(
            citation["value"]
        )


def reach(value, path):
    for part in path.strip("/").split("/"):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


async def test_scenarios_from_other_worlds_give_plainly_other_networks(stack, rehearsed):
    refund, _, _ = rehearsed
    async with stack.client() as client:
        networks = [
            (
                await client.post("/simulate", json={"scenario": text, "options": {"tasks": 30}})
            ).json()
            for text in (HOSPITAL, FACTORY)
        ]

    roles = [{agent["role"] for agent in network["agents"]} for network in (refund, *networks)]
    tools = [{tool["capability"] for tool in network["tools"]} for network in (refund, *networks)]
    for i in range(3):
        for j in range(i):
            assert len(roles[i] & roles[j]) <= 1, (roles[i], roles[j])
            assert tools[i] != tools[j]
    assert all(network["human_in_loop"] for network in networks)


async def test_the_same_text_options_and_seed_give_the_same_network_and_the_same_figures(
    stack, client
):
    bodies, runs = [], []
    for _ in range(2):
        body = await submit(client, FACTORY, options={"seed": 7, "tasks": 60}, wait="completed")
        await finished(client, body["simulation_id"])
        report = (await client.get(f"/simulations/{body['simulation_id']}/report")).json()
        bodies.append(report["network"])
        runs.append(report["run"])

    assert bodies[0] == bodies[1]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    "body",
    [
        {"scenario": REFUND},
        {"scenario_text": REFUND},
        {"scenarioText": REFUND, "scenarioType": "support"},
        {"scenario": REFUND, "scenario_type": "support", "options": {"maxAgents": 5, "tasks": 20}},
        {"scenario": REFUND, "options": {"max_agents": 5, "tasks": 20}},
    ],
)
async def test_every_spelling_of_the_request_is_understood(client, body):
    answer = await client.post("/simulate", json=body)

    assert answer.status_code == 200, answer.text
    if "options" in body:
        assert len(answer.json()["agents"]) <= 5


async def test_a_cancelled_simulation_stays_cancelled(stack, client):
    await client.post("/simulate/cancel-me", params={"wait": "none"}, json={"scenario": REFUND})
    answer = await client.post("/simulations/cancel-me/cancel")

    record = await finished(client, "cancel-me")
    assert answer.status_code in {200, 202, 409}
    assert record["status"] == ("cancelled" if answer.status_code != 409 else "completed")


async def test_a_rerun_is_a_new_revision_that_clients_can_compare(client):
    body = await submit(client, options={"tasks": 50}, wait="completed")
    await finished(client, body["simulation_id"])
    answer = await client.post(
        f"/simulations/{body['simulation_id']}/rerun", json={"options": {"tasks": 50, "seed": 3}}
    )

    assert answer.status_code in {200, 202}, answer.text
    assert answer.json()["revision"] == 2 or answer.json()["simulation_id"] != body["simulation_id"]


async def test_two_simulations_are_compared_on_the_same_tasks_with_their_confidence(client):
    first = await submit(client, options={"tasks": 60}, wait="completed")
    await finished(client, first["simulation_id"])
    rerun = await client.post(
        f"/simulations/{first['simulation_id']}/rerun",
        json={"options": {"overrides": {"model.medium.ttft_s": 9.0}}},
    )
    second = rerun.json()["simulation_id"]
    await finished(client, second)
    compared = (
        await client.get("/simulations/compare", params={"a": first["simulation_id"], "b": second})
    ).json()

    assert compared["difference_problem"] is None
    slower = compared["difference"]["latency_p50_s"]
    assert 0 < slower["low"] <= slower["value"] <= slower["high"]
    assert compared["difference"]["tasks"] == 60


async def test_an_override_nobody_knows_is_refused_at_the_door_with_what_is_allowed(client):
    answer = await client.post(
        "/simulate", json={"scenario": REFUND, "options": {"overrides": {"model.tiny.speed": 1}}}
    )

    assert answer.status_code == 422
    assert "model.tiny.speed" in answer.text
