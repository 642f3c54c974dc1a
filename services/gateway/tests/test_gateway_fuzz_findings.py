"""What fuzzing found, kept: each of these once answered otherwise than the OpenAPI document says."""

import httpx2
import pytest

pytestmark = pytest.mark.real

GOAL = "Which delivery van should the bakery lease next year?"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/simulations/anything", "DELETE, GET"),
        ("/simulations/compare", "GET"),
        ("/api/conversations", "DELETE, GET, POST"),
        ("/api/conversations/import", "POST"),
    ],
)
async def test_405_names_exactly_the_methods_of_the_path(
    client: httpx2.AsyncClient, path: str, methods: str
) -> None:
    answer = await client.request("PATCH", path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == methods


async def test_a_bare_number_is_no_date(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/api/conversations", params={"before": "0.5"})

    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "before"


@pytest.mark.parametrize("value", [0, 1, "yes"])
async def test_only_true_and_false_are_booleans(client: httpx2.AsyncClient, value: object) -> None:
    chat = await client.post("/chat", json={"message": {"content": "hi"}, "stream": value})
    begun = await client.post(
        "/api/conversations", json={"goal_description": GOAL, "auto_start": value}
    )

    assert (chat.status_code, begun.status_code) == (422, 422)


async def test_the_document_names_every_media_type_that_is_sent(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    assert "text/plain" in paths["/metrics"]["get"]["responses"]["200"]["content"]
    assert "text/event-stream" in paths["/chat"]["post"]["responses"]["200"]["content"]
    assert "409" in paths["/simulations/{simulation_id}/trace"]["get"]["responses"]
