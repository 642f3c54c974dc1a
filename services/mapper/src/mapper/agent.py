"""ToolSkillMapperAgent: gives a planned network its tools, skills and model classes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.events import ArchitecturePlanned, ToolsMapped, follow
from common.contracts.network import network_json
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from mapper.rules.mapping import map_network

NAME = "ToolSkillMapperAgent"
VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapperAgent:
    """Decides tools, skills and model classes; changes neither agents nor the flow between them."""

    now: Callable[[], datetime]

    async def map(self, heard: ArchitecturePlanned) -> ToolsMapped:
        """The whole network, with every tool owned and every irreversible one gated or questioned."""
        network = map_network(heard.network, heard.interpretation)
        shown = StreamEvent(
            event_id="",
            event_type="tools_mapped",
            source=NAME,
            payload={"network": network_json(network)},
        )
        return follow(
            heard,
            ToolsMapped,
            now=self.now(),
            provenance=Provenance(engine="rules", agent=NAME, version=VERSION),
            stream=(shown,),
            interpretation=heard.interpretation,
            network=network,
        )
