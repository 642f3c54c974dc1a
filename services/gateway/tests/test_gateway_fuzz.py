"""Nonsense in every parameter and body of every route: an answer below 500, always JSON or a problem document."""

import random
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

pytestmark = pytest.mark.real

SEED = 20_261_120
ROUNDS = 150

STRINGS = (
    "",
    " ",
    "a",
    "\u0000",
    "\u202e\u200b",
    "𐍈",
    "%00",
    "'; DROP TABLE simulations; --",
    "../../etc/passwd",
    "x" * 5_000,
    "NaN",
    "-1",
    "1e400",
    "s1@1",
    "s1@999999",
)
NUMBERS = (0, -1, 1, 2**31, 2**63, 2**70, -0.0, 1e308, 0.1)
NAMES = (
    "scenario",
    "scenario_text",
    "scenarioText",
    "scenario_type",
    "name",
    "options",
    "seed",
    "tasks",
    "arrivalRatePerMin",
    "failures",
    "engine",
    "overrides",
    "command",
    "nodes",
    "edges",
    "",
    "\u0000",
)
QUERY = (
    "wait",
    "wait_s",
    "after",
    "limit",
    "offset",
    "status",
    "q",
    "a",
    "b",
    "format",
    "revision",
)
POSTS = (
    "/simulate",
    "/simulate/s1",
    "/simulations/s1/rerun",
    "/simulations/s1/edit",
    "/simulations/s1/review",
    "/simulations/s1/cancel",
)
GETS = (
    "/scenarios",
    "/scenarios/{}",
    "/simulations",
    "/simulations/compare",
    "/simulations/{}",
    "/simulations/{}/events",
    "/simulations/{}/report",
    "/simulations/{}/trace",
    "/simulations/{}/export",
)


def value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.randrange(4 if depth > 3 else 7)
    if kind >= 5:
        return {dice.choice(NAMES): value(dice, depth + 1) for _ in range(dice.randrange(4))}
    if kind == 4:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return (
        dice.choice(STRINGS),
        dice.choice(NUMBERS),
        dice.choice((True, False, None)),
        "ok text",
    )[kind]


def body(dice: random.Random) -> Any:
    """Often an object of the right form with one thing wrong."""
    if dice.random() < 0.3:
        return value(dice)
    good: dict[str, Any] = {"scenario": "Sort the mail.", "command": "add one", "options": {}}
    target = good if dice.random() < 0.5 else good["options"]
    target[dice.choice(NAMES)] = value(dice)
    return good


def query(dice: random.Random) -> dict[str, str]:
    return {dice.choice(QUERY): dice.choice(STRINGS) for _ in range(dice.randrange(3))}


def assert_no_fault(response: httpx2.Response) -> None:
    # 503 would be the planner that is not there, which an edit with a valid body asks.
    assert response.status_code < 500 or response.status_code == 503, response.text
    assert response.headers["content-type"].startswith(("application/json", "application/problem"))


@pytest.mark.parametrize("path", POSTS)
async def test_no_body_makes_the_gateway_fail(path: str, client: httpx2.AsyncClient) -> None:
    dice = random.Random(SEED)
    await client.post("/simulate/s1?wait=none", json={"scenario": "Sort the mail."})
    for _ in range(ROUNDS):
        sent = body(dice)
        response = await client.post(path, params={"wait": "none"} | query(dice), json=sent)
        assert_no_fault(response)


@pytest.mark.parametrize("path", GETS)
async def test_no_path_or_parameter_makes_the_gateway_fail(
    path: str, client: httpx2.AsyncClient
) -> None:
    dice = random.Random(SEED)
    for _ in range(ROUNDS):
        filled = path.format(quote(dice.choice(STRINGS), safe=""))
        response = await client.get(filled, params=query(dice), follow_redirects=False)
        if response.status_code not in {307, 308}:
            assert_no_fault(response)


@pytest.mark.parametrize("key", ["", "k" * 256, "\u00e4", "k\t1", "a b"])
async def test_odd_idempotency_keys_never_fail(key: str, client: httpx2.AsyncClient) -> None:
    response = await client.post(
        "/simulate?wait=none",
        json={"scenario": "Sort the mail."},
        headers={b"Idempotency-Key": key.encode("latin-1")},
    )

    assert response.status_code in {202, 422}
