"""Edits a network by commands in plain words. Pure: the same network and command give the same result."""

from collections.abc import Callable
from typing import Any

from common.contracts.network import Network
from planner.editing import agents, flow, joining, patterns, sizes, toolbox
from planner.editing.commands import (
    AddAgent,
    AddApproval,
    AddTool,
    AddVerifier,
    Command,
    Connect,
    Disconnect,
    GiveTool,
    GoBack,
    Merge,
    MoveTool,
    NameModel,
    Remove,
    Rename,
    SetBound,
    SetConcurrency,
    SetModel,
    SetPattern,
    Split,
    TakeTool,
    Vague,
)
from planner.editing.expansion import expanded
from planner.editing.grammar import read
from planner.editing.outcome import (
    BreaksNetworkError,
    Edited,
    EditResult,
    NeedsAnswer,
    Refused,
    UnclearError,
    Undo,
)
from planner.editing.sentences import sentences
from planner.editing.settle import settle
from planner.editing.step import Step
from planner.review.invariants import Violation, violations

_OPERATIONS: dict[type, Callable[[Network, Any, str | None], Step]] = {
    AddAgent: agents.add,
    AddVerifier: agents.add_verifier,
    AddApproval: agents.add_approval,
    Remove: agents.remove,
    Rename: agents.rename,
    Merge: joining.merge,
    Split: joining.split,
    AddTool: toolbox.add,
    GiveTool: toolbox.give,
    TakeTool: toolbox.take,
    MoveTool: toolbox.move,
    Connect: flow.connect,
    Disconnect: flow.disconnect,
    SetModel: sizes.set_model,
    SetConcurrency: sizes.set_concurrency,
    SetPattern: patterns.set_pattern,
    SetBound: flow.set_bound,
    NameModel: sizes.ask_class,
    Vague: sizes.ask_back,
}
_REASONS = 3  # an agent that is cut off cuts off all after it; the first few say enough
_MOST_CHARS = 400  # per command; longer ones are stories, and matching them takes time
_SUGGESTIONS = {
    "unreachable": "Connect another agent to it first, or remove it as well.",
    "dead_end": "Connect it to an agent that goes on, or remove it as well.",
    "no_exit": "Say which agent delivers the result by adding one after it.",
    "no_entry": "Say which agent receives the task by adding one before it.",
    "unbounded_loop": "Say how often work may go back (“… at most 2 times”), or include the agents in between.",
    "false_back_edge": "A way back must lead to an agent that the work came from.",
    "ungated": "Add a human approval or a verifier before it first.",
    "gate_bypassed": "Put the approval or the verifier on every way that leads there.",
    "too_many_agents": "Merge or remove an agent first.",
    "duplicate_id": "Choose another name.",
}


def edit(
    network: Network, command: str, *, max_agents: int = 30, history: int | None = None
) -> EditResult:
    """Applies the commands of one sentence in order, all or none.

    Args:
        network: a sound one; defects it has already are not held against the command.
        command: plain words, several commands joined by "and", "then" or ";".
        max_agents: how many agents the request allows (people are not counted).
        history: how many earlier revisions there are to go back to; None when the caller decides.
    """
    said = sentences(command)
    if not said:
        return NeedsAnswer("What should change?", _examples(network))
    try:
        return _apply(network, said, max_agents, history)
    except UnclearError as unclear:
        return unclear.answer
    except BreaksNetworkError as breaks:
        return breaks.refusal


def _apply(
    network: Network, said: tuple[str, ...], max_agents: int, history: int | None
) -> EditResult:
    now, last, changes = network, None, list[str]()
    for text in said:
        for command in expanded(now, _understood(now, text)):
            if isinstance(command, GoBack):
                return _undone(command, len(said), history)
            step = _OPERATIONS[type(command)](now, command, last)
            settled = settle(step.network)
            _check(now, settled, max_agents)
            now, last = settled, step.last or last
            changes.extend(step.changes)
    return Edited(now, " ".join(changes), tuple(changes))


def _understood(network: Network, text: str) -> Command:
    if len(text) > _MOST_CHARS:
        raise UnclearError(
            "That is too long for one change. What should change first?", _examples(network)
        )
    if (command := read(text)) is None:
        raise UnclearError(
            f"I did not understand “{text}”. What should change?", _examples(network)
        )
    return command


def _undone(command: GoBack, commands: int, history: int | None) -> EditResult:
    if commands > 1:
        return NeedsAnswer("Undo stands alone. Should I undo first, or make the changes?")
    if history == 0 and (command.steps or 1) > 0:
        return Refused("There is no earlier revision to go back to.", "Make a change first.")
    return Undo(command.steps, command.to_revision)


def _check(before: Network, after: Network, max_agents: int) -> None:
    """Refuses what breaks an invariant that held before. A network that is too large may shrink step by step."""
    old = {(found.code, found.nodes) for found in violations(before, max_agents=max_agents)}
    grows = _built(after) > _built(before)
    new = [
        found
        for found in violations(after, max_agents=max_agents)
        if (found.code, found.nodes) not in old and (grows or found.code != "too_many_agents")
    ]
    if new:
        reasons = " ".join(_in_names(before, after, found) for found in new[:_REASONS])
        reasons += f" And {len(new) - _REASONS} more." if len(new) > _REASONS else ""
        suggestion = _SUGGESTIONS.get(new[0].code, "Change the flow around it first.")
        raise BreaksNetworkError(f"That would break the network. {reasons}", suggestion)


def _built(network: Network) -> int:
    return sum(agent.kind == "agent" for agent in network.agents)


def _in_names(before: Network, after: Network, found: Violation) -> str:
    """The violation with agents' names in the place of their ids."""
    names = {agent.id: agent.name for agent in (*before.agents, *after.agents)}
    text = found.message
    for node in sorted(found.nodes, key=len, reverse=True):
        if node in names:
            text = text.replace(node, names[node])
    return text


def _examples(network: Network) -> tuple[str, ...]:
    names = [agent.name for agent in network.agents]
    first, last = names[0], names[-1]
    return (
        f"add a verifier after {first}",
        f"add a human approval before {last}",
        f"remove {last}",
        f"rename {first} to …",
        f"use a larger model for {first}",
        f"give {last} the … tool",
    )
