"""Simulations and their revisions: who they are, how far they are, what they have found."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.events import Stage
from gateway.history import Entry
from gateway.models import TERMINAL, outbox, revisions, scenarios, simulations
from gateway.pipeline import Standing
from gateway.tenancy import acting_tenant, owned, reachable

REAPER_LOCK = 5_021_302
RESULT_COLUMNS = ("interpretation", "network", "failures", "run", "narrative")


@dataclass(frozen=True, slots=True)
class Simulation:
    """The head of a simulation, without its results."""

    id: str
    scenario_id: str
    status: str
    revision: int
    next_seq: int
    request_hash: str
    rerun_of: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    error: str | None
    reason: str | None

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision's record; results are JSON values, null until their stage is accepted."""

    simulation_id: str
    revision: int
    origin: str
    options: Mapping[str, Any]
    stage: Stage | None
    accepted_event_id: UUID
    attempt: int
    reemissions: int
    created_at: datetime
    started_stages: Mapping[str, Any]
    command: str | None
    base_revision: int | None
    restores: int | None
    interpretation: Any
    network: Any
    failures: Any
    run: Any
    narrative: Any
    provenance: Mapping[str, Any]
    timings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Locked:
    """A simulation whose row this transaction holds, and the database's clock."""

    standing: Standing
    tenant: str
    next_seq: int
    attempt: int
    options: Mapping[str, Any]
    revision_created_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Silent:
    """An open simulation that makes no progress; `awaited` is the stage nobody answers for."""

    simulation_id: str
    is_expired: bool
    reemissions: int
    awaited: Stage


_SIMULATION = tuple(simulations.c[name] for name in Simulation.__dataclass_fields__)
_REVISION = tuple(revisions.c[name] for name in Revision.__dataclass_fields__)
_OF_CURRENT = and_(
    revisions.c.simulation_id == simulations.c.id, revisions.c.revision == simulations.c.revision
)


class SimulationRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def now(self) -> datetime:
        """The database's clock, by which all deadlines are kept."""
        return (await self._connection.execute(select(func.now()))).scalar_one()

    async def add(
        self,
        simulation_id: str,
        *,
        scenario_id: str,
        request_hash: str,
        next_seq: int,
        rerun_of: str | None = None,
    ) -> None:
        """Raises IntegrityError when the id is taken."""
        await self._connection.execute(
            insert(simulations).values(
                id=simulation_id,
                tenant=acting_tenant(),
                scenario_id=scenario_id,
                request_hash=request_hash,
                next_seq=next_seq,
                rerun_of=rerun_of,
            )
        )

    async def add_revision(
        self,
        simulation_id: str,
        revision: int,
        *,
        accepted_event_id: UUID,
        options: Mapping[str, Any],
        deadline_s: float,
        **columns: Any,
    ) -> None:
        """A revision whose deadline is `deadline_s` from now; `columns` are those of `Revision` it starts with."""
        await self._connection.execute(
            insert(revisions).values(
                simulation_id=simulation_id,
                revision=revision,
                accepted_event_id=accepted_event_id,
                options=options,
                deadline_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, deadline_s),
                **columns,
            )
        )

    async def get(self, simulation_id: str) -> Simulation | None:
        row = (
            await self._connection.execute(
                select(*_SIMULATION).where(
                    simulations.c.id == simulation_id, owned(simulations.c.tenant)
                )
            )
        ).first()
        return Simulation(*row) if row else None

    async def get_revision(
        self, simulation_id: str, revision: int, *, results: Collection[str] = RESULT_COLUMNS
    ) -> Revision | None:
        """The revision with the named results; the others are left null, for they may be large."""
        columns = (
            column if column.name in results or column.name not in RESULT_COLUMNS else null()
            for column in _REVISION
        )
        row = (
            await self._connection.execute(
                select(*columns).where(
                    revisions.c.simulation_id == simulation_id,
                    revisions.c.revision == revision,
                    reachable(simulations, simulation_id),
                )
            )
        ).first()
        return Revision(*row) if row else None

    async def history(self, simulation_id: str) -> list[Entry]:
        """Its revisions in order, as undo and redo need them."""
        rows = await self._connection.execute(
            select(revisions.c.revision, revisions.c.restores)
            .where(
                revisions.c.simulation_id == simulation_id, reachable(simulations, simulation_id)
            )
            .order_by(revisions.c.revision)
        )
        return [Entry(revision=row.revision, restores=row.restores) for row in rows]

    async def revisions(self, simulation_id: str) -> list[dict[str, Any]]:
        """Its revisions in order, without results."""
        rows = await self._connection.execute(
            select(
                revisions.c.revision,
                revisions.c.origin,
                revisions.c.stage,
                revisions.c.command,
                revisions.c.base_revision,
                revisions.c.restores,
                revisions.c.created_at,
            )
            .where(
                revisions.c.simulation_id == simulation_id, reachable(simulations, simulation_id)
            )
            .order_by(revisions.c.revision)
        )
        return [_plain(row._mapping) for row in rows]

    async def newest(
        self, *, status: str | None, scenario_id: str | None, limit: int, offset: int
    ) -> tuple[list[Mapping[str, Any]], int]:
        """A page with each scenario's name and beginning, newest first, and the total."""
        condition = owned(simulations.c.tenant)
        if status:
            condition &= simulations.c.status == status
        if scenario_id:
            condition &= simulations.c.scenario_id == scenario_id
        rows = await self._connection.execute(
            _with_scenario()
            .where(condition)
            .order_by(simulations.c.created_at.desc(), simulations.c.id)
            .limit(limit)
            .offset(offset)
        )
        total = await self._connection.scalar(
            select(func.count()).select_from(simulations).where(condition)
        )
        return [_plain(row._mapping) for row in rows], total or 0

    async def lock(self, simulation_id: str) -> Locked | None:
        """Hold the simulation and its current revision until the transaction ends; None when there is none."""
        row = (await self._connection.execute(_LOCK, {"id": simulation_id})).first()
        if row is None:
            # No such simulation, or the one we waited for began another revision: look again.
            row = (await self._connection.execute(_LOCK, {"id": simulation_id})).first()
        if row is None:
            return None
        return Locked(
            standing=Standing(
                status=row.status,
                revision=row.revision,
                stage=row.stage,
                accepted_event_id=row.accepted_event_id,
            ),
            tenant=row.tenant,
            next_seq=row.next_seq,
            attempt=row.attempt,
            options=row.options,
            revision_created_at=row.created_at,
            now=row.now,
        )

    async def progress(
        self,
        simulation_id: str,
        revision: int,
        *,
        stage: Stage,
        event_id: UUID,
        attempt: int,
        column: str,
        result: Any,
        provenance: Mapping[str, Any],
        accepted_at: str,
        next_seq: int,
    ) -> None:
        """Keep a stage's accepted result, name it as the cause the next one must have, move the stream's head."""
        await self._connection.execute(
            _PROGRESS[column],
            {
                "id": simulation_id,
                "revision": revision,
                "stage": stage,
                "event_id": event_id,
                "attempt": attempt,
                "result": result,
                "provenance": {stage: dict(provenance)},
                "timings": {stage: accepted_at},
                "next_seq": next_seq,
            },
        )

    async def baseline(self, simulation_id: str, revision: int) -> Any:
        """The baseline figures of its run; None before the run."""
        return await self._connection.scalar(
            select(revisions.c.run["baseline"]).where(
                revisions.c.simulation_id == simulation_id, revisions.c.revision == revision
            )
        )

    async def advance(
        self,
        simulation_id: str,
        *,
        next_seq: int,
        status: str,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        """The new head of the stream and the state; a terminal state also gets its moment."""
        values: dict[str, Any] = {
            "next_seq": next_seq,
            "status": status,
            "updated_at": func.now(),
            "error": error,
            "reason": reason,
            "finished_at": func.now() if status in TERMINAL else None,
        }
        await self._connection.execute(
            update(simulations).where(simulations.c.id == simulation_id).values(values)
        )

    async def note_started(
        self, simulation_id: str, revision: int, stage: Stage, note: Mapping[str, Any]
    ) -> None:
        """A worker began: progress, and a queued simulation now runs. One statement, a transaction in itself."""
        await self._connection.execute(
            _NOTE_STARTED,
            {"id": simulation_id, "revision": revision, "note": {stage: dict(note)}},
        )

    async def begin_revision(self, simulation_id: str, revision: int) -> None:
        """Make `revision` the current one and the simulation running again."""
        await self._connection.execute(
            update(simulations)
            .where(simulations.c.id == simulation_id)
            .values(revision=revision, status="running", finished_at=None, error=None, reason=None)
        )

    async def delete(self, simulation_id: str) -> bool:
        """Remove it with its revisions and events; whether there was one."""
        result = await self._connection.execute(
            delete(simulations)
            .where(simulations.c.id == simulation_id, owned(simulations.c.tenant))
            .returning(simulations.c.id)
        )
        return result.first() is not None

    async def heads(self, ids: Sequence[str]) -> dict[str, int]:
        """The last seq of each of `ids` that exists."""
        rows = await self._connection.execute(
            select(simulations.c.id, simulations.c.next_seq).where(simulations.c.id.in_(ids))
        )
        return {row.id: row.next_seq - 1 for row in rows}

    async def count_by_status(self) -> dict[str, int]:
        rows = await self._connection.execute(
            select(simulations.c.status, func.count())
            .where(owned(simulations.c.tenant))
            .group_by(simulations.c.status)
        )
        return {row[0]: row[1] for row in rows}

    async def is_leader(self) -> bool:
        """Whether this transaction is the only one that reaps; it stays so until it ends."""
        return bool(
            await self._connection.scalar(select(func.pg_try_advisory_xact_lock(REAPER_LOCK)))
        )

    async def silent(
        self,
        *,
        stalled_s: float,
        busy_s: float,
        queued_s: float = 0.0,
        queued: Collection[str] = (),
        limit: int,
    ) -> Sequence[Silent]:
        """Open simulations without progress, or past their deadline, longest silence first; their rows are locked.

        A stage that a worker has begun may be silent for `busy_s`, one of the stages `queued` (others wait for
        the same worker) for at least `queued_s`, any other for `stalled_s`. What still waits in the outbox is
        not silent. Rows that others hold are passed over: they are in progress.
        """
        patience = {"stalled": stalled_s, "busy": busy_s, "queued_s": queued_s}
        rows = await self._connection.execute(
            _SILENT, {**patience, "queued": list(queued), "limit": limit}
        )
        return [Silent(*row) for row in rows]

    async def unfinished_without_outbox(self) -> Sequence[str]:
        """Ids of all open simulations that wait for nothing but the bus; their rows are locked."""
        rows = await self._connection.execute(
            select(simulations.c.id)
            .where(
                simulations.c.status.not_in(TERMINAL),
                ~exists().where(outbox.c.simulation_id == simulations.c.id),
            )
            .order_by(simulations.c.created_at)
            .with_for_update(skip_locked=True)
        )
        return [row.id for row in rows]

    async def reemitted(self, simulation_id: str, revision: int, *, counts: bool) -> None:
        """The awaited event went out once more; `counts` false when that was not the workers' fault."""
        await self._connection.execute(
            update(revisions)
            .where(revisions.c.simulation_id == simulation_id, revisions.c.revision == revision)
            .values(
                attempt=revisions.c.attempt + 1,
                reemissions=revisions.c.reemissions + (1 if counts else 0),
                progressed_at=func.now(),
            )
        )


def _with_scenario() -> Select[Any]:
    columns = select(
        *_SIMULATION,
        scenarios.c.name,
        scenarios.c.scenario_type,
        func.left(scenarios.c.scenario_text, 200).label("excerpt"),
        revisions.c.stage,
    )
    joined = columns.join(scenarios, scenarios.c.id == simulations.c.scenario_id)
    return joined.join(revisions, _OF_CURRENT)


# Statements of the hot path are made once: building and hashing them costs more than running them.
_LOCK = (
    select(
        simulations.c.status,
        simulations.c.tenant,
        simulations.c.revision,
        simulations.c.next_seq,
        revisions.c.stage,
        revisions.c.accepted_event_id,
        revisions.c.attempt,
        revisions.c.options,
        revisions.c.created_at,
        func.clock_timestamp().label("now"),
    )
    .join(revisions, _OF_CURRENT)
    .where(simulations.c.id == bindparam("id"))
    # Both tables: after a wait only the rows of locked tables are read again, the others stay as they were before.
    .with_for_update()
)

_PROGRESS = {
    column: text(
        f"""
        WITH head AS (
            UPDATE simulations SET next_seq = :next_seq, status = 'running', updated_at = now()
            WHERE id = :id
        )
        UPDATE revisions SET
            stage = :stage, accepted_event_id = :event_id, attempt = greatest(attempt, :attempt),
            reemissions = 0, progressed_at = now(), {column} = :result,
            provenance = provenance || :provenance, timings = timings || :timings
        WHERE simulation_id = :id AND revision = :revision
        """  # noqa: S608 - the column's name is one of ours
    ).bindparams(
        bindparam("id", type_=Text),
        bindparam("revision", type_=Integer),
        bindparam("next_seq", type_=BigInteger),
        bindparam("stage", type_=Text),
        bindparam("event_id", type_=Uuid),
        bindparam("attempt", type_=Integer),
        bindparam("result", type_=JSONB),
        bindparam("provenance", type_=JSONB),
        bindparam("timings", type_=JSONB),
    )
    for column in RESULT_COLUMNS
}

_NOTE_STARTED = text(
    """
    WITH noted AS (
        UPDATE revisions SET started_stages = started_stages || :note, progressed_at = now()
        WHERE simulation_id = :id AND revision = :revision
    )
    UPDATE simulations SET status = 'running', updated_at = now()
    WHERE id = :id AND revision = :revision AND status = 'queued'
    """
).bindparams(
    bindparam("id", type_=Text),
    bindparam("revision", type_=Integer),
    bindparam("note", type_=JSONB),
)

_SILENT = text(
    """
    SELECT s.id, r.deadline_at < now() AS is_expired, r.reemissions, w.awaited
    FROM simulations s
    JOIN revisions r ON r.simulation_id = s.id AND r.revision = s.revision
    CROSS JOIN LATERAL (SELECT CASE coalesce(r.stage, '')
        WHEN '' THEN 'interpretation'
        WHEN 'interpretation' THEN 'architecture'
        WHEN 'architecture' THEN 'tools'
        WHEN 'tools' THEN 'failures'
        WHEN 'failures' THEN 'run'
        ELSE 'narrative' END AS awaited) w
    WHERE s.status IN ('queued', 'running')
      AND (
        r.deadline_at < now()
        OR (
          r.progressed_at < now() - make_interval(secs => CASE
            WHEN w.awaited = ANY(cast(:queued AS text[]))
              THEN greatest(cast(:queued_s AS float8), cast(:busy AS float8))
            WHEN jsonb_exists(r.started_stages, w.awaited) THEN cast(:busy AS float8)
            ELSE cast(:stalled AS float8) END)
          AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.simulation_id = s.id)
        )
      )
    ORDER BY r.progressed_at
    LIMIT :limit
    FOR UPDATE OF s, r SKIP LOCKED
    """
)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with plain strings for keys: SQLAlchemy's are a subclass, which orjson refuses."""
    return {str(name): value for name, value in row.items()}
