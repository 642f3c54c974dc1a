"""A network in words, for prompts."""

from common.contracts.network import Network


def told_agents(network: Network) -> tuple[str, ...]:
    """One line per agent: its name, kind, duties, steps and tools."""
    return tuple(
        f"{agent.name} ({agent.kind}): {'; '.join(agent.responsibilities)}"
        f"{', steps ' + ', '.join(agent.steps) if agent.steps else ''}"
        f"{', tools ' + ', '.join(agent.tools) if agent.tools else ''}"
        for agent in network.agents
    )
