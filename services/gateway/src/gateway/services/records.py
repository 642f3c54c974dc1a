"""The record as callers read it: lists, reports, traces, comparisons; and its removal."""

from collections.abc import Mapping
from typing import Any

from gateway.database import Database
from gateway.errors import AlreadyOver, ResultNotReady, ScenarioNotFound, SimulationNotFound
from gateway.frames import iso
from gateway.repositories.scenarios import Scenario, ScenarioRepository
from gateway.repositories.simulations import RESULT_COLUMNS, Revision, SimulationRepository
from gateway.services.ledger import Ending, Ledger
from gateway.services.snapshot import Snapshot, head
from gateway.services.submission import read_snapshot
from gateway.services.summary import figures_summary


class RecordService:
    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def scenarios(
        self, *, q: str | None, limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        """A page, newest first, and the total."""
        async with self._database.statements() as connection:
            found, total = await ScenarioRepository(connection).newest(
                q=q, limit=limit, offset=offset
            )
        return [scenario_body(scenario) for scenario in found], total

    async def scenario(self, scenario_id: str) -> dict[str, Any]:
        """Raises ScenarioNotFound."""
        async with self._database.statements() as connection:
            found = await ScenarioRepository(connection).get(scenario_id)
        if found is None:
            raise ScenarioNotFound(scenario_id)
        return scenario_body(found)

    async def delete_scenario(self, scenario_id: str) -> None:
        """With all its simulations. Raises ScenarioNotFound."""
        async with self._database.statements() as connection:
            if not await ScenarioRepository(connection).delete(scenario_id):
                raise ScenarioNotFound(scenario_id)

    async def simulations(
        self, *, status: str | None, scenario_id: str | None, limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        """A page, newest first, and the total."""
        async with self._database.statements() as connection:
            rows, total = await SimulationRepository(connection).newest(
                status=status, scenario_id=scenario_id, limit=limit, offset=offset
            )
        return [_listed(row) for row in rows], total

    async def delete(self, simulation_id: str) -> None:
        """Whatever workers still say about it is dropped. Raises SimulationNotFound."""
        async with self._database.statements() as connection:
            if not await SimulationRepository(connection).delete(simulation_id):
                raise SimulationNotFound(simulation_id)

    async def cancel(self, simulation_id: str) -> dict[str, Any]:
        """End it now; cancelling twice is the same as once.

        Raises:
            SimulationNotFound: there is no such simulation.
            AlreadyOver: it completed or failed before.
        """
        await self._ledger.end(simulation_id, Ending(state="cancelled"))
        snapshot = await self.snapshot(simulation_id)
        if snapshot.simulation.status != "cancelled":
            raise AlreadyOver(f"The simulation is {snapshot.simulation.status}.")
        return head(snapshot.simulation)

    async def report(self, simulation_id: str, revision: int | None = None) -> dict[str, Any]:
        """Everything known about one revision; parts are null until their stage is accepted.

        Raises:
            SimulationNotFound: there is no such simulation or revision.
        """
        snapshot = await self.snapshot(simulation_id, results=RESULT_COLUMNS, revision=revision)
        found = snapshot.revision
        async with self._database.statements() as connection:
            scenario = await ScenarioRepository(connection).get(snapshot.simulation.scenario_id)
            revisions = await SimulationRepository(connection).revisions(simulation_id)
        return (
            head(snapshot.simulation)
            | {
                "revision": found.revision,
                "scenario": scenario_body(scenario) if scenario else None,
                "options": found.options,
                "stage": found.stage,
                "summary": _summary(found),
                "revisions": revisions,
                "provenance": found.provenance,
                "timings": found.timings,
                "started_stages": found.started_stages,
            }
            | {name: getattr(found, name) for name in RESULT_COLUMNS}
        )

    async def graph(self, simulation_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Its network as nodes and edges.

        Raises:
            SimulationNotFound: there is no such simulation.
            ResultNotReady: there is no network yet.
        """
        network = (await self.snapshot(simulation_id, results=("network",))).revision.network
        if network is None:
            raise ResultNotReady("There is no network to review yet.")
        tools = [{"type": "tool", "id": tool["name"], **tool} for tool in network["tools"]]
        agents = [{"type": agent["kind"], **agent} for agent in network["agents"]]
        return [*agents, *tools], list(network["connections"])

    async def trace(self, simulation_id: str) -> dict[str, Any]:
        """The spans, logs and metrics of the sampled task, and its journey.

        Raises:
            SimulationNotFound: there is no such simulation.
            ResultNotReady: the run is not narrated yet.
        """
        snapshot = await self.snapshot(simulation_id, results=("run", "narrative"))
        narrative, run = snapshot.revision.narrative, snapshot.revision.run
        if narrative is None:
            raise ResultNotReady(
                f"The simulation is {snapshot.simulation.status}; it has no trace yet."
            )
        return {
            "simulation_id": simulation_id,
            "revision": snapshot.revision.revision,
            "trace_id": narrative.get("trace_id"),
            "spans": narrative.get("spans", []),
            "logs": narrative.get("logs", []),
            "metrics": narrative.get("metrics", []),
            "journey": (run or {}).get("journey", []),
        }

    async def snapshot(
        self, simulation_id: str, *, results: tuple[str, ...] = (), revision: int | None = None
    ) -> Snapshot:
        """Raises SimulationNotFound."""
        async with self._database.statements() as connection:
            snapshot = await read_snapshot(connection, simulation_id, results=results)
            if revision is None or revision == snapshot.simulation.revision:
                return snapshot
            found = await SimulationRepository(connection).get_revision(
                simulation_id, revision, results=results
            )
        if found is None:
            raise SimulationNotFound(f"{simulation_id}@{revision}")
        return Snapshot(snapshot.simulation, found)

    async def with_run(self, reference: str) -> Snapshot:
        simulation_id, _, revision = reference.partition("@")
        number = int(revision) if revision else None
        snapshot = await self.snapshot(simulation_id, results=("network", "run"), revision=number)
        if snapshot.revision.run is None:
            raise ResultNotReady(f"The simulation {reference!r} has no run yet.")
        return snapshot


def scenario_body(scenario: Scenario) -> dict[str, Any]:
    return {
        "id": scenario.id,
        "created_at": iso(scenario.created_at),
        "scenario_text": scenario.scenario_text,
        "scenario_type": scenario.scenario_type,
        "name": scenario.name,
        "description": scenario.description,
    }


def _summary(revision: Revision) -> dict[str, Any] | None:
    return figures_summary((revision.run or {}).get("baseline"))


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "simulation_id": row["id"],
        "scenario_id": row["scenario_id"],
        "status": row["status"],
        "revision": row["revision"],
        "stage": row["stage"],
        "name": row["name"],
        "scenario_type": row["scenario_type"],
        "scenario_excerpt": row["excerpt"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "finished_at": iso(row["finished_at"]) if row["finished_at"] else None,
        "rerun_of": row["rerun_of"],
        "error": row["error"],
        "reason": row["reason"],
    }
