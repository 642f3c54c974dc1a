"""The five agents: who they are, changed and changed back, and heard on a problem."""

from typing import Annotated

from fastapi import APIRouter, Header, Path
from starlette.responses import Response

from common.contracts.values import ID_PATTERN
from gateway.routers.conversation_bodies import AgentBody, ResetBody, TrialBody
from gateway.routers.dependencies import IdempotencyKey, TheGateway, answer
from gateway.routers.shapes import PROBLEMS, READ_PROBLEMS
from gateway.services.agents import agent_body

router = APIRouter(prefix="/api", tags=["agents"], responses=READ_PROBLEMS)

AgentIdPath = Annotated[str, Path(pattern=ID_PATTERN, examples=["project_manager"])]


@router.get("/agents")
async def list_agents(gateway: TheGateway) -> Response:
    found = [agent_body(persona) for persona in await gateway.agents.all()]
    return answer({"agents": found, "count": len(found)})


@router.get("/agents/{agent_id}")
async def read_agent(agent_id: AgentIdPath, gateway: TheGateway) -> Response:
    """With its versions."""
    return answer(await gateway.agents.one(agent_id))


@router.put("/agents/{agent_id}", responses=PROBLEMS)
async def change_agent(agent_id: AgentIdPath, body: AgentBody, gateway: TheGateway) -> Response:
    """A new version, which conversations that begin from now on use; `{"reset": true}` goes back to the default."""
    return answer(await gateway.agents.change(agent_id, body.changes()))


@router.post("/agents/{agent_id}/test", responses=PROBLEMS)
async def try_agent(
    agent_id: AgentIdPath,
    gateway: TheGateway,
    body: TrialBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """What this agent says first on a problem, as the worker says it; nothing is stored."""
    trial = body or TrialBody()
    return answer(await gateway.trials.hear(agent_id, trial.message))


@router.post("/system/reset", tags=["system"], responses=PROBLEMS)
async def reset_system(
    body: ResetBody,
    gateway: TheGateway,
    x_reset_token: Annotated[str | None, Header(max_length=255)] = None,
) -> Response:
    """Delete all records, or those of one kind. Guarded by a token wherever others can reach this server."""
    gateway.resets.check(x_reset_token)
    return answer(await gateway.resets.reset(body.scope))
