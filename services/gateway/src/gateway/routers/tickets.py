"""Tickets: how a page opens a stream without its key in an address."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.access.keyring import TICKET_S
from gateway.access.keys import Caller
from gateway.routers.dependencies import TheGateway, answer
from gateway.routers.shapes import PROBLEMS

router = APIRouter(tags=["access"])


@router.post("/tickets", status_code=201, responses=PROBLEMS)
async def make_ticket(request: Request, gateway: TheGateway) -> Response:
    """A ticket for one websocket or event stream, once, within 30 s, from the same origin: `?ticket=…`.

    `ticket` is null in an open installation, where streams need none.
    """
    caller: Caller = request.state.caller
    origin = request.headers.get("origin")
    ticket = await gateway.keys.ticket(caller.key_id, origin) if caller.key_id else None
    return answer({"ticket": ticket, "expires_in_s": TICKET_S}, 201)
