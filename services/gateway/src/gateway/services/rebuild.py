"""Reading from the record what the awaited event must carry."""

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.scenario import ScenarioRequest, SimulationOptions
from gateway.errors import SimulationNotFound
from gateway.pipeline import Record
from gateway.repositories.scenarios import ScenarioRepository
from gateway.repositories.simulations import (
    RESULT_COLUMNS,
    Revision,
    Simulation,
    SimulationRepository,
)


async def read_record(connection: AsyncConnection, simulation_id: str) -> Record:
    """The current revision with everything the next stage may need.

    Raises:
        SimulationNotFound: there is no such simulation.
    """
    repository = SimulationRepository(connection)
    simulation = await repository.get(simulation_id)
    if simulation is None:
        raise SimulationNotFound(simulation_id)
    revision = await repository.get_revision(simulation_id, simulation.revision)
    assert revision is not None, "every simulation has its current revision"
    return await record_of(connection, simulation, revision)


async def record_of(
    connection: AsyncConnection, simulation: Simulation, revision: Revision
) -> Record:
    return Record(
        simulation_id=simulation.id,
        revision=revision.revision,
        origin=revision.origin,
        stage=revision.stage,
        accepted_event_id=revision.accepted_event_id,
        attempt=revision.attempt,
        request=await read_request(connection, simulation, revision),
        results={
            name: getattr(revision, name)
            for name in RESULT_COLUMNS
            if getattr(revision, name) is not None
        },
        provenance=revision.provenance,
        command=revision.command,
    )


async def read_request(
    connection: AsyncConnection, simulation: Simulation, revision: Revision
) -> ScenarioRequest:
    """The scenario and the revision's options as the stages are told them."""
    scenario = await ScenarioRepository(connection).get(simulation.scenario_id)
    assert scenario is not None, "a simulation goes when its scenario goes"
    return ScenarioRequest(
        scenario_id=scenario.id,
        text=scenario.scenario_text,
        scenario_type=scenario.scenario_type,
        name=scenario.name,
        options=SimulationOptions.model_validate(revision.options),
    )
