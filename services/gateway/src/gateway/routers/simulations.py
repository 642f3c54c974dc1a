"""Simulations: read them, follow them, change them, end them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from gateway.routers.bodies import EditBody, RerunBody, ReviewBody
from gateway.routers.dependencies import (
    After,
    IdempotencyKey,
    Limit,
    Offset,
    PatienceQuery,
    SimulationIdPath,
    TheGateway,
    answer,
)
from gateway.routers.shapes import (
    ACCEPTED,
    NOT_READY,
    PROBLEMS,
    READ_PROBLEMS,
    EditAnswer,
    NetworkAnswer,
    ReviewAnswer,
)
from gateway.routers.simulate import network_answer
from gateway.routers.sse import event_stream
from gateway.services.snapshot import with_network

router = APIRouter(prefix="/simulations", tags=["simulations"], responses=READ_PROBLEMS)

Reference = Annotated[
    str,
    Query(
        pattern=r"^[A-Za-z0-9_-]{1,64}(@[1-9][0-9]{0,5})?$",
        description="`id`, or `id@revision`",
        examples=["refund-desk-1"],
    ),
]
State = Literal["queued", "running", "completed", "failed", "cancelled"]
ExportFormat = Literal[
    "json", "mermaid", "dot", "markdown", "otlp", "crewai", "langgraph", "openai-agents"
]


@router.get("")
async def list_simulations(
    gateway: TheGateway,
    *,
    status: State | None = None,
    scenario_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """Newest first; how many there are in all stands in `X-Total-Count`."""
    found, total = await gateway.records.simulations(
        status=status, scenario_id=scenario_id, limit=limit, offset=offset
    )
    return answer(found, headers={"X-Total-Count": str(total)})


@router.get("/compare")
async def compare_simulations(gateway: TheGateway, a: Reference, b: Reference) -> Response:
    """Figures, networks and options of two simulations side by side; `delta` is b minus a.

    `difference` repeats both networks on the same tasks with the same random numbers and gives 95 % intervals: one
    that does not hold 0 is more than chance.
    """
    return answer(await gateway.comparisons.compare(a, b))


@router.get("/{simulation_id}", response_model=NetworkAnswer)
async def read_simulation(simulation_id: SimulationIdPath, gateway: TheGateway) -> Response:
    """How it stands, with the network once it is mapped."""
    return answer(with_network(await gateway.submissions.read(simulation_id)))


@router.delete("/{simulation_id}", status_code=204, response_class=Response)
async def delete_simulation(simulation_id: SimulationIdPath, gateway: TheGateway) -> Response:
    """Also while it runs: what workers still say about it is dropped."""
    await gateway.records.delete(simulation_id)
    return Response(status_code=204)


@router.post("/{simulation_id}/cancel", responses=PROBLEMS)
async def cancel_simulation(
    simulation_id: SimulationIdPath, gateway: TheGateway, idempotency_key: IdempotencyKey = None
) -> Response:
    """End it now. Cancelling twice is the same as once; what has completed or failed answers 409."""
    return answer(await gateway.records.cancel(simulation_id))


@router.get("/{simulation_id}/events")
async def read_events(
    simulation_id: SimulationIdPath, gateway: TheGateway, after: After = 0, limit: Limit = 500
) -> Response:
    """A page of the stream as stored: `{simulation_id, status, events, count, next_after, head}`."""
    page = await gateway.reader.events_page(simulation_id, after, limit)
    return Response(page, media_type="application/json")


@router.get("/{simulation_id}/stream", response_class=StreamingResponse)
async def stream_events(
    *,
    simulation_id: SimulationIdPath,
    gateway: TheGateway,
    after: After = 0,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$")] = None,
    speed: Annotated[float | None, Query(gt=0, le=1e6, allow_inf_nan=False)] = None,
    categories: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Server-sent events from `Last-Event-ID` (or `after`) on; ends with `event: end` after the final event."""
    first = int(last_event_id) if last_event_id else after
    return await event_stream(gateway, simulation_id, first, speed=speed, categories=categories)


@router.get("/{simulation_id}/report")
async def read_report(
    simulation_id: SimulationIdPath,
    gateway: TheGateway,
    revision: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """Everything known: interpretation, network, failures, run, narrative; null where not there yet."""
    return answer(await gateway.records.report(simulation_id, revision))


@router.get("/{simulation_id}/usage")
async def read_usage(simulation_id: SimulationIdPath, gateway: TheGateway) -> Response:
    """What language models did for it: tokens, cost (null where unknown), calls; `models` is null without a ledger."""
    await gateway.records.snapshot(simulation_id)
    used = await gateway.model_usage.of_simulation(simulation_id)
    return answer({"simulation_id": simulation_id, "models": used})


@router.get("/{simulation_id}/trace", responses=NOT_READY)
async def read_trace(simulation_id: SimulationIdPath, gateway: TheGateway) -> Response:
    """Spans, logs, metrics and journey of the sampled task; 409 until the simulation is narrated."""
    return answer(await gateway.records.trace(simulation_id))


@router.get("/{simulation_id}/export", response_class=Response, responses=NOT_READY)
async def export_simulation(
    simulation_id: SimulationIdPath,
    gateway: TheGateway,
    format: ExportFormat = "json",
) -> Response:
    """The simulation in another tool's form, as a file."""
    exported = await gateway.exports.export(simulation_id, format)
    headers = {"Content-Disposition": f'attachment; filename="{exported.filename}"'}
    return Response(exported.content, media_type=exported.media_type, headers=headers)


@router.post("/{simulation_id}/edit", response_model=EditAnswer, responses=ACCEPTED | PROBLEMS)
async def edit_simulation(
    simulation_id: SimulationIdPath,
    body: EditBody,
    gateway: TheGateway,
    patience: PatienceQuery,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Change the network in plain words ("add a reviewer before the payment", "undo"): a new revision runs.

    An unclear command is answered with `outcome: question` and changes nothing.
    """
    return answer(await gateway.revising.edit(simulation_id, body.command, patience))


@router.post("/{simulation_id}/review", response_model=ReviewAnswer, responses=PROBLEMS)
async def review_network(
    simulation_id: SimulationIdPath,
    body: ReviewBody,
    gateway: TheGateway,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Judge a graph as drawn in a frontend. Without nodes the simulation's own network is judged."""
    nodes, edges = body.nodes, body.edges
    if not nodes:
        nodes, edges = await gateway.records.graph(simulation_id)
    return answer(await gateway.revising.review(nodes, edges))


@router.post(
    "/{simulation_id}/rerun",
    response_model=NetworkAnswer,
    responses=ACCEPTED | PROBLEMS,
)
async def rerun_simulation(
    simulation_id: SimulationIdPath,
    gateway: TheGateway,
    patience: PatienceQuery,
    body: RerunBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The same scenario as a new simulation with other options; the network is kept unless they change it."""
    changes = body.options.changes() if body else {}
    new_id = gateway.submissions.choose_id(idempotency_key, f"rerun {simulation_id} {changes}")
    await gateway.reruns.rerun(simulation_id, new_id, changes)
    return network_answer(await gateway.submissions.wait(new_id, patience))
