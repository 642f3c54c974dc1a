"""Accepting a scenario: store it, promise it to the pipeline, and wait a while for the network."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid5

import orjson
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.events import SimulationRequested
from common.contracts.scenario import ScenarioRequest, SimulationOptions
from common.contracts.stream import StreamEvent
from common.contracts.values import SimulationId
from gateway.database import Database
from gateway.errors import IdTaken, Overloaded, SimulationNotFound
from gateway.fanout import LIVE_KIND, Fanout
from gateway.frames import TERMINAL_EVENTS, StoredFrame
from gateway.hub import Channel, Feed, Hub, HubClosed
from gateway.metrics import ACCEPTED, FRAMES
from gateway.repositories.outbox import OutboxRepository
from gateway.repositories.scenarios import ScenarioRepository
from gateway.repositories.simulations import SimulationRepository
from gateway.services.ledger import GATEWAY, store_events
from gateway.services.links import links
from gateway.services.outgoing import post
from gateway.services.snapshot import Snapshot
from gateway.tenancy import acting_tenant

WaitFor = Literal["none", "network", "completed"]

_IDS = UUID("7b0d6f0e-4d0c-5d0a-9b8e-2f6f0f6f3c11")
"""Namespace of ids that follow from an idempotency key."""

AWAITED: dict[WaitFor, frozenset[str]] = {
    "none": frozenset(),
    "network": TERMINAL_EVENTS | {"tools_mapped"},
    "completed": TERMINAL_EVENTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a caller asks for, validated."""

    text: str
    scenario_type: str | None = None
    name: str | None = None
    description: str | None = None
    options: SimulationOptions = field(default_factory=SimulationOptions)

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests, whatever spelling they used."""
        content = [
            self.text,
            self.scenario_type,
            self.name,
            self.description,
            self.options.model_dump(mode="json"),
        ]
        return hashlib.sha256(orjson.dumps(content)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What to wait for, and for how many seconds at most."""

    wait: WaitFor = "network"
    wait_s: float = 5.0


class SubmissionService:
    def __init__(
        self,
        database: Database,
        hub: Hub,
        fanout: Fanout,
        wake: asyncio.Event,
        new_id: Callable[[], UUID],
        *,
        deadline_s: float,
        max_outbox_rows: int,
        notify: bool = False,
    ) -> None:
        self._database = database
        self._hub = hub
        self._fanout = fanout
        self._wake = wake
        self._new_id = new_id
        self._deadline_s = deadline_s
        self._max_outbox_rows = max_outbox_rows
        self._notify = notify

    def choose_id(self, idempotency_key: str | None, fingerprint: str) -> str:
        """A new id; the same for the same tenant, key and request: a retry after a crash finds the first one's."""
        if idempotency_key is None:
            return str(self._new_id())
        return str(uuid5(_IDS, f"{acting_tenant()}\n{idempotency_key}\n{fingerprint}"))

    async def submit(
        self, simulation_id: str, submission: Submission, patience: Patience
    ) -> Snapshot:
        """Accept once per id, wait as asked, and say how it stands.

        Raises:
            IdTaken: the id belongs to another request.
            Overloaded: the bus does not keep up, nothing was stored.
            HubClosed: the process is about to stop; nothing was stored.
        """
        # Attached before the commit: the network may be ready before this call is back.
        with self._hub.attach(_channel(simulation_id)) as feed:
            await self._accept_once(simulation_id, submission)
            return await self._settled(simulation_id, feed, patience)

    async def wait(self, simulation_id: str, patience: Patience) -> Snapshot:
        """How it stands, after waiting as asked. Raises SimulationNotFound."""
        with self._hub.attach(_channel(simulation_id)) as feed:
            return await self._settled(simulation_id, feed, patience)

    async def _settled(self, simulation_id: str, feed: Feed, patience: Patience) -> Snapshot:
        snapshot = await self.read(simulation_id)
        if not is_satisfied(snapshot, patience.wait):
            await wait_for(feed, AWAITED[patience.wait], patience.wait_s)
            snapshot = await self.read(simulation_id)
        return snapshot

    async def read(self, simulation_id: str) -> Snapshot:
        """Raises SimulationNotFound."""
        async with self._database.statements() as connection:
            return await read_snapshot(connection, simulation_id, results=("network",))

    async def _accept_once(self, simulation_id: str, submission: Submission) -> None:
        try:
            frames = await self._accept(simulation_id, submission)
        except IntegrityError:
            # Another request with this id was faster by a moment; it is committed now.
            try:
                frames = await self._accept(simulation_id, submission)
            except IntegrityError as error:
                # Nor is it ours: ids are unique in the whole installation.
                raise IdTaken(f"The simulation id {simulation_id!r} is taken.") from error
        if frames:
            ACCEPTED.inc()
            FRAMES.inc(len(frames))
            self._wake.set()
            await self._fanout.deliver(acting_tenant(), simulation_id, frames)

    async def _accept(self, simulation_id: str, submission: Submission) -> list[StoredFrame]:
        async with self._database.transaction() as connection:
            existing = await SimulationRepository(connection).get(simulation_id)
            if existing is None:
                await self._refuse_when_overloaded(connection)
                return await self._store(connection, simulation_id, submission)
            if existing.request_hash != submission.fingerprint:
                raise IdTaken(f"The simulation {simulation_id!r} exists with another body.")
            return []

    async def _refuse_when_overloaded(self, connection: AsyncConnection) -> None:
        limit = self._max_outbox_rows
        if await OutboxRepository(connection).backlog(limit + 1) > limit:
            raise Overloaded("Too much work waits for the message bus.")

    async def _store(
        self, connection: AsyncConnection, simulation_id: str, submission: Submission
    ) -> list[StoredFrame]:
        repository = SimulationRepository(connection)
        scenario_id = str(self._new_id())
        await ScenarioRepository(connection).add(
            scenario_id,
            text=submission.text,
            scenario_type=submission.scenario_type,
            name=submission.name,
            description=submission.description,
        )
        await repository.add(
            simulation_id, scenario_id=scenario_id, request_hash=submission.fingerprint, next_seq=2
        )
        now = await repository.now()
        requested = SimulationRequested(
            event_id=self._new_id(),
            simulation_id=SimulationId(simulation_id),
            occurred_at=now,
            request=request_of(scenario_id, submission),
        )
        await repository.add_revision(
            simulation_id,
            1,
            accepted_event_id=requested.event_id,
            options=submission.options.model_dump(mode="json"),
            deadline_s=self._deadline_s,
        )
        started = started_event(simulation_id, 1, submission)
        frames = await store_events(connection, [started], simulation_id, 1, first_seq=1, now=now)
        await post(connection, requested, notify=self._notify)
        return frames


def _channel(simulation_id: str) -> Channel:
    return Channel(acting_tenant(), LIVE_KIND, simulation_id)


async def wait_for(feed: Feed, awaited: frozenset[str], wait_s: float) -> None:
    """Until one of the `awaited` events passed, something went by unheard, the time is over, or the process stops."""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                frames, missed = await feed.news()
                if missed or any(frame.event_type in awaited for frame in frames):
                    return
    except (TimeoutError, HubClosed):
        return


async def read_snapshot(
    connection: AsyncConnection, simulation_id: str, *, results: tuple[str, ...] = ()
) -> Snapshot:
    """Raises SimulationNotFound."""
    repository = SimulationRepository(connection)
    simulation = await repository.get(simulation_id)
    if simulation is None:
        raise SimulationNotFound(simulation_id)
    revision = await repository.get_revision(simulation_id, simulation.revision, results=results)
    assert revision is not None, "every simulation has its current revision"
    return Snapshot(simulation, revision)


def is_satisfied(snapshot: Snapshot, wait: WaitFor) -> bool:
    match wait:
        case "none":
            return True
        case "network":
            return snapshot.simulation.is_terminal or snapshot.has_network
        case "completed":
            return snapshot.simulation.is_terminal


def request_of(scenario_id: str, submission: Submission) -> ScenarioRequest:
    return ScenarioRequest(
        scenario_id=scenario_id,
        text=submission.text,
        scenario_type=submission.scenario_type,
        name=submission.name,
        options=submission.options,
    )


def started_event(simulation_id: str, revision: int, submission: Submission) -> StreamEvent:
    return StreamEvent(
        event_id=f"r{revision}.start.1",
        event_type="simulation_started",
        source=GATEWAY,
        payload={
            "revision": revision,
            "scenario": submission.text,
            "scenario_type": submission.scenario_type,
            "name": submission.name,
            "options": submission.options.model_dump(mode="json"),
            "links": links(simulation_id),
        },
    )
