"""Whether an irreversible action has a human approval or a verifier before it."""

from typing import Literal

from common.contracts.network import AgentSpec, Network
from planner.review.paths import forward_edges, reached, successors

type Gating = Literal["gated", "bypassed", "missing"]


def is_gate(agent: AgentSpec) -> bool:
    """A person or a verifier stops a task that should not go on."""
    return agent.kind == "human" or agent.is_verifier


def irreversible_owners(network: Network) -> tuple[tuple[str, str], ...]:
    """(agent id, tool name) for every agent that holds a tool whose effect cannot be taken back."""
    risky = {tool.name for tool in network.tools if tool.side_effect == "irreversible"}
    return tuple(
        (agent.id, name) for agent in network.agents for name in agent.tools if name in risky
    )


def gating(network: Network, owner: str) -> Gating:
    """How well a gate protects what `owner` does.

    - `gated`: each way from the entry to the owner passes a gate, or leaves the gate out only on an edge whose
      condition is stated (`when`: "amount up to 100 EUR"); a person as owner, or one that the owner calls, is a gate.
    - `bypassed`: there is a gate before the owner, and an unconditional way around it.
    - `missing`: no gate stands before the owner.
    """
    gates = {agent.id for agent in network.agents if is_gate(agent)}
    people = {agent.id for agent in network.agents if agent.kind == "human"}
    edges = forward_edges(network)
    asks = any(e.source == owner and e.kind == "call" and e.target in people for e in edges)
    if owner in people or asks:
        return "gated"
    before = successors((edge.target, edge.source) for edge in edges)
    if not (reached([owner], before) - {owner}) & gates:
        return "missing"
    free = successors(
        (e.source, e.target) for e in edges if e.source not in gates and e.when is None
    )
    starts = [start for start in network.entry if start not in gates]
    return "bypassed" if owner in reached(starts, free) else "gated"
