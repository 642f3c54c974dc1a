"""The failure agent: hears the whole network, says which failures to rehearse on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.events import FailuresSelected, ToolsMapped, follow
from common.contracts.failures import FailurePlan
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from failure.llm import FailureModel
from failure.rules.selection import plan

NAME = "FailureSimulationAgent"


@dataclass(frozen=True, slots=True)
class FailureAgent:
    now: Callable[[], datetime]
    model: FailureModel | None = None

    async def select(self, heard: ToolsMapped) -> FailuresSelected:
        """Choose the modes that can strike this network, or the ones the person asked for.

        Raises:
            DomainError: the person asked for a mode that is in no catalogue.
        """
        found = await self._chosen(heard)
        failures = found.value
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
            provenance=found.provenance,
            stream=[shown],
            interpretation=heard.interpretation,
            network=heard.network,
            failures=failures,
        )

    async def _chosen(self, heard: ToolsMapped) -> Proposed[FailurePlan]:
        """What a person asked to inject is not reworded or added to."""
        options = heard.request.options
        chosen = plan(heard.network, heard.interpretation, options.failures)
        by_rules = Proposed(chosen, Provenance(agent=NAME))
        model = self.model
        if options.failures is not None:
            return by_rules
        propose = None if model is None else lambda: model.hypothesise(heard, chosen)
        return await proposed_or_rules(options.engine, by_rules, propose)
