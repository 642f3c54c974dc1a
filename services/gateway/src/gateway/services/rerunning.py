"""Reruns: the same scenario as a new simulation with other options, on the same network where that is possible."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.events import SimulationRequested, StageCompleted
from common.contracts.scenario import SimulationOptions
from common.contracts.stream import EventType, StreamEvent
from gateway.database import Database
from gateway.frames import StoredFrame
from gateway.pipeline import Record, awaited_event
from gateway.repositories.simulations import Simulation, SimulationRepository
from gateway.services.ledger import GATEWAY, Ledger, store_events
from gateway.services.outgoing import post
from gateway.services.rebuild import record_of
from gateway.services.snapshot import reached
from gateway.services.submission import Submission, read_snapshot, started_event
from gateway.tenancy import acting_tenant

_PLANNING_OPTIONS = ("engine", "max_agents")
"""Options that change the network; with these the rerun begins at the interpreter."""

_KEPT = ("interpretation", "network")


class RerunService:
    def __init__(
        self, database: Database, ledger: Ledger, new_id: Callable[[], UUID], *, deadline_s: float
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._new_id = new_id
        self._deadline_s = deadline_s

    async def rerun(
        self, simulation_id: str, new_simulation_id: str, changes: Mapping[str, Any]
    ) -> None:
        """Begin `new_simulation_id` with the options of `simulation_id` and `changes`; nothing if it exists already.

        Raises:
            SimulationNotFound: there is nothing to run again.
        """
        async with self._database.transaction() as connection:
            if await SimulationRepository(connection).get(new_simulation_id) is not None:
                return
            snapshot = await read_snapshot(connection, simulation_id, results=_KEPT)
            record = await record_of(connection, snapshot.simulation, snapshot.revision)
            options = SimulationOptions.model_validate({**snapshot.revision.options, **changes})
            frames = await self._begin(
                connection, new_simulation_id, snapshot.simulation, record, options
            )
        await self._ledger.announce(acting_tenant(), new_simulation_id, frames)

    async def _begin(
        self,
        connection: AsyncConnection,
        new_id: str,
        origin: Simulation,
        record: Record,
        options: SimulationOptions,
    ) -> list[StoredFrame]:
        repository = SimulationRepository(connection)
        keeps = _keeps_network(record, options)
        begun = Record(
            simulation_id=new_id,
            revision=1,
            origin="rerun" if keeps else "requested",
            stage="tools" if keeps else None,
            accepted_event_id=self._new_id(),
            attempt=0,
            request=record.request.model_copy(update={"options": options}),
            results=dict(record.results) if keeps else {},
            provenance=record.provenance if keeps else {},
        )
        now = await repository.now()
        event = awaited_event(begun, attempt=0, now=now)
        shown = [_started(new_id, origin, event), *_kept_events(begun)]
        submission = _submission(begun)
        await repository.add(
            new_id,
            scenario_id=origin.scenario_id,
            request_hash=submission.fingerprint,
            next_seq=len(shown) + 1,
            rerun_of=origin.id,
        )
        await repository.add_revision(
            new_id,
            1,
            accepted_event_id=begun.accepted_event_id,
            options=options.model_dump(mode="json"),
            deadline_s=self._deadline_s,
            origin=begun.origin,
            stage=begun.stage,
            provenance=dict(begun.provenance),
            **{name: begun.results.get(name) for name in _KEPT if name in begun.results},
        )
        frames = await store_events(connection, shown, new_id, 1, first_seq=1, now=now)
        await post(connection, event, notify=self._ledger.notifies)
        return frames


def _keeps_network(record: Record, options: SimulationOptions) -> bool:
    before = record.request.options
    same = all(getattr(before, name) == getattr(options, name) for name in _PLANNING_OPTIONS)
    return same and reached(record.stage, "tools") and all(record.results.get(n) for n in _KEPT)


def _submission(record: Record) -> Submission:
    request = record.request
    return Submission(
        text=request.text,
        scenario_type=request.scenario_type,
        name=request.name,
        options=request.options,
    )


def _started(
    new_id: str, origin: Simulation, event: SimulationRequested | StageCompleted
) -> StreamEvent:
    started = started_event(
        new_id,
        1,
        Submission(
            text=event.request.text,
            scenario_type=event.request.scenario_type,
            name=event.request.name,
            options=event.request.options,
        ),
    )
    payload = {**started.payload, "rerun_of": origin.id}
    return started.model_copy(update={"payload": payload})


def _kept_events(record: Record) -> list[StreamEvent]:
    """What was taken over is shown as if its stages had spoken, so that a client needs no second stream."""
    if record.stage is None:
        return []
    network, found = record.results["network"], record.results["interpretation"]
    shown: list[tuple[EventType, str, dict[str, Any]]] = [
        ("scenario_interpreted", "interpretation", {"interpretation": found}),
        (
            "architecture_planned",
            "architecture",
            {"network": network, "pattern": network["pattern"]},
        ),
        ("tools_mapped", "tools", {"network": network}),
    ]
    return [
        StreamEvent(
            event_id=f"r1.{stage}.1",
            event_type=event_type,
            source=GATEWAY,
            payload=payload | {"kept": True},
        )
        for event_type, stage, payload in shown
    ]
