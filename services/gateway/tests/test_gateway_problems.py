"""Bad input: a problem document each, never a 5xx, nothing stored."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from gateway.database import Database
from gateway.models import metadata
from gateway.problems import printable

pytestmark = pytest.mark.real

GOOD = {"scenario": "Sort the mail."}
JSON = {"content-type": "application/json"}


def options(**values: Any) -> dict[str, Any]:
    return GOOD | {"options": values}


BODIES: dict[str, tuple[Any, int, str]] = {
    "no scenario": ({}, 422, "scenario"),
    "empty": ({"scenario": ""}, 422, "scenario"),
    "blank": ({"scenario": " \n\t "}, 422, "scenario"),
    "too long": ({"scenario": "x" * 20_001}, 422, "scenario"),
    "null character": ({"scenario": "a\u0000b"}, 422, "scenario"),
    "escape character": ({"scenario": "a\u001b[31mb"}, 422, "scenario"),
    "number": ({"scenario": 5}, 422, "scenario"),
    "null": ({"scenario": None}, 422, "scenario"),
    "list": ({"scenario": ["a"]}, 422, "scenario"),
    "other spelling empty": ({"scenarioText": ""}, 422, "scenarioText"),
    "type of the wrong kind": (GOOD | {"scenario_type": {}}, 422, "scenario_type"),
    "options of the wrong kind": (GOOD | {"options": []}, 422, "options"),
    "too many tasks": (options(tasks=5_001), 422, "options.tasks"),
    "no tasks": (options(tasks=0), 422, "options.tasks"),
    "tasks as text": (options(tasks="many"), 422, "options.tasks"),
    "tasks as boolean": (options(tasks=True), 422, "options.tasks"),
    "negative seed": (options(seed=-1), 422, "options.seed"),
    "huge seed": (options(seed=2**80), 422, "options.seed"),
    "no rate": (options(arrivalRatePerMin=0), 422, "options.arrivalRatePerMin"),
    "unknown engine": (options(engine="magic"), 422, "options.engine"),
    "unknown option": (options(sede=1), 422, "options.sede"),
    "nested overrides": (options(overrides={"a": {"b": 1}}), 422, "options.overrides"),
    "not an object": ([1, 2], 422, "body"),
    "a string": ("hello", 422, "body"),
}

RAW: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "malformed": (b'{"scenario": "a"', JSON, 400, "malformed_json"),
    "nothing": (b"", JSON, 422, "validation_error"),
    "binary": (bytes(range(256)), JSON, 400, "malformed_json"),
    "invalid utf-8": (b'{"scenario": "\xff\xfe"}', JSON, 400, "malformed_json"),
    "deeply nested": (b"[" * 100_000, JSON, 400, "malformed_json"),
    "infinity": (
        b'{"scenario":"a b","options":{"arrival_rate_per_min":1e999}}',
        JSON,
        400,
        "malformed_json",
    ),
    "lone surrogate": (b'{"scenario": "a\\ud800b"}', JSON, 400, "malformed_json"),
    "lone surrogate as a name": (
        b'{"scenario":"a b","options":{"\\ud800":1}}',
        JSON,
        400,
        "malformed_json",
    ),
    "plain text": (b"hello", {"content-type": "text/plain"}, 415, "unsupported_media_type"),
    "no type": (b'{"scenario":"a b"}', {}, 415, "unsupported_media_type"),
    "a form": (
        b"scenario=a",
        {"content-type": "application/x-www-form-urlencoded"},
        415,
        "unsupported_media_type",
    ),
    "one megabyte": (b'{"scenario":"' + b"x" * 1_000_000 + b'"}', JSON, 413, "body_too_large"),
}

PATHS: dict[str, tuple[str, str, int, str]] = {
    "unknown path": ("GET", "/nothing", 404, "not_found"),
    "wrong method": ("PUT", "/simulate", 405, "method_not_allowed"),
    "unknown simulation": ("GET", "/simulations/none", 404, "simulation_not_found"),
    "its events": ("GET", "/simulations/none/events", 404, "simulation_not_found"),
    "its stream": ("GET", "/simulations/none/stream", 404, "simulation_not_found"),
    "its report": ("GET", "/simulations/none/report", 404, "simulation_not_found"),
    "its trace": ("GET", "/simulations/none/trace", 404, "simulation_not_found"),
    "its export": ("GET", "/simulations/none/export", 404, "simulation_not_found"),
    "its end": ("POST", "/simulations/none/cancel", 404, "simulation_not_found"),
    "its rerun": ("POST", "/simulations/none/rerun", 404, "simulation_not_found"),
    "its removal": ("DELETE", "/simulations/none", 404, "simulation_not_found"),
    "unknown scenario": ("GET", "/scenarios/none", 404, "scenario_not_found"),
    "scenario removal": ("DELETE", "/scenarios/none", 404, "scenario_not_found"),
    "bad id": ("GET", "/simulations/a.b", 422, "validation_error"),
    "long id": ("GET", "/simulations/" + "a" * 65, 422, "validation_error"),
    "id with a null": ("GET", "/simulations/a%00b", 422, "validation_error"),
    "bad after": ("GET", "/simulations/none/events?after=-1", 422, "validation_error"),
    "huge after": ("GET", "/simulations/none/events?after=" + "9" * 30, 422, "validation_error"),
    "bad limit": ("GET", "/scenarios?limit=0", 422, "validation_error"),
    "bad offset": ("GET", "/simulations?offset=x", 422, "validation_error"),
    "bad state": ("GET", "/simulations?status=sleeping", 422, "validation_error"),
    "bad format": ("GET", "/simulations/none/export?format=doc", 422, "validation_error"),
    "comparing one": ("GET", "/simulations/compare?a=x", 422, "validation_error"),
    "comparing none": ("GET", "/simulations/compare?a=x&b=y", 404, "simulation_not_found"),
}


def assert_problem(response: httpx2.Response, status: int) -> Mapping[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    names = {"type", "title", "status", "detail", "instance", "error", "message", "details"}
    assert names <= body.keys()
    assert body["status"] == status
    assert body["instance"] == response.request.url.path
    return body


async def stored_rows(database: Database) -> int:
    async with database.transaction() as connection:
        counts = [
            await connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
            if table.name != "marks"
        ]
    return sum(count or 0 for count in counts)


@pytest.mark.parametrize("case", BODIES)
async def test_a_bad_body_is_refused_naming_the_field_and_nothing_is_stored(
    case: str, client: httpx2.AsyncClient, database: Database
) -> None:
    sent, status, field = BODIES[case]

    body = assert_problem(await client.post("/simulate", json=sent), status)

    assert any(detail["field"] == field for detail in body["details"]), body["details"]
    assert body["suggestion"]
    assert await stored_rows(database) == 0


@pytest.mark.parametrize("case", RAW)
async def test_bytes_that_are_no_json_object_are_refused(
    case: str, client: httpx2.AsyncClient, database: Database
) -> None:
    sent, headers, status, code = RAW[case]

    body = assert_problem(await client.post("/simulate", content=sent, headers=headers), status)

    assert body["error"] == code
    assert await stored_rows(database) == 0


@pytest.mark.parametrize("case", PATHS)
async def test_a_bad_path_or_parameter_is_refused(case: str, client: httpx2.AsyncClient) -> None:
    method, path, status, code = PATHS[case]

    body = assert_problem(await client.request(method, path), status)

    assert body["error"] == code


@pytest.mark.parametrize("simulation_id", ["a.b", "a b", "a*", ">", "ä", "x" * 65])
async def test_an_id_that_is_no_subject_token_is_refused(
    simulation_id: str, client: httpx2.AsyncClient, database: Database
) -> None:
    response = await client.post(f"/simulate/{simulation_id}", json=GOOD)

    assert_problem(response, 422)
    assert await stored_rows(database) == 0


@pytest.mark.parametrize(
    "query", ["wait=forever", "wait_s=-1", "wait_s=31", "wait_s=nan", "wait_s=soon"]
)
async def test_a_bad_wait_is_refused(query: str, client: httpx2.AsyncClient) -> None:
    assert_problem(await client.post(f"/simulate?{query}", json=GOOD), 422)


async def test_a_body_in_endless_chunks_is_cut_off(client: httpx2.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(100):
            yield b"x" * 10_000

    response = await client.post("/simulate", content=chunks(), headers=JSON)

    assert assert_problem(response, 413)["error"] == "body_too_large"


async def test_a_problem_never_shows_what_was_sent(client: httpx2.AsyncClient) -> None:
    response = await client.post("/simulate", json=options(tasks="hunter2-hunter2"))

    assert "hunter2" not in response.text


def test_lone_surrogates_are_printable() -> None:
    assert printable({"a\ud800": ["b\udfff"]}) == {"a?": ["b?"]}
