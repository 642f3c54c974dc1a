"""What a careful reader asks of the mapped tools: who may do what cannot be undone, and what stands before it."""

from collections.abc import Iterator

from common.contracts.network import Network, ToolSpec
from common.contracts.scenario import Question

_TOOL_KINDS = frozenset({"tool", "memory"})
_UNGATED = "and no human approval or verifier stands before it."
_QUESTIONS = ("tool-gate-", "tool-owners-")


def notes(network: Network) -> tuple[str, ...]:
    """One sentence per owner of an irreversible tool that no approval or verifier precedes."""
    return tuple(
        f"{network.agent(owner).name} uses {tool.name}, which cannot be undone, " + _UNGATED
        for tool, owner in _ungated(network)
    )


def questions(network: Network) -> tuple[Question, ...]:
    """What only the owner of the business can answer: missing gates, and two hands on one irreversible tool."""
    return (*_gate_questions(network), *_shared_questions(network))


def outdated(text_or_id: str) -> bool:
    """Whether a note or a question's id came from here: an edited network is judged anew."""
    return text_or_id.endswith(_UNGATED) or text_or_id.startswith(_QUESTIONS)


def _gate_questions(network: Network) -> Iterator[Question]:
    for tool, owner in _ungated(network):
        name = network.agent(owner).name
        yield Question(
            id=f"tool-gate-{tool.name}-{owner}",
            text=f"Who approves before {name} uses {tool.name}, or up to which limit may it act alone?",
            why="The action cannot be undone and nothing in the network stops a wrong one.",
        )


def _shared_questions(network: Network) -> Iterator[Question]:
    for tool in network.tools:
        if tool.side_effect == "irreversible" and len(tool.used_by) > 1:
            names = ", ".join(network.agent(owner).name for owner in tool.used_by)
            yield Question(
                id=f"tool-owners-{tool.name}",
                text=f"Which one of {names} should use {tool.name}?",
                why="Two hands on one action that cannot be undone do it twice sooner or later.",
            )


def _ungated(network: Network) -> Iterator[tuple[ToolSpec, str]]:
    people = {agent.id for agent in network.agents if agent.kind == "human"}
    gates = people | {agent.id for agent in network.agents if agent.is_verifier}
    for tool in network.tools:
        for owner in tool.used_by if tool.side_effect == "irreversible" else ():
            asks = owner in people or _asks(network, owner, people)
            if not asks and not _before(network, owner) & gates:
                yield tool, owner


def _asks(network: Network, owner: str, people: set[str]) -> bool:
    """Whether the owner calls a person and waits for the answer."""
    return any(
        e.source == owner and e.kind == "call" and e.target in people for e in network.connections
    )


def _before(network: Network, owner: str) -> set[str]:
    """Every agent from which forward connections lead to the owner."""
    edges = [
        e for e in network.connections if e.kind not in _TOOL_KINDS and e.max_iterations is None
    ]
    found: set[str] = set()
    waiting = [owner]
    while waiting:
        node = waiting.pop()
        new = {e.source for e in edges if e.target == node} - found
        found |= new
        waiting.extend(sorted(new))
    return found - {owner}
