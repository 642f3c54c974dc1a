"""Scenarios: what people have sent."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from common.contracts.values import ID_PATTERN
from gateway.routers.bodies import clean_query
from gateway.routers.dependencies import Limit, Offset, TheGateway, answer
from gateway.routers.shapes import READ_PROBLEMS, ScenarioShape

router = APIRouter(prefix="/scenarios", tags=["scenarios"], responses=READ_PROBLEMS)

ScenarioIdPath = Annotated[str, Path(pattern=ID_PATTERN)]


@router.get("", response_model=list[ScenarioShape])
async def list_scenarios(
    gateway: TheGateway,
    q: Annotated[
        str | None, Query(max_length=200, description="Looked for in text, type and name")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """Newest first; how many there are in all stands in `X-Total-Count`."""
    found, total = await gateway.records.scenarios(q=clean_query(q), limit=limit, offset=offset)
    return answer(found, headers={"X-Total-Count": str(total)})


@router.get("/{scenario_id}", response_model=ScenarioShape)
async def read_scenario(scenario_id: ScenarioIdPath, gateway: TheGateway) -> Response:
    return answer(await gateway.records.scenario(scenario_id))


@router.delete("/{scenario_id}", status_code=204, response_class=Response)
async def delete_scenario(scenario_id: ScenarioIdPath, gateway: TheGateway) -> Response:
    """With all its simulations."""
    await gateway.records.delete_scenario(scenario_id)
    return Response(status_code=204)
