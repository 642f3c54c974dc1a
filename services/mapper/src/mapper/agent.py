"""ToolSkillMapperAgent: gives a planned network its tools, skills and model classes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.events import ArchitecturePlanned, ToolsMapped, follow
from common.contracts.network import Network, network_json
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from mapper.llm import MapperModel
from mapper.rules.mapping import map_network

NAME = "ToolSkillMapperAgent"
VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapperAgent:
    """Decides tools, skills and model classes; changes neither agents nor the flow between them."""

    now: Callable[[], datetime]
    model: MapperModel | None = None

    async def map(self, heard: ArchitecturePlanned) -> ToolsMapped:
        """The whole network, with every tool owned and every irreversible one gated or questioned."""
        found = await self._mapped(heard)
        network = found.value
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
            provenance=found.provenance,
            stream=(shown,),
            interpretation=heard.interpretation,
            network=network,
        )

    async def _mapped(self, heard: ArchitecturePlanned) -> Proposed[Network]:
        mapped = map_network(heard.network, heard.interpretation)
        by_rules = Proposed(mapped, Provenance(engine="rules", agent=NAME, version=VERSION))
        model = self.model
        propose = None if model is None else lambda: model.map(heard, mapped)
        return await proposed_or_rules(heard.request.options.engine, by_rules, propose)
