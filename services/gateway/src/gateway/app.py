"""The HTTP application: routes, error documents, middleware; its life is that of the gateway behind it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from gateway import problems
from gateway.access.door import Door
from gateway.idempotency import Idempotency, StoredKeys
from gateway.middleware import BoundedBody, SecurityHeaders
from gateway.process import Gateway
from gateway.routers import (
    agents,
    chat,
    conversation_live,
    conversations,
    live,
    scenarios,
    simulate,
    simulations,
    system,
    tickets,
)
from gateway.routers.shapes import DOOR_PROBLEMS

DESCRIPTION = """Rehearse an AI agent network before anyone builds it.

Send a scenario in plain words to `POST /simulate`; follow it on `/ws/{simulation_id}` or
`/simulations/{simulation_id}/stream`. Errors are RFC 9457 problem documents.
"""


def make_app(gateway: Gateway) -> FastAPI:
    """The application around `gateway`, which it starts and stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await gateway.start()
        try:
            yield
        finally:
            await gateway.stop()

    app = FastAPI(
        title="Scenario Simulator",
        version="1.0.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        telemetry={"operation_spans": False, "exclude": is_quiet},
    )
    app.state.gateway = gateway
    for module in (
        scenarios,
        simulate,
        simulations,
        chat,
        conversations,
        agents,
        conversation_live,
        live,
        system,
        tickets,
    ):
        app.include_router(module.router, responses=DOOR_PROBLEMS)
    problems.install(app)
    _add_middleware(app, gateway)
    return app


def is_quiet(scope: Mapping[str, Any]) -> bool:
    """Probes and long-lived connections are not traced."""
    path = str(scope.get("path", ""))
    return path.startswith(("/health", "/metrics", "/ws/")) or path.endswith("/stream")


def _add_middleware(app: FastAPI, gateway: Gateway) -> None:
    """The last one added is the first to see a request."""
    settings = gateway.settings
    app.add_middleware(Idempotency, keys=StoredKeys(gateway.tenants))
    app.add_middleware(BoundedBody, max_bytes=settings.max_body_bytes)
    app.add_middleware(Door, settings=settings, ring=gateway.keys)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["X-Total-Count", "Location", "Retry-After", "Idempotency-Replayed"],
        )
    app.add_middleware(SecurityHeaders)
