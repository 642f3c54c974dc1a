"""Which tools of a capability a duty needs: the least that the wording asks for."""

from collections.abc import Sequence

from common.contracts.network import AgentSpec, SideEffect, ToolSpec
from mapper.rules.catalogue import Capability, CatalogueTool, canonical, profiles
from mapper.rules.wording import acts, asks_for, clauses, hedged, plain, reads, stems

_CHANGES: frozenset[SideEffect] = frozenset({"write", "irreversible"})
_RISK: tuple[SideEffect, ...] = ("none", "read", "write", "irreversible")


def duties(agent: AgentSpec, steps: Sequence[str] = ()) -> tuple[str, ...]:
    """What the agent is to do, in words: responsibilities and the names of its steps, else its role."""
    return (*agent.responsibilities, *steps) or (agent.role,)


def tools_for(
    agent: AgentSpec, capability: Capability, steps: Sequence[str] = ()
) -> tuple[CatalogueTool, ...]:
    """The tools the agent's duties need for one capability; never none, so that no capability is lost.

    What the scenario says of the agent goes before what its role does in general: a role may act, and this one may
    be asked to propose only. A clause asks for the tool whose cue it matches with the most words. Nothing asked:
    the capability's first tool, which is its least. A verifier only looks: it gets a tool without effect where
    there is one.
    """
    allowed = [t for t in capability.tools if not (agent.is_verifier and t.effect in _CHANGES)]
    own = clauses([e.text for e in agent.evidence] or steps)
    general = clauses(duties(agent))
    deciding = own if any(_speaks_of(capability, clause) for clause in own) else general
    asked = {tool.name for clause in deciding if (tool := _asked_by(clause, allowed))}
    least = (allowed or list(capability.tools))[0]
    if not asked or (least.name not in asked and _looks_up(capability, (*own, *general), allowed)):
        asked.add(least.name)
    return tuple(tool for tool in capability.tools if tool.name in asked)


def _speaks_of(capability: Capability, clause: tuple[str, ...]) -> bool:
    """Whether the clause holds a cue of any of the tools, hedged or not."""
    said = plain(clause)
    return any(asks_for(said, cue) for tool in capability.tools for cue in tool.cues)


def _asked_by(clause: tuple[str, ...], tools: Sequence[CatalogueTool]) -> CatalogueTool | None:
    """The tool whose cue explains most of the clause; the earlier one in the catalogue when two explain as much."""
    best, most = None, 0
    for tool in tools:
        words = max((len(stems(cue)) for cue in tool.cues if _wants(tool, clause, cue)), default=0)
        if words > most:
            best, most = tool, words
    return best


def _wants(tool: CatalogueTool, clause: tuple[str, ...], cue: str) -> bool:
    if not asks_for(clause, cue):
        return False
    return tool.effect not in _CHANGES or not hedged(clause, stems(cue))


def _looks_up(
    capability: Capability,
    spoken: Sequence[tuple[str, ...]],
    tools: Sequence[CatalogueTool],
) -> bool:
    """Whether a clause about the capability's subject, which asks for no tool of it, begins by reading."""
    subject = {word for tool in capability.tools for cue in tool.cues for word in stems(cue)[-1:]}
    subject |= set(stems(capability.name.replace("_", " ")))
    return any(
        subject & set(plain(clause)) and reads(clause) and _asked_by(clause, tools) is None
        for clause in spoken
    )


def spec(tool: CatalogueTool) -> ToolSpec:
    """The catalogue's tool as the network shows it; owners are filled in later."""
    figures = profiles()[tool.profile]
    return ToolSpec(
        name=tool.name,
        description=tool.description,
        capability=tool.capability,
        side_effect=tool.effect,
        mcp_server=tool.mcp,
        credentials=tool.credentials,
        latency_p50_s=figures.p50_s,
        latency_p95_s=figures.p95_s,
        error_rate=figures.error_rate,
        source=figures.source,
    )


def custom(name: str, spoken: Sequence[str]) -> ToolSpec:
    """A tool for a capability the catalogue does not know: stated as custom, its effect read from the wording."""
    figures = profiles()["records_api"]
    subject = set(stems(name.replace("_", " ")))
    about = [clause for clause in clauses(spoken) if subject & set(plain(clause))]
    effects = [
        effect
        for clause in about
        for effect in _RISK
        if effect in _CHANGES and acts(clause, effect)
    ]
    return ToolSpec(
        name=canonical(name) or "custom_tool",
        description=f"Custom tool for {name.replace('_', ' ')}; to be built or bought, its effect is to be confirmed.",
        capability=name,
        side_effect=max(effects, key=_RISK.index, default="read"),
        credentials=(f"{canonical(name) or 'custom'}_credentials",),
        latency_p50_s=figures.p50_s,
        latency_p95_s=figures.p95_s,
        error_rate=figures.error_rate,
        source=f"assumed: not in the catalogue, taken as a records API ({figures.source})",
    )
