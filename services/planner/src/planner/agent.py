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
from planner.rules.planning import plan, replanned

NAME = "ArchitecturePlannerAgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerAgent:
    """Decides who works together and how. `forecast` gives the figures of a short run, or None where it has none."""

    now: Callable[[], datetime]
    forecast: Callable[[Network], Forecast | None] | None = None

    async def plan(self, heard: ScenarioInterpreted | ArchitectureEdited) -> ArchitecturePlanned:
        """The network for what was read; an edited network is kept and only what follows from it is made anew."""
        network = await asyncio.to_thread(self._network, heard)
        return follow(
            heard,
            ArchitecturePlanned,
            now=self.now(),
            provenance=Provenance(engine="rules", agent=NAME),
            stream=(_shown(network),),
            interpretation=heard.interpretation,
            network=network,
        )

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
