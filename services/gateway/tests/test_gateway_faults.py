"""The gateway when its bus or its database dies under it: nothing accepted is lost, nothing is doubled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest

from common.provision import provision
from common.testing import RealNats, RealPostgres, nats_server, postgres_server
from gateway.app import make_app
from gateway.migrations import upgrade
from gateway.process import Gateway
from gateway.settings import GatewaySettings
from gateway.testing import ScriptedWorkers

pytestmark = pytest.mark.real

RUNS = 12


@dataclass
class Rig:
    """A gateway with servers of its own, which may be killed."""

    nats: RealNats
    postgres: RealPostgres
    gateway: Gateway
    client: httpx2.AsyncClient
    workers: ScriptedWorkers

    async def accept(self, count: int = RUNS) -> list[str]:
        ids = [f"s{number}" for number in range(count)]
        await asyncio.gather(*(self.post(simulation_id) for simulation_id in ids))
        return ids

    async def post(self, simulation_id: str) -> httpx2.Response:
        path = f"/simulate/{simulation_id}?wait=none"
        return await self.client.post(path, json={"scenario": "Sort the mail."})

    async def completed(self, ids: list[str], within_s: float) -> None:
        """Wait until all have completed; each stream must be whole and end once."""
        async with asyncio.timeout(within_s):
            while await self._states() != {"completed": len(ids)}:  # noqa: ASYNC110 - a page is watched
                await asyncio.sleep(0.1)
        for simulation_id in ids:
            page = (await self.client.get(f"/simulations/{simulation_id}/events")).json()
            kinds = [event["event_type"] for event in page["events"]]
            assert [event["seq"] for event in page["events"]] == list(range(1, len(kinds) + 1))
            assert kinds.count("simulation_completed") == 1

    async def waiting_for_tools(self) -> int:
        listed = (await self.client.get("/simulations?limit=100")).json()
        return [item["stage"] for item in listed].count("architecture")

    async def _states(self) -> dict[str, int]:
        return (await self.client.get("/api/status")).json()["simulations"] or {}


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    with nats_server() as nats, postgres_server() as postgres:
        await provision(nats.address("admin"))
        await asyncio.to_thread(upgrade, postgres.url)
        address = nats.address("gateway")
        settings = GatewaySettings.model_validate(
            {
                "database_url": postgres.url,
                "nats_url": address.url,
                "nats_user": address.user,
                "nats_password": address.password,
                "reaper_every_s": 0.5,
                "pool_size": 6,
            }
        )
        gateway = Gateway(settings)
        await gateway.start()
        await asyncio.wait_for(gateway.bus.ready(), 5)
        workers = ScriptedWorkers(nats)
        await workers.start()
        transport = httpx2.ASGITransport(make_app(gateway), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Rig(nats, postgres, gateway, client, workers)
        await workers.stop()
        await gateway.stop()


async def test_the_bus_dies_and_comes_back() -> None:
    async with rig() as run:
        ids = await run.accept()
        run.nats.kill()
        late = await run.post("late")
        run.nats.start()

        assert late.status_code == 202, "the outbox keeps what the bus cannot take"
        await run.completed([*ids, "late"], within_s=40)


async def test_the_bus_loses_its_whole_store() -> None:
    """The mapper takes its messages and says nothing, so that only sending them out again can help."""
    async with rig() as run:
        await asyncio.sleep(1)
        run.workers.silent = frozenset({"mapper"})
        ids = await run.accept()
        async with asyncio.timeout(10):
            while await run.waiting_for_tools() != len(ids):  # noqa: ASYNC110 - a list is watched
                await asyncio.sleep(0.05)
        run.workers.silent = frozenset()
        run.nats.kill()
        run.nats.wipe()
        run.nats.start()

        await run.completed(ids, within_s=40)


async def test_the_database_crashes_and_comes_back() -> None:
    async with rig() as run:
        ids = await run.accept()
        run.postgres.kill()
        refused = await run.post("refused")
        not_ready = await run.client.get("/health/ready")
        run.postgres.start()

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.headers["content-type"] == "application/problem+json"
        assert not_ready.status_code == 503
        await run.completed(ids, within_s=40)
        assert (await run.client.get("/simulations/refused")).status_code == 404
        assert (await run.client.get("/health/ready")).status_code == 200
