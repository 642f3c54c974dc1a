"""Maps tools, skills and model classes onto a planned network. The agents and their flow stay as they are."""

from collections.abc import Sequence

from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.scenario import Assumption, Interpretation, Step
from mapper.rules import choice, privilege
from mapper.rules.catalogue import canonical, find, tool_named
from mapper.rules.models import model_class
from mapper.rules.skills import skills

_TOOL_KINDS = frozenset({"tool", "memory"})


def map_network(network: Network, interpretation: Interpretation) -> Network:
    """The network with its tools, or, when it carries tools already, with those kept and the missing ones added.

    What a person gave or took stays: an agent gets a tool for a capability only if none of its tools carries it.
    """
    steps = {step.id: step for step in interpretation.steps}
    kept = {tool.name: _enriched(tool) for tool in network.tools}
    taken = {agent.id for agent in network.agents}
    wanted = {a.id: _wanted(a, kept, _steps_of(a, steps), taken) for a in network.agents}
    specs = {**kept, **{tool.name: tool for tools in wanted.values() for tool in tools}}
    agents = tuple(
        _equipped(agent, tuple(tool.name for tool in wanted[agent.id]), network, steps)
        for agent in network.agents
    )
    tools = _owned(specs, agents)
    mapped = network.model_copy(
        update={
            "agents": agents,
            "tools": tools,
            "connections": _connected(network.connections, agents, tools),
            "assumptions": (*network.assumptions, *_assumed(tools, network.assumptions)),
        }
    )
    return _questioned(mapped)


def _steps_of(agent: AgentSpec, steps: dict[str, Step]) -> tuple[Step, ...]:
    return tuple(steps[name] for name in agent.steps if name in steps)


def _wanted(
    agent: AgentSpec, kept: dict[str, ToolSpec], steps: Sequence[Step], agent_ids: set[str]
) -> tuple[ToolSpec, ...]:
    """The tools the agent holds and those its capabilities still lack, in the order of the capabilities."""
    held = [kept[name] for name in agent.tools if name in kept]
    covered = {_carries(tool.capability) for tool in held}
    words = tuple(step.name for step in steps)
    for name in agent.capabilities:
        if _carries(name) not in covered:
            covered.add(_carries(name))
            held.extend(_renamed(tool, agent_ids) for tool in _new(agent, name, words))
    return tuple({tool.name: tool for tool in held}.values())


def _carries(capability: str) -> str:
    found = find(capability)
    return found.name if found else canonical(capability)


def _new(agent: AgentSpec, name: str, words: Sequence[str]) -> tuple[ToolSpec, ...]:
    if capability := find(name):
        return tuple(choice.spec(tool) for tool in choice.tools_for(agent, capability, words))
    return (choice.custom(name, choice.duties(agent, words)),)


def _renamed(tool: ToolSpec, agent_ids: set[str]) -> ToolSpec:
    """Agents and tools share one namespace in connections, so a tool gives way to an agent of its name."""
    return tool.model_copy(update={"name": f"{tool.name}_tool"}) if tool.name in agent_ids else tool


def _enriched(tool: ToolSpec) -> ToolSpec:
    """A tool that a person or the planner named, with the catalogue's figures where it has none of its own.

    Name and owners are not touched: they were decided. The effect is, only where nothing in the name told it.
    """
    capability = find(tool.capability) or find(tool.name)
    if tool.latency_p50_s is not None or capability is None:
        return tool
    is_told = not (tool.side_effect == "read" and tool.source.startswith("assumed"))
    same_effect = [t for t in capability.tools if is_told and t.effect == tool.side_effect]
    model = choice.spec(tool_named(tool.name) or (same_effect or list(capability.tools))[0])
    keep: dict[str, object] = {"name": tool.name, "used_by": tool.used_by}
    keep |= {"side_effect": tool.side_effect} if is_told else {}
    keep |= {"description": tool.description} if tool.description else {}
    return model.model_copy(update=keep)


def _equipped(
    agent: AgentSpec, tools: tuple[str, ...], network: Network, steps: dict[str, Step]
) -> AgentSpec:
    own = _steps_of(agent, steps)
    chosen, reason = model_class(agent, network, tuple(step.name for step in own))
    return agent.model_copy(
        update={
            "tools": tools,
            "skills": agent.skills or skills(agent, own),
            "model_class": chosen,
            "model_reason": reason,
        }
    )


def _owned(specs: dict[str, ToolSpec], agents: Sequence[AgentSpec]) -> tuple[ToolSpec, ...]:
    """The tools somebody holds, with their owners, in the order in which agents first use them."""
    order = dict.fromkeys(name for agent in agents for name in agent.tools)
    return tuple(
        specs[name].model_copy(update={"used_by": tuple(a.id for a in agents if name in a.tools)})
        for name in order
    )


def _connected(
    old: Sequence[Connection], agents: Sequence[AgentSpec], tools: Sequence[ToolSpec]
) -> tuple[Connection, ...]:
    """Exactly one connection per agent and tool; one that is drawn already keeps its label and payload."""
    drawn = {(e.source, e.target): e for e in old if e.kind in _TOOL_KINDS}
    by_name = {tool.name: tool for tool in tools}
    flow = [edge for edge in old if edge.kind not in _TOOL_KINDS]
    held = [(agent, by_name[name]) for agent in agents for name in agent.tools]
    return (*flow, *(drawn.get((a.id, t.name)) or _edge(a, t) for a, t in held))


def _edge(agent: AgentSpec, tool: ToolSpec) -> Connection:
    is_memory = tool.capability == "shared_memory"
    label = "reads and writes" if is_memory else tool.name.replace("_", " ")
    kind = "memory" if is_memory else "tool"
    return Connection(source=agent.id, target=tool.name, kind=kind, label=label)


def _assumed(tools: Sequence[ToolSpec], known: Sequence[Assumption]) -> tuple[Assumption, ...]:
    texts = {assumption.text for assumption in known}
    found = (
        Assumption(
            text=f"{tool.name} is a custom tool with side effect {tool.side_effect}.",
            why=f"The catalogue knows no tool for {tool.capability!r}; its effect was read from the duty.",
        )
        for tool in tools
        if find(tool.capability) is None and find(tool.name) is None
    )
    return tuple(assumption for assumption in found if assumption.text not in texts)


def _questioned(network: Network) -> Network:
    """Notes and questions about risky tools, as they are now: those of an earlier revision are dropped."""
    questions = tuple(q for q in network.questions if not privilege.outdated(q.id))
    notes = tuple(note for note in network.notes if not privilege.outdated(note))
    return network.model_copy(
        update={
            "questions": (*questions, *privilege.questions(network)),
            "notes": (*notes, *privilege.notes(network)),
        }
    )
