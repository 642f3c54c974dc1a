"""Health and state of the gateway and of what it stands on."""

import asyncio

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse, Response

from gateway.asyncapi import document
from gateway.metrics import TASKS
from gateway.routers.dependencies import TheGateway, answer
from gateway.standing import exposition
from gateway.tenancy import EVERYONE, acting_for

router = APIRouter(tags=["system"])


@router.get("/health/live")
async def live() -> Response:
    """This process answers."""
    return answer({"status": "ok"})


@router.get("/health/ready")
async def ready(gateway: TheGateway) -> Response:
    """200 when work can be accepted and will go on, else 503; with one line per check."""
    health = await gateway.health.check()
    return answer(health.body, 200 if health.is_ready else 503)


@router.get("/api/health")
@router.get("/health", include_in_schema=False)
async def health(gateway: TheGateway) -> Response:
    """The same checks; always 200 while this process answers."""
    return answer((await gateway.health.check()).body)


@router.get("/api/status")
async def status(gateway: TheGateway) -> Response:
    """Workers by their heartbeats, lags of the bus's consumers, simulations by state."""
    return answer(await gateway.status.read())


@router.get("/asyncapi")
async def read_asyncapi() -> Response:
    """AsyncAPI 3.0: the websocket, and the facts on the bus."""
    return answer(document())


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(gateway: TheGateway) -> Response:
    """Prometheus text format: what this process counted, and what stands at this moment."""
    with acting_for(EVERYONE):
        standing = exposition(await gateway.status.read())
    TASKS.set(len(asyncio.all_tasks()))
    counted = generate_latest()
    return Response(counted + standing, media_type=CONTENT_TYPE_LATEST)
