"""One command done: the changed network, what changed in words, and the agent that "it" means from now on."""

from dataclasses import dataclass

from common.contracts.network import AgentSpec, Network


@dataclass(frozen=True, slots=True)
class Step:
    network: Network
    changes: tuple[str, ...]
    last: str | None = None


def replaced(network: Network, *agents: AgentSpec) -> Network:
    """The network with these agents in the place of those with the same id."""
    by_id = {agent.id: agent for agent in agents}
    kept = tuple(by_id.get(agent.id, agent) for agent in network.agents)
    return network.model_copy(update={"agents": kept})
