"""Everything known about one revision of a simulation: what the exports are made from."""

from datetime import datetime

from pydantic import Field

from common.contracts.failures import FailurePlan
from common.contracts.narrative import Narrative
from common.contracts.network import Network
from common.contracts.run import RunResult
from common.contracts.scenario import Interpretation, SimulationOptions
from common.contracts.values import Provenance, SimulationId, Value


class Report(Value):
    """Parts are null until their stage is accepted."""

    simulation_id: SimulationId
    scenario_text: str
    scenario_name: str | None = None
    status: str
    revision: int = 1
    created_at: datetime
    provenance: dict[str, Provenance] = Field(default_factory=dict)
    """What answered, by stage."""
    options: SimulationOptions | None = None
    interpretation: Interpretation | None = None
    network: Network | None = None
    failures: FailurePlan | None = None
    run: RunResult | None = None
    narrative: Narrative | None = None

    @property
    def title(self) -> str:
        """The person's name for it, else the interpreter's title, else its id."""
        title = self.interpretation.title if self.interpretation else ""
        return self.scenario_name or title or self.simulation_id
