"""The gateway's roles in processes of their own: the same behaviour, over PostgreSQL and NATS between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from gateway.app import make_app
from gateway.cursor import Cursor
from gateway.database import Database
from gateway.frames import StoredFrame
from gateway.process import Gateway
from gateway.settings import GatewaySettings, Role

pytestmark = pytest.mark.real


@asynccontextmanager
async def running(settings: GatewaySettings, *roles: Role) -> AsyncIterator[Gateway]:
    made = Gateway(settings.model_copy(update={"roles": frozenset(roles), "relay_poll_s": 5.0}))
    await made.start()
    await asyncio.wait_for(made.bus.ready(), 5)
    await asyncio.sleep(0.2)
    yield made
    await made.stop()


async def frames(cursor: Cursor) -> list[int]:
    """All seqs up to the final event."""
    seen = []
    async for item in cursor:
        if isinstance(item, StoredFrame):
            seen.append(item.seq)
            if item.is_terminal:
                break
    return seen


@pytest.mark.usefixtures("workers")
async def test_split_roles_answer_at_once_and_bring_every_event_to_every_process(
    settings: GatewaySettings, database: Database
) -> None:
    """The relay's own clock ticks every 5 s here, so a quick answer shows that it was notified."""
    async with (
        running(settings, "relay") as _,
        running(settings, "projector", "reaper") as _,
        running(settings, "http") as front,
        running(settings, "http") as other,
    ):
        following = [
            asyncio.create_task(frames(gateway.reader.cursor("s1", 0)))
            for gateway in (front, other)
        ]
        transport = httpx2.ASGITransport(make_app(front))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            response = await client.post(
                "/simulate/s1?wait=network&wait_s=3", json={"scenario": "Sort the mail."}
            )
        seen = await asyncio.wait_for(asyncio.gather(*following), 10)

    assert response.status_code == 200
    assert seen[0] == seen[1] == list(range(1, len(seen[0]) + 1))


@pytest.mark.usefixtures("workers")
async def test_two_whole_gateways_share_the_work_without_doubling_it(
    settings: GatewaySettings, database: Database
) -> None:
    roles: tuple[Role, ...] = ("http", "relay", "projector", "reaper")
    ids = [f"s{number}" for number in range(12)]
    async with running(settings, *roles) as one, running(settings, *roles) as two:
        following = [
            asyncio.create_task(frames(gateway.reader.cursor(simulation_id, 0)))
            for gateway in (one, two)
            for simulation_id in ids
        ]
        transport = httpx2.ASGITransport(make_app(one))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await asyncio.gather(
                *(
                    client.post(f"/simulate/{i}?wait=none", json={"scenario": "Sort the mail."})
                    for i in ids
                )
            )
        seen = await asyncio.wait_for(asyncio.gather(*following), 30)

    assert all(found == list(range(1, len(found) + 1)) for found in seen)
    assert len({len(found) for found in seen}) == 1
