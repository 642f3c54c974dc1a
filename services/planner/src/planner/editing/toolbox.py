"""Gives tools to agents, takes them away and moves them."""

import re

from common.contracts.network import AgentSpec, Network, SideEffect, ToolSpec
from planner.editing.commands import AddTool, GiveTool, MoveTool, TakeTool
from planner.editing.naming import find_agent, find_tool, means_all, words
from planner.editing.outcome import BreaksNetworkError, UnclearError
from planner.editing.step import Step, replaced

# Words in a tool's name by which its effect is known before the mapper looks it up in its catalogue.
_EFFECTS: tuple[tuple[SideEffect, frozenset[str]], ...] = (
    (
        "irreversible",
        frozenset(
            [
                "pay",
                "payment",
                "payments",
                "payout",
                "refund",
                "refunds",
                "transfer",
                "trade",
                "trading",
                "deploy",
                "deployment",
                "delete",
                "deletion",
                "sign",
                "disburse",
                "payroll",
                "prescribe",
                "restart",
                "terminate",
            ]
        ),
    ),
    (
        "write",
        frozenset(
            [
                "write",
                "update",
                "send",
                "sending",
                "post",
                "publish",
                "create",
                "edit",
                "book",
                "booking",
                "schedule",
                "save",
                "store",
                "upload",
                "messaging",
                "notification",
                "email",
                "mail",
                "sms",
                "order",
            ]
        ),
    ),
)
_LOOKING = frozenset(
    [
        "read",
        "search",
        "lookup",
        "look",
        "check",
        "query",
        "list",
        "view",
        "fetch",
        "status",
        "history",
    ]
)


def give(network: Network, command: GiveTool, last: str | None) -> Step:
    """An agent gets a tool: one the network has, or a new one that the mapper completes."""
    if not means_all(command.agent):
        return give_to(network, find_agent(network, command.agent, last=last), command.tool)
    given, changes = network, list[str]()
    known = find_tool(network, command.tool)
    for agent in network.agents:
        if agent.kind == "agent" and not (known and known.name in agent.tools):
            step = give_to(given, agent, command.tool)
            given, changes = step.network, [*changes, *step.changes]
    return Step(given, tuple(changes))


def give_to(network: Network, agent: AgentSpec, phrase: str) -> Step:
    """As `give`, for an agent that is known.

    Raises:
        BreaksNetworkError: it has the tool already, or is a person.
    """
    if agent.kind == "human":
        raise BreaksNetworkError(
            f"{agent.name} is a person; tools are given to agents.",
            "Give the tool to the agent that works for this person.",
        )
    tool = find_tool(network, phrase) or _new(network, phrase)
    if tool.name in agent.tools:
        raise BreaksNetworkError(
            f"{agent.name} has {tool.name} already.", "Nothing needs to change."
        )
    equipped = agent.model_copy(
        update={
            "tools": (*agent.tools, tool.name),
            "capabilities": tuple(dict.fromkeys((*agent.capabilities, tool.capability))),
        }
    )
    is_new = tool.name not in {known.name for known in network.tools}
    tools = (*network.tools, tool) if is_new else network.tools
    given = replaced(network, equipped).model_copy(update={"tools": tools})
    sort = f" (new, {tool.side_effect})" if is_new else ""
    return Step(given, (f"Gave {tool.name}{sort} to {agent.name}.",), agent.id)


def _new(network: Network, phrase: str) -> ToolSpec:
    said = words(re.sub(r"\b(?:some|any|kind of)\b", " ", phrase))
    name = "_".join(said)
    if not name:
        raise UnclearError("Which tool?", tuple(tool.name for tool in network.tools))
    taken = {agent.id for agent in network.agents}
    return ToolSpec(
        name=f"{name}_tool" if name in taken else name,
        capability=name,
        side_effect=_effect(said),
        source="assumed: asked for by a person, effect read from its name",
    )


def _effect(said: tuple[str, ...]) -> SideEffect:
    if set(said) & _LOOKING:
        return "read"
    return next((effect for effect, names in _EFFECTS if set(said) & names), "read")


def add(network: Network, command: AddTool, _last: str | None) -> Step:
    """Never a step: a tool without an owner would be an orphan.

    Raises:
        UnclearError: always, asking who should use it.
    """
    agents = [agent.name for agent in network.agents if agent.kind == "agent"]
    options = tuple(f"give {name} the {command.tool} tool" for name in agents)
    raise UnclearError(f"Every tool belongs to an agent. Who should use {command.tool}?", options)


def take(network: Network, command: TakeTool, last: str | None) -> Step:
    """An agent loses a tool. The capability goes too, else the mapper would give the tool back.

    Raises:
        BreaksNetworkError: the agent does not have it.
    """
    agent = find_agent(network, command.agent, last=last)
    tool = _held(network, agent, command.tool)
    gone = (
        "" if len(tool.used_by) > 1 else f" Nobody else used {tool.name}, so it left the network."
    )
    taken = replaced(network, _without(agent, tool, network))
    return Step(taken, (f"Took {tool.name} from {agent.name}.{gone}",), agent.id)


def take_from_all(network: Network, name: str) -> Step:
    """A tool leaves the network."""
    tool = next(tool for tool in network.tools if tool.name == name)
    owners = [agent for agent in network.agents if name in agent.tools]
    left = replaced(network, *(_without(agent, tool, network) for agent in owners))
    return Step(left, (f"Removed {name} from {', '.join(agent.name for agent in owners)}.",))


def move(network: Network, command: MoveTool, last: str | None) -> Step:
    """A tool goes from one agent to another."""
    source = find_agent(network, command.source, last=last)
    target = find_agent(network, command.target, last=last)
    tool = _held(network, source, command.tool)
    given = give_to(network, target, tool.name).network
    moved = replaced(given, _without(source, tool, network))
    return Step(moved, (f"Moved {tool.name} from {source.name} to {target.name}.",), target.id)


def _held(network: Network, agent: AgentSpec, phrase: str) -> ToolSpec:
    """The tool of the agent's own that the phrase means."""
    own = tuple(tool for tool in network.tools if tool.name in agent.tools)
    tool = find_tool(network.model_copy(update={"tools": own}), phrase)
    if tool is not None:
        return tool
    elsewhere = find_tool(network, phrase)
    if elsewhere is not None:
        raise BreaksNetworkError(
            f"{agent.name} does not have {elsewhere.name}.",
            f"{agent.name} has: {', '.join(agent.tools) or 'no tools'}.",
        )
    raise UnclearError(f"Which of {agent.name}'s tools?", agent.tools)


def _without(agent: AgentSpec, tool: ToolSpec, network: Network) -> AgentSpec:
    tools = tuple(name for name in agent.tools if name != tool.name)
    still = {known.capability for known in network.tools if known.name in tools}
    kept = tuple(c for c in agent.capabilities if c != tool.capability or c in still)
    return agent.model_copy(update={"tools": tools, "capabilities": kept})
