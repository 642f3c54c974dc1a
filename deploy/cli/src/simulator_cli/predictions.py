"""A planned network in the form that the corpus scorer reads."""

from typing import Any

from common.contracts.network import Network
from simulator_cli.render.layers import agent_connections

_SCORED_PATTERN = {"single": "sequential", "blackboard": "group_chat"}
"""The scorer has eight patterns: one agent is the shortest sequence, a blackboard is its `group_chat`."""


def prediction(case_id: str, network: Network) -> dict[str, Any]:
    """Agents by role, tools by capability, edges by role; people are `human_in_loop`, not agents."""
    agents = {agent.id: agent for agent in network.agents if agent.kind == "agent"}
    capability = {tool.name: tool.capability for tool in network.tools}
    return {
        "id": case_id,
        "agents": [
            {
                "role": agent.role,
                "responsibility": "; ".join(agent.responsibilities),
                "tools": list(dict.fromkeys(capability.get(name, name) for name in agent.tools)),
            }
            for agent in agents.values()
        ],
        "pattern": _SCORED_PATTERN.get(network.pattern, network.pattern),
        "edges": [
            [agents[c.source].role, agents[c.target].role]
            for c in agent_connections(network)
            if c.source in agents and c.target in agents
        ],
        "human_in_loop": network.human_in_loop or len(agents) < len(network.agents),
    }
