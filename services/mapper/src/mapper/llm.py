"""What the mapper asks of a model: skills in the scenario's words, and names for capabilities it does not know."""

from dataclasses import dataclass

from pydantic import BaseModel

from common.contracts.events import ArchitecturePlanned
from common.contracts.network import AgentSpec, Network
from common.llm.asking import About, Asking, Proposed
from common.llm.context import shorten
from common.llm.port import ModelPort
from common.llm.prompts import UserText
from mapper.rules.proposal import (
    ProposedFit,
    fitted,
    known_capabilities,
    problems,
    unknown_capabilities,
)

_AGENTS_SHARE = 0.5


class FitFields(BaseModel):
    """Fields of `prompts/fit`."""

    agents: UserText
    unknown: UserText
    catalogue: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MapperModel:
    """Maps with a model, within what the rules allow each agent."""

    asking: Asking

    async def map(self, heard: ArchitecturePlanned, by_rules: Network) -> Proposed[Network]:
        """The mapping with the model's names and skills.

        Raises:
            ModelError: no model proposed one that the rules take.
        """
        found = await self.asking.structured(
            "fit",
            fields(heard.network, self.asking.port.prompt_tokens),
            ProposedFit,
            lambda fit: problems(heard.network, heard.interpretation, by_rules, fit),
            about=About.of(heard, heard.request.options.seed),
            max_tokens=2_000,
        )
        network = fitted(heard.network, heard.interpretation, by_rules, found.value)
        return Proposed(network, found.provenance)


def fields(planned: Network, room_tokens: int) -> FitFields:
    """The prompt's fields; of many agents the last are told whole."""
    agents = tuple(_told(agent) for agent in planned.agents if agent.kind == "agent")
    unknown = unknown_capabilities(planned)
    return FitFields(
        agents=shorten(agents, int(room_tokens * _AGENTS_SHARE)),
        unknown="\n".join(unknown) or "(none)",
        catalogue=known_capabilities() if unknown else (),
    )


def _told(agent: AgentSpec) -> str:
    duties = "; ".join(agent.responsibilities)
    return f"{agent.id} ({agent.role}): {duties}. Capabilities: {', '.join(agent.capabilities) or 'none'}."


def mapper_model(port: ModelPort | None, deadline_s: float) -> MapperModel | None:
    """Null without a port: the rules map alone."""
    if port is None:
        return None
    asking = Asking(
        port=port,
        package="mapper",
        agent="mapper",
        name="ToolSkillMapperAgent",
        deadline_s=deadline_s,
    )
    return MapperModel(asking)
