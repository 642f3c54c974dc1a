"""The whole stack with a model that talks nonsense: every simulation ends, and says what came from where."""

import json

import pytest

from common.llm.testing import says, scripted_in_thread
from rig import REFUND, finished, running_stack, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def test_a_simulation_completes_although_the_model_talks_nonsense_and_says_so():
    with (
        scripted_in_thread(says('{"blue": ["seven"]}')) as server,
        running_stack(
            {"LLM_COMPATIBLE__BASE_URL": f"{server.url}/v1", "LLM_COMPATIBLE__MODEL": "m"}
        ) as stack,
    ):
        async with stack.client() as client:
            body = await submit(client, REFUND, options={"engine": "llm"})
            record = await finished(client, body["simulation_id"])
            used = (await client.get("/api/status")).json()["models"]
            own = (await client.get(f"/simulations/{body['simulation_id']}/usage")).json()["models"]
            unknown = await client.get("/simulations/nobody-knows/usage")
        (row,) = await stack.query("select provenance from revisions")

    assert record["status"] == "completed"
    origins = json.loads(row["provenance"])
    asked = ("interpretation", "architecture", "tools", "failures", "narrative")
    for stage in asked:
        assert origins[stage]["engine"] == "rules"
        assert origins[stage]["fallback_reason"] == "model_answer_invalid"
    assert len(server.calls) == 3 * len(asked)
    assert (used["calls"], used["cost_usd"]) == (3 * len(asked), None)
    assert own["calls"] == used["calls"]
    assert unknown.status_code == 404
    agents = [row["agent"] for row in used["by"]]
    assert agents == ["failure", "interpreter", "mapper", "narrator", "planner"]
