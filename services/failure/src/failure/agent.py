"""The failure agent: hears the whole network, says which failures to rehearse on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.events import FailuresSelected, ToolsMapped, follow
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from failure.rules.selection import plan

NAME = "FailureSimulationAgent"


@dataclass(frozen=True, slots=True)
class FailureAgent:
    now: Callable[[], datetime]

    async def select(self, heard: ToolsMapped) -> FailuresSelected:
        """Choose the modes that can strike this network, or the ones the person asked for.

        Raises:
            DomainError: the person asked for a mode that is in no catalogue.
        """
        failures = plan(heard.network, heard.interpretation, heard.request.options.failures)
        shown = StreamEvent(
            event_id="",
            event_type="failures_selected",
            source=NAME,
            payload={"failures": failures.model_dump(mode="json", by_alias=True)},
        )
        return follow(
            heard,
            FailuresSelected,
            now=self.now(),
            provenance=Provenance(agent=NAME),
            stream=[shown],
            interpretation=heard.interpretation,
            network=heard.network,
            failures=failures,
        )
