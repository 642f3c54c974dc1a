"""The one writer of what workers said: accepts results, numbers and stores their events, ends simulations.

Everything happens under the simulation's row lock; frames leave only after the commit.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.events import (
    Event,
    SimulationCancelled,
    SimulationCompleted,
    SimulationFailed,
    StageCompleted,
    StageFailed,
    StageProgressed,
    StageStarted,
)
from common.contracts.stream import EventType, StreamEvent
from common.contracts.values import SimulationId
from gateway.database import Database
from gateway.fanout import Fanout
from gateway.frames import StoredFrame, iso, number
from gateway.metrics import ENDED, FRAMES, RESULTS
from gateway.pipeline import (
    COLUMN_OF,
    TERMINAL_STATES,
    Standing,
    Verdict,
    judge,
    next_stage,
)
from gateway.repositories.events import EventRepository
from gateway.repositories.simulations import Locked, SimulationRepository
from gateway.services.links import links
from gateway.services.outgoing import post
from gateway.services.summary import figures_summary

GATEWAY = "Gateway"

EndState = Literal["completed", "failed", "cancelled"]
_EVENT_OF: dict[EndState, EventType] = {
    "completed": "simulation_completed",
    "failed": "simulation_failed",
    "cancelled": "simulation_cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a simulation ends. `error` is a stable code, `reason` is for a person; both only for failures."""

    state: EndState
    error: str | None = None
    reason: str | None = None
    payload: dict[str, Any] | None = None


class Ledger:
    def __init__(
        self, database: Database, fanout: Fanout, wake: asyncio.Event, *, notify: bool = False
    ) -> None:
        self._database = database
        self._fanout = fanout
        self._wake = wake
        self._notify = notify

    async def accept(self, result: StageCompleted) -> Verdict:
        """Store `result` and its events if it is the one awaited; else say why not. Safe to repeat."""
        # Made before the lock is taken: the larger results take milliseconds to turn into JSON.
        kept = getattr(result, COLUMN_OF[result.stage]).model_dump(mode="json", by_alias=True)
        frames: list[StoredFrame] = []
        async with self._database.transaction() as connection:
            locked = await SimulationRepository(connection).lock(result.simulation_id)
            verdict = judge(locked.standing, result) if locked else Verdict.STRANGER
            if locked and verdict is Verdict.ACCEPT:
                frames = await self._store(connection, result, kept, locked)
        RESULTS.labels(result.stage, verdict.value).inc()
        if locked and verdict is Verdict.ACCEPT:
            ended: EndState | None = "completed" if next_stage(result.stage) is None else None
            await self.announce(locked.tenant, result.simulation_id, frames, ended)
        return verdict

    async def started(self, said: StageStarted) -> None:
        note = {"worker": said.worker, "instance": said.instance, "at": iso(said.occurred_at)}
        async with self._database.statements() as connection:
            await SimulationRepository(connection).note_started(
                said.simulation_id, said.revision, said.stage, note
            )

    async def progress(self, said: StageProgressed) -> bool:
        """Store what a stage under way shows; False when it is late, foreign, or shown already."""
        async with self._database.transaction() as connection:
            repository = SimulationRepository(connection)
            locked = await repository.lock(said.simulation_id)
            if locked is None or not _is_under_way(locked.standing, said):
                return False
            known = await EventRepository(connection).known_ids(
                said.simulation_id, [shown.event_id for shown in said.stream]
            )
            frames = await store_events(
                connection,
                [shown for shown in said.stream if shown.event_id not in known],
                said.simulation_id,
                said.revision,
                first_seq=locked.next_seq,
                now=locked.now,
            )
            await repository.advance(
                said.simulation_id, next_seq=locked.next_seq + len(frames), status="running"
            )
        await self.announce(locked.tenant, said.simulation_id, frames)
        return bool(frames)

    async def fail(self, said: StageFailed) -> bool:
        """A worker gave up: the simulation ends as failed, unless that revision is over or the stage has a result."""
        ending = Ending(
            state="failed",
            error=said.error,
            reason=said.reason,
            payload={"stage": said.stage, "worker": said.worker},
        )
        return await self.end(said.simulation_id, ending, only=said)

    async def end(
        self, simulation_id: str, ending: Ending, *, only: StageFailed | None = None
    ) -> bool:
        """Bring an open simulation to its final state; False when there is none, or it is final already."""
        async with self._database.transaction() as connection:
            locked = await SimulationRepository(connection).lock(simulation_id)
            if locked is None or not _may_end(locked, only):
                return False
            frames = await self.write_ending(
                connection, simulation_id, locked, ending, locked.next_seq
            )
        await self.announce(locked.tenant, simulation_id, frames, ending.state)
        return True

    async def _store(
        self, connection: AsyncConnection, result: StageCompleted, kept: Any, locked: Locked
    ) -> list[StoredFrame]:
        """The result and its events, and the ending if it was the last; the caller holds the lock."""
        repository = SimulationRepository(connection)
        frames = await store_events(
            connection,
            result.stream,
            result.simulation_id,
            result.revision,
            first_seq=locked.next_seq,
            now=locked.now,
        )
        next_seq = locked.next_seq + len(frames)
        await repository.progress(
            result.simulation_id,
            result.revision,
            stage=result.stage,
            event_id=result.event_id,
            attempt=result.attempt,
            column=COLUMN_OF[result.stage],
            result=kept,
            provenance=result.provenance.model_dump(mode="json"),
            accepted_at=iso(locked.now),
            next_seq=next_seq,
        )
        if next_stage(result.stage) is None:
            payload = await self._completed_payload(repository, result, locked)
            ending = Ending(state="completed", payload=payload)
            frames += await self.write_ending(
                connection, result.simulation_id, locked, ending, next_seq
            )
        return frames

    async def _completed_payload(
        self, repository: SimulationRepository, result: StageCompleted, locked: Locked
    ) -> dict[str, Any]:
        baseline = await repository.baseline(result.simulation_id, result.revision)
        return {
            "summary": figures_summary(baseline),
            "duration_s": round((locked.now - locked.revision_created_at).total_seconds(), 3),
        }

    async def write_ending(
        self,
        connection: AsyncConnection,
        simulation_id: str,
        locked: Locked,
        ending: Ending,
        next_seq: int,
    ) -> list[StoredFrame]:
        """The final state, its stream event and its bus event, in the caller's transaction."""
        revision = locked.standing.revision
        payload = {
            "status": ending.state,
            "revision": revision,
            **({"error": ending.error, "reason": ending.reason} if ending.error else {}),
            **(ending.payload or {}),
            "links": links(simulation_id),
        }
        event = StreamEvent(
            event_id=f"r{revision}.end.1",
            event_type=_EVENT_OF[ending.state],
            source=GATEWAY,
            payload=payload,
        )
        frames = await store_events(
            connection,
            [event],
            simulation_id,
            revision,
            first_seq=next_seq,
            now=locked.now,
        )
        await SimulationRepository(connection).advance(
            simulation_id,
            next_seq=next_seq + 1,
            status=ending.state,
            error=ending.error,
            reason=ending.reason,
        )
        await post(connection, _fact(simulation_id, locked, ending), notify=self._notify)
        return frames

    @property
    def notifies(self) -> bool:
        """Whether the relay runs in another process and must be woken through the database."""
        return self._notify

    def wake_relay(self) -> None:
        self._wake.set()

    async def announce(
        self,
        tenant: str,
        simulation_id: str,
        frames: Sequence[StoredFrame],
        ended: EndState | None = None,
    ) -> None:
        """After the commit: wake the relay, count, hand the frames to whoever follows."""
        self._wake.set()
        FRAMES.inc(len(frames))
        if ended is not None:
            ENDED.labels(ended).inc()
        await self._fanout.deliver(tenant, simulation_id, frames)


async def store_events(
    connection: AsyncConnection,
    shown: Sequence[StreamEvent],
    simulation_id: str,
    revision: int,
    *,
    first_seq: int,
    now: datetime,
) -> list[StoredFrame]:
    """Number and store what is to be shown; the caller holds the row lock and moves the head."""
    new = number(
        shown, simulation_id=simulation_id, revision=revision, first_seq=first_seq, now=now
    )
    await EventRepository(connection).add(new)
    return [item.frame for item in new]


def _is_under_way(standing: Standing, said: StageProgressed) -> bool:
    return (
        standing.status not in TERMINAL_STATES
        and said.revision == standing.revision
        and said.stage == next_stage(standing.stage)
        and said.cause_id == standing.accepted_event_id
    )


def _may_end(locked: Locked, only: StageFailed | None) -> bool:
    if locked.standing.status in TERMINAL_STATES:
        return False
    if only is None:
        return True
    return (
        only.revision == locked.standing.revision
        and next_stage(locked.standing.stage) == only.stage
    )


def _fact(simulation_id: str, locked: Locked, ending: Ending) -> Event:
    """The bus event of an ending; its id follows from the last accepted result, so it exists once."""
    shapes: dict[EndState, type[Event]] = {
        "completed": SimulationCompleted,
        "failed": SimulationFailed,
        "cancelled": SimulationCancelled,
    }
    shape = shapes[ending.state]
    cause = locked.standing.accepted_event_id
    said = {"error": ending.error, "reason": ending.reason} if ending.state == "failed" else {}
    return shape.model_validate(
        {
            "event_id": uuid5(cause, shape.subject),
            "cause_id": cause,
            "simulation_id": SimulationId(simulation_id),
            "revision": locked.standing.revision,
            "occurred_at": locked.now,
            **said,
        }
    )
