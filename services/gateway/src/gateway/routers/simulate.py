"""`POST /simulate`: a scenario goes in, its agent network comes out."""

from fastapi import APIRouter
from starlette.responses import Response

from gateway.routers.bodies import SimulateBody
from gateway.routers.dependencies import (
    IdempotencyKey,
    PatienceQuery,
    SimulationIdPath,
    TheGateway,
    answer,
)
from gateway.routers.shapes import ACCEPTED, PROBLEMS, NetworkAnswer
from gateway.services.snapshot import Snapshot, with_network
from gateway.services.submission import is_satisfied

router = APIRouter(tags=["simulate"])


@router.post("/simulate", response_model=NetworkAnswer, responses=ACCEPTED | PROBLEMS)
async def simulate(
    body: SimulateBody,
    gateway: TheGateway,
    patience: PatienceQuery,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Rehearse a scenario: 200 with the network when it is mapped in time, else 202 with where to look."""
    submission = body.submission()
    simulation_id = gateway.submissions.choose_id(idempotency_key, submission.fingerprint)
    return network_answer(await gateway.submissions.submit(simulation_id, submission, patience))


@router.post(
    "/simulate/{simulation_id}", response_model=NetworkAnswer, responses=ACCEPTED | PROBLEMS
)
async def simulate_as(
    simulation_id: SimulationIdPath,
    body: SimulateBody,
    gateway: TheGateway,
    patience: PatienceQuery,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The same under an id of your choice: the same body again gets the same answer, another body 409."""
    snapshot = await gateway.submissions.submit(simulation_id, body.submission(), patience)
    return network_answer(snapshot)


def network_answer(snapshot: Snapshot) -> Response:
    ready = is_satisfied(snapshot, "network")
    body = with_network(snapshot)
    return answer(body, 200 if ready else 202, {"Location": body["links"]["self"]})
