"""A rehearsal as the gateway's report tells it; whatever stage it has reached."""

from typing import Any

from pydantic import Field, ValidationError

from common.contracts.failures import FailurePlan
from common.contracts.narrative import Narrative
from common.contracts.network import Network
from common.contracts.run import RunResult
from common.contracts.scenario import Interpretation
from common.contracts.values import Provenance, Value
from simulator_cli.errors import CommandError


class Rehearsal(Value):
    """The parts of a report that are drawn; null where the simulation has not got there."""

    simulation_id: str
    status: str
    error: str | None = None
    reason: str | None = None
    provenance: dict[str, Provenance] = Field(default_factory=dict)
    """What answered, by stage."""
    interpretation: Interpretation | None = None
    network: Network | None = None
    failures: FailurePlan | None = None
    run: RunResult | None = None
    narrative: Narrative | None = None


def read_rehearsal(report: dict[str, Any]) -> Rehearsal:
    """The report as typed parts.

    Raises:
        CommandError: the gateway speaks another version than this command.
    """
    try:
        return Rehearsal.model_validate(report)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CommandError(
            f"The report cannot be read at {place}: {first['msg']}.",
            "The gateway may be of another version; `simulator report ID --format json` still works.",
        ) from error
