"""What routes are given: the parts of the running gateway, and parameters that several share."""

from typing import Annotated

import orjson
from fastapi import Depends, Header, Path, Query, Request
from starlette.requests import HTTPConnection
from starlette.responses import Response

from common.contracts.values import ID_PATTERN
from gateway.process import Gateway
from gateway.services.submission import Patience, WaitFor


def gateway_of(connection: HTTPConnection) -> Gateway:
    gateway: Gateway = connection.app.state.gateway
    return gateway


TheGateway = Annotated[Gateway, Depends(gateway_of)]
SimulationIdPath = Annotated[
    str,
    Path(
        pattern=ID_PATTERN,
        description="1 to 64 letters, digits, `_` or `-`",
        examples=["refund-desk-1"],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        min_length=1,
        description="Send the same key again to get the first answer again (24 h)",
    ),
]
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=2**31)]
After = Annotated[int, Query(ge=0, le=2**62, description="Only events with a higher `seq`")]


def patience(
    gateway: TheGateway,
    request: Request,
    wait: Annotated[WaitFor, Query(description="What to wait for")] = "network",
    wait_s: Annotated[float | None, Query(ge=0, le=30, allow_inf_nan=False)] = None,
) -> Patience:
    """How long a POST may take; the default is the setting's."""
    seconds = gateway.settings.default_wait_s if wait_s is None else wait_s
    return Patience(wait=wait, wait_s=min(seconds, gateway.settings.max_wait_s))


PatienceQuery = Annotated[Patience, Depends(patience)]


def answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON as it was read from the record: it was validated when it was accepted."""
    return Response(orjson.dumps(body), status, media_type="application/json", headers=headers)
