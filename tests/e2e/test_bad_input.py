"""Whatever is sent: a problem document that names the field, never a server error, nothing stored."""

import pytest

from rig import REFUND

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

JSON = {"content-type": "application/json"}

CASES = {
    "empty body": ("POST", "/simulate", b"", JSON, {400, 422}),
    "no scenario": ("POST", "/simulate", b"{}", JSON, {422}),
    "empty scenario": ("POST", "/simulate", b'{"scenario": ""}', JSON, {422}),
    "blank scenario": ("POST", "/simulate", b'{"scenario": "  \\n\\t "}', JSON, {422}),
    "one megabyte": ("POST", "/simulate", b'{"scenario": "' + b"a" * 1_000_000 + b'"}', JSON, {413}),
    "too long": ("POST", "/simulate", b'{"scenario": "' + b"a" * 20_001 + b'"}', JSON, {422}),
    "binary": ("POST", "/simulate", bytes(range(256)), JSON, {400, 422}),
    "control characters": ("POST", "/simulate", b'{"scenario": "a\\u0000b\\u0007c refund"}', JSON, {422}),
    "lone surrogate": ("POST", "/simulate", b'{"scenario": "refund \\ud800 mail"}', JSON, {400, 422}),
    "a number": ("POST", "/simulate", b'{"scenario": 17}', JSON, {422}),
    "a list": ("POST", "/simulate", b'["refund"]', JSON, {422}),
    "null": ("POST", "/simulate", b"null", JSON, {400, 422}),
    "malformed JSON": ("POST", "/simulate", b'{"scenario": "x', JSON, {400, 422}),
    "deep JSON": ("POST", "/simulate", b'{"options":' * 5_000 + b"1" + b"}" * 5_000, JSON, {400, 422}),
    "NaN": ("POST", "/simulate", b'{"scenario": "refund mail", "options": {"tasks": NaN}}', JSON, {400, 422}),
    "not JSON": ("POST", "/simulate", b"scenario=refund", {"content-type": "application/x-www-form-urlencoded"}, {415, 422}),
    "negative tasks": ("POST", "/simulate", b'{"scenario": "refund mail", "options": {"tasks": -1}}', JSON, {422}),
    "huge seed": ("POST", "/simulate", b'{"scenario": "refund mail", "options": {"seed": 99999999999}}', JSON, {422}),
    "unknown engine": ("POST", "/simulate", b'{"scenario": "refund mail", "options": {"engine": "magic"}}', JSON, {422}),
    "unknown failure": ("POST", "/simulate", b'{"scenario": "refund mail", "options": {"failures": ["flood"]}}', JSON, {422, 200, 202}),
    "bad id": ("POST", "/simulate/a.b", b'{"scenario": "refund mail"}', JSON, {422, 404}),
    "id too long": ("POST", "/simulate/" + "a" * 65, b'{"scenario": "refund mail"}', JSON, {422, 404}),
    "unknown simulation": ("GET", "/simulations/nobody-knows", b"", {}, {404}),
    "unknown scenario": ("GET", "/scenarios/nobody-knows", b"", {}, {404, 422}),
    "unknown report": ("GET", "/simulations/nobody-knows/report", b"", {}, {404}),
    "unknown stream": ("GET", "/simulations/nobody-knows/stream", b"", {}, {404}),
    "unknown cancel": ("POST", "/simulations/nobody-knows/cancel", b"", {}, {404}),
    "unknown route": ("GET", "/nowhere", b"", {}, {404}),
    "wrong method": ("DELETE", "/simulate", b"", {}, {405}),
    "bad limit": ("GET", "/scenarios?limit=-3", b"", {}, {422}),
    "bad after": ("GET", "/simulations/nobody-knows/events?after=x", b"", {}, {422, 404}),
    "bad wait": ("POST", "/simulate?wait=forever", b'{"scenario": "refund mail"}', JSON, {422}),
    "long key": ("POST", "/simulate", b'{"scenario": "refund mail"}', JSON | {"Idempotency-Key": "k" * 256}, {422, 400}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
async def test_bad_input_gets_a_problem_document_and_leaves_nothing(stack, client, case):
    method, path, body, headers, allowed = CASES[case]
    before = await stack.query("select count(*) from simulations")

    answer = await client.request(method, path, content=body or None, headers=headers)

    assert answer.status_code in allowed, answer.text
    if answer.status_code < 400:
        return
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert {"type", "title", "status", "detail", "instance", "error", "message"} <= set(problem)
    assert problem["status"] == answer.status_code
    assert "Traceback" not in answer.text
    assert "sqlalchemy" not in answer.text.lower()
    assert await stack.query("select count(*) from simulations") == before


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"tasks": 0}, "tasks"),
        ({"tasks": "many"}, "tasks"),
        ({"max_agents": 31}, "max_agents"),
        ({"arrival_rate_per_min": 0}, "arrival_rate_per_min"),
    ],
)
async def test_a_wrong_option_is_named_with_what_is_allowed(client, options, field):
    answer = await client.post("/simulate", json={"scenario": REFUND, "options": options})

    assert answer.status_code == 422
    assert field in str(answer.json()["details"]).replace("maxAgents", "max_agents")


async def test_a_failure_mode_nobody_knows_ends_the_simulation_with_the_reason(client):
    answer = await client.post(
        "/simulate",
        params={"wait": "completed"},
        json={"scenario": REFUND, "options": {"failures": ["flood"]}},
    )

    if answer.status_code == 422:
        assert "flood" in answer.text
        return
    record = (await client.get(f"/simulations/{answer.json()['simulation_id']}")).json()
    assert record["status"] == "failed"
    assert "flood" in record["reason"]
