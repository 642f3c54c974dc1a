"""Simulations: read them, follow them, end them."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from gateway.routers.dependencies import After, Limit, SimulationIdPath, TheGateway, answer
from gateway.routers.shapes import READ_PROBLEMS
from gateway.routers.sse import event_stream
from gateway.services.snapshot import with_network

router = APIRouter(prefix="/simulations", tags=["simulations"], responses=READ_PROBLEMS)


@router.get("/{simulation_id}")
async def read_simulation(simulation_id: SimulationIdPath, gateway: TheGateway) -> Response:
    """How it stands, with the network once it is mapped."""
    return answer(with_network(await gateway.submissions.read(simulation_id)))


@router.get("/{simulation_id}/events")
async def read_events(
    simulation_id: SimulationIdPath, gateway: TheGateway, after: After = 0, limit: Limit = 500
) -> Response:
    """A page of the stream as stored: `{events, count, next_after, head}`."""
    return Response(
        await gateway.reader.events_page(simulation_id, after, limit), media_type="application/json"
    )


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
