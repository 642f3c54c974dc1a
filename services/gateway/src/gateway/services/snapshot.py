"""A simulation as callers see it: its head, and the network once it is mapped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.contracts.events import STAGES, Stage
from gateway.frames import iso
from gateway.repositories.simulations import Revision, Simulation
from gateway.services.links import links


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A simulation and its current revision, read in one transaction."""

    simulation: Simulation
    revision: Revision

    @property
    def has_network(self) -> bool:
        """Whether the network has its tools: what a caller of POST /simulate waits for."""
        return reached(self.revision.stage, "tools")


def reached(stage: Stage | None, wanted: Stage) -> bool:
    """Whether the result of `wanted` is accepted when `stage` is the last accepted one."""
    return stage is not None and STAGES.index(stage) >= STAGES.index(wanted)


def head(simulation: Simulation) -> dict[str, Any]:
    """The fields every answer about a simulation has."""
    body: dict[str, Any] = {
        "simulation_id": simulation.id,
        "scenario_id": simulation.scenario_id,
        "status": simulation.status,
        "revision": simulation.revision,
        "seq": simulation.next_seq - 1,
        "created_at": iso(simulation.created_at),
        "updated_at": iso(simulation.updated_at),
        "finished_at": iso(simulation.finished_at) if simulation.finished_at else None,
        "rerun_of": simulation.rerun_of,
        "links": links(simulation.id),
    }
    if simulation.error:
        body |= {"error": simulation.error, "reason": simulation.reason}
    return body


def with_network(snapshot: Snapshot) -> dict[str, Any]:
    """What `POST /simulate` answers; the lists are empty until the network is mapped."""
    body = head(snapshot.simulation) | {"agents": [], "tools": [], "connections": []}
    body |= {"pattern": None, "pattern_reason": None, "stage": snapshot.revision.stage}
    body["options"] = snapshot.revision.options
    body["provenance"] = snapshot.revision.provenance
    if snapshot.has_network and isinstance(snapshot.revision.network, Mapping):
        body |= snapshot.revision.network
    return body
