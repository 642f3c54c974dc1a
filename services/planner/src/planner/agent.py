"""Plans the agent network for an interpreted scenario, and plans on from a network that a person edited."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.events import (
    ArchitectureEdited,
    ArchitecturePlanned,
    ScenarioInterpreted,
    follow,
)
from common.contracts.network import Forecast, Network, network_json
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from planner.llm import PlannerModel
from planner.rules.planning import plan, replanned

NAME = "ArchitecturePlannerAgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerAgent:
    """Decides who works together and how. `forecast` gives the figures of a short run, or None where it has none."""

    now: Callable[[], datetime]
    forecast: Callable[[Network], Forecast | None] | None = None
    model: PlannerModel | None = None

    async def plan(self, heard: ScenarioInterpreted | ArchitectureEdited) -> ArchitecturePlanned:
        """The network for what was read; an edited network is kept and only what follows from it is made anew."""
        found = await self._planned(heard)
        network = found.value
        return follow(
            heard,
            ArchitecturePlanned,
            now=self.now(),
            provenance=found.provenance,
            stream=(_shown(network),),
            interpretation=heard.interpretation,
            network=network,
        )

    async def _planned(self, heard: ScenarioInterpreted | ArchitectureEdited) -> Proposed[Network]:
        """A network that a person edited, and a text that is no scenario, are not planned anew by a model."""
        planned = await asyncio.to_thread(self._network, heard)
        by_rules = Proposed(planned, Provenance(engine="rules", agent=NAME))
        if isinstance(heard, ArchitectureEdited) or not heard.interpretation.steps:
            return by_rules
        model = self.model
        propose = None if model is None else lambda: model.plan(heard, planned, self.forecast)
        return await proposed_or_rules(heard.request.options.engine, by_rules, propose)

    def _network(self, heard: ScenarioInterpreted | ArchitectureEdited) -> Network:
        if isinstance(heard, ArchitectureEdited):
            return replanned(heard.network, forecast=self.forecast)
        return plan(
            heard.interpretation,
            max_agents=heard.request.options.max_agents,
            forecast=self.forecast,
        )


def _shown(network: Network) -> StreamEvent:
    return StreamEvent(
        event_id="",
        event_type="architecture_planned",
        source=NAME,
        payload={
            "network": network_json(network),
            "pattern": network.pattern,
            "pattern_reason": network.pattern_reason,
        },
    )
