"""Changing what was planned: edits in plain words, undo and redo, reruns with other options, reviews."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.editing import EditAnswered, EditAsked, ReviewAnswered, ReviewAsked
from common.contracts.events import ArchitectureEdited
from common.contracts.network import Network
from common.contracts.stream import StreamEvent
from common.contracts.values import SimulationId
from common.streams import EDIT_ASK, REVIEW_ASK
from gateway.database import Database
from gateway.errors import Conflict, EditRefused, InvalidRequest, ResultNotReady, Unavailable
from gateway.history import History
from gateway.repositories.simulations import Revision, Simulation, SimulationRepository
from gateway.services.asking import Asking
from gateway.services.ledger import GATEWAY, Ledger, store_events
from gateway.services.outgoing import post
from gateway.services.rebuild import read_request
from gateway.services.snapshot import reached, with_network
from gateway.services.submission import Patience, SubmissionService, read_snapshot
from gateway.tenancy import acting_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A new network for a simulation, made from its revision `base`."""

    base: int
    network: Network
    command: str
    summary: str
    changes: tuple[str, ...] = ()
    restores: int | None = None


class RevisingService:
    def __init__(
        self,
        database: Database,
        asking: Asking,
        submissions: SubmissionService,
        ledger: Ledger,
        *,
        new_id: Callable[[], UUID],
        deadline_s: float,
    ) -> None:
        self._database = database
        self._asking = asking
        self._submissions = submissions
        self._ledger = ledger
        self._new_id = new_id
        self._deadline_s = deadline_s

    async def edit(self, simulation_id: str, command: str, patience: Patience) -> dict[str, Any]:
        """`{outcome, summary, changes, …network}`; a question comes back as `outcome: question` and changes nothing.

        Raises:
            SimulationNotFound: there is no such simulation.
            ResultNotReady: it has no network yet.
            EditRefused: the command would break the network, or cannot be done.
            Conflict: somebody else changed it at the same time.
            Unavailable: no planner answered.
        """
        async with self._database.transaction() as connection:
            simulation, revision = await self._planned(connection, simulation_id)
            entries = await SimulationRepository(connection).history(simulation_id)
        history = History.of(entries)
        asked = EditAsked(
            network=Network.model_validate(revision.network),
            command=command,
            max_agents=revision.options.get("max_agents", 10),
            history=len(history.past),
        )
        answered = await self._asking.ask(EDIT_ASK, asked, EditAnswered, whom="planner")
        match answered.outcome:
            case "question":
                return _question(simulation, answered)
            case "refused":
                raise EditRefused(
                    answered.reason or "The command cannot be done.", suggestion=answered.suggestion
                )
            case "undo":
                change = await self._undo(simulation_id, simulation, history, command, answered)
            case "edited":
                change = _edited(simulation, command, answered)
        return await self.apply(simulation_id, change, patience)

    async def apply(self, simulation_id: str, change: Change, patience: Patience) -> dict[str, Any]:
        """Begin a revision with the changed network and wait for its tools.

        Raises:
            Conflict: the simulation has another revision by now.
        """
        await self._begin(simulation_id, change)
        snapshot = await self._submissions.wait(simulation_id, patience)
        return with_network(snapshot) | {
            "outcome": "edited" if change.restores is None else "restored",
            "summary": change.summary,
            "changes": list(change.changes),
        }

    async def review(
        self, nodes: list[dict[str, Any]], edges: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """The judgement of any graph, in camelCase.

        Raises:
            InvalidRequest: the graph cannot be read.
            Unavailable: no planner answered.
        """
        answered = await self._asking.ask(
            REVIEW_ASK, ReviewAsked(nodes=nodes, edges=edges), ReviewAnswered, whom="planner"
        )
        if answered.problem is not None:
            raise InvalidRequest(answered.problem)
        return answered.model_dump(mode="json", by_alias=True, exclude={"problem"})

    async def _planned(
        self, connection: AsyncConnection, simulation_id: str
    ) -> tuple[Simulation, Revision]:
        snapshot = await read_snapshot(
            connection, simulation_id, results=("interpretation", "network")
        )
        if not reached(snapshot.revision.stage, "architecture"):
            raise ResultNotReady("There is no network to change yet.")
        return snapshot.simulation, snapshot.revision

    async def _undo(
        self,
        simulation_id: str,
        simulation: Simulation,
        history: History,
        command: str,
        answered: EditAnswered,
    ) -> Change:
        steps = answered.undo_steps or 0
        target = answered.undo_to_revision or history.target(steps)
        async with self._database.transaction() as connection:
            found = (
                await SimulationRepository(connection).get_revision(
                    simulation_id, target, results=("network",)
                )
                if target is not None
                else None
            )
        if found is None or found.network is None:
            raise EditRefused(
                "There is no such earlier or later network.",
                suggestion=f"There are {len(history.past)} steps back and {len(history.future)} forward.",
            )
        return Change(
            base=simulation.revision,
            network=Network.model_validate(found.network),
            command=command,
            summary=answered.summary or f"Back to revision {found.revision}",
            restores=found.restores or found.revision,
        )

    async def _begin(self, simulation_id: str, change: Change) -> None:
        async with self._database.transaction() as connection:
            repository = SimulationRepository(connection)
            locked = await repository.lock(simulation_id)
            if locked is None or locked.standing.revision != change.base:
                raise Conflict("The simulation was changed meanwhile; look at it and edit again.")
            simulation, base = await self._planned(connection, simulation_id)
            number = change.base + 1
            edited = ArchitectureEdited(
                event_id=self._new_id(),
                cause_id=locked.standing.accepted_event_id,
                simulation_id=SimulationId(simulation_id),
                revision=number,
                occurred_at=locked.now,
                request=await read_request(connection, simulation, base),
                interpretation=base.interpretation,
                network=change.network,
                command=change.command,
            )
            await repository.add_revision(
                simulation_id,
                number,
                accepted_event_id=edited.event_id,
                options=base.options,
                deadline_s=self._deadline_s,
                origin="edited" if change.restores is None else "restored",
                stage="interpretation",
                command=change.command,
                base_revision=change.base,
                restores=change.restores,
                interpretation=base.interpretation,
                network=edited.network.model_dump(mode="json", by_alias=True),
            )
            await repository.begin_revision(simulation_id, number)
            frames = await store_events(
                connection,
                [_edited_event(number, change)],
                simulation_id,
                number,
                first_seq=locked.next_seq,
                now=locked.now,
            )
            await repository.advance(simulation_id, next_seq=locked.next_seq + 1, status="running")
            await post(connection, edited, notify=self._ledger.notifies)
        await self._ledger.announce(acting_tenant(), simulation_id, frames)


def _edited(simulation: Simulation, command: str, answered: EditAnswered) -> Change:
    if answered.network is None:
        raise Unavailable("The planner's answer could not be read.")
    return Change(
        base=simulation.revision,
        network=answered.network,
        command=command,
        summary=answered.summary,
        changes=answered.changes,
    )


def _question(simulation: Simulation, answered: EditAnswered) -> dict[str, Any]:
    return {
        "simulation_id": simulation.id,
        "revision": simulation.revision,
        "outcome": "question",
        "question": answered.question,
        "options": list(answered.options),
        "summary": answered.summary,
    }


def _edited_event(revision: int, change: Change) -> StreamEvent:
    payload: Mapping[str, Any] = {
        "command": change.command,
        "summary": change.summary,
        "changes": list(change.changes),
        "revision": revision,
        "base_revision": change.base,
        "restores": change.restores,
        "network": change.network.model_dump(mode="json", by_alias=True),
    }
    return StreamEvent(
        event_id=f"r{revision}.edit.1",
        event_type="architecture_edited",
        source=GATEWAY,
        payload=dict(payload),
    )
