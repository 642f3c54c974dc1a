"""Where modes strike tools and model providers."""

from common.contracts.failures import Target
from common.contracts.network import AgentSpec, ToolSpec
from failure.rules.strike import EFFECT_WORDS, Place, Strike
from failure.rules.view import View, counted

_RETRIEVAL_WORDS = (
    "search",
    "retriev",
    "lookup",
    "knowledge",
    "history",
    "query",
    "find",
    "index",
    "rag",
)
_CODE_WORDS = ("code", "shell", "exec", "script", "sandbox", "terminal")
_EFFECT_WEIGHT = {"none": 0.0, "read": 0.0, "write": 1.0, "irreversible": 2.0}
_SLOW_S = 5.0  # a tool slower than this at p95 is what a person waits for (assumed)
_DEFAULT_RETRIES = 2  # what the model SDKs do by themselves (cost notes, section 5)


def _strike(
    view: View, tool: ToolSpec, facts: dict[str, str], weight: float = 0.0, fit: float = 1.0
) -> Strike | None:
    users = view.users(tool.name)
    if not users:
        return None
    user = max(users, key=lambda agent: view.visits[agent.id])
    return Strike(
        targets=(Target(kind="tool", ref=tool.name),),
        at=user.id,
        facts={"tool": tool.name, "agent": user.name} | facts,
        opportunities=sum(view.visits[agent.id] for agent in users) or 0.01,
        weight=weight,
        tool=tool.name,
        fit=fit,
    )


def _has(tool: ToolSpec, words: tuple[str, ...]) -> bool:
    text = f"{tool.name} {tool.capability}".lower()
    return any(word in text for word in words)


def retrieval_tool(view: View) -> list[Strike]:
    """What is found matters most where nothing irreversible overshadows it."""
    acts = any(tool.side_effect == "irreversible" for tool in view.network.tools)
    fit = 0.8 if acts else 1.5
    found = [
        _strike(view, tool, {}, len(view.descendants[users[0].id]), fit)
        for tool in view.network.tools
        if tool.side_effect in ("none", "read")
        and _has(tool, _RETRIEVAL_WORDS)
        and tool.name not in view.stores
        and (users := view.users(tool.name))
    ]
    return [strike for strike in found if strike]


def slowest_tool(view: View) -> list[Strike]:
    found = []
    for tool in view.network.tools:
        slow = tool.latency_p95_s or tool.latency_p50_s
        if slow is None or tool.name in view.stores:
            continue
        facts = {"p95": f"95 % of its calls end within {slow:g} s"}
        found.append(_strike(view, tool, facts, slow, 2.0 if slow > _SLOW_S else 0.6))
    return [strike for strike in found if strike]


def fragile_tool(view: View) -> list[Strike]:
    """Tools whose failure hurts: the most error-prone first, then what cannot be undone, then reads."""
    strikes = []
    for tool in view.network.tools:
        rate = tool.error_rate
        words = f"; {rate * 100:.2g} % of its calls are taken to fail" if rate else ""
        found = _strike(
            view, tool, {"rate": words}, (rate or 0.0) * 100 + _EFFECT_WEIGHT[tool.side_effect]
        )
        if found and rate:
            assumed = "assumed" if "assumed" in tool.source else tool.source
            found = Strike(
                targets=found.targets,
                at=found.at,
                facts=found.facts,
                opportunities=found.opportunities,
                weight=found.weight,
                tool=found.tool,
                rate=(rate, f"error rate of the tool in the network ({assumed})"),
            )
        if found:
            strikes.append(found)
    return strikes


def changing_tool(view: View) -> list[Strike]:
    found = []
    for tool in view.network.tools:
        weight = _EFFECT_WEIGHT[tool.side_effect]
        if weight:
            facts = {"effect": EFFECT_WORDS[tool.side_effect]}
            found.append(_strike(view, tool, facts, weight, 1.3 if weight > 1 else 0.7))
    return [strike for strike in found if strike]


def doubled_action(view: View) -> list[Strike]:
    return [s for s in changing_tool(view) if s.weight >= 2 or len(view.workers) > 1]


def mcp_tool(view: View) -> list[Strike]:
    found = [
        _strike(view, t, {"server": t.mcp_server}, _EFFECT_WEIGHT[t.side_effect])
        for t in view.network.tools
        if t.mcp_server
    ]
    return [strike for strike in found if strike]


def code_tool(view: View) -> list[Strike]:
    found = [_strike(view, t, {}) for t in view.network.tools if _has(t, _CODE_WORDS)]
    return [strike for strike in found if strike]


def privileged_agent(view: View) -> list[Strike]:
    strikes = []
    for agent in view.workers:
        tools = [t for t in view.own_tools(agent.id) if t.credentials]
        if len(tools) >= 2 and any(t.side_effect in ("write", "irreversible") for t in tools):
            strikes.append(
                Strike(
                    targets=(Target(kind="agent", ref=agent.id),),
                    at=agent.id,
                    facts={
                        "agent": agent.name,
                        "n_tools": counted(len(tools)),
                        "tools": view.names(t.name for t in tools),
                    },
                    opportunities=view.visits[agent.id] or 0.01,
                    weight=len(tools),
                )
            )
    return strikes


def nested_retries(view: View) -> list[Strike]:
    """A call whose target calls a tool: two layers that each retry by themselves."""
    strikes = []
    for edge in view.forward_edges:
        tools = view.own_tools(edge.target)
        if edge.kind != "call" or not tools:
            continue
        tries = (1 + (edge.retries or _DEFAULT_RETRIES)) * (1 + _DEFAULT_RETRIES)
        slowest = max(tools, key=lambda tool: tool.latency_p95_s or 0.0)
        strikes.append(
            Strike(
                targets=(Target(kind="edge", ref=f"{edge.source}->{edge.target}"),),
                at=edge.target,
                facts={
                    "caller": view.name(edge.source),
                    "agent": view.name(edge.target),
                    "tool": slowest.name,
                    "tries": str(tries),
                },
                opportunities=view.visits[edge.source] or 0.01,
                weight=slowest.latency_p95_s or 0.0,
            )
        )
    return strikes


def _by_class(agents: tuple[AgentSpec, ...]) -> dict[str, list[AgentSpec]]:
    groups: dict[str, list[AgentSpec]] = {}
    for agent in agents:
        if agent.model_class:
            groups.setdefault(agent.model_class, []).append(agent)
    return groups


def _provider(view: View, model_class: str, agents: list[AgentSpec], fit: float = 1.0) -> Strike:
    calls = sum(view.visits[a.id] for a in agents)
    return Strike(
        targets=(Target(kind="provider", ref=model_class),),
        at=max(agents, key=lambda a: len(view.descendants[a.id])).id,
        facts={
            "model_class": model_class,
            "agents": view.names(a.id for a in agents),
            "n": counted(max(round(calls), 1)),
            "together": "all of them at once" if len(agents) > 1 else "every task",
        },
        opportunities=max(calls, 0.01),
        weight=calls,
        fit=fit,
    )


def main_class(view: View) -> list[Strike]:
    return [_provider(view, name, agents) for name, agents in _by_class(view.workers).items()]


def tool_calling_class(view: View) -> list[Strike]:
    callers = tuple(agent for agent in view.workers if view.own_tools(agent.id))
    return [_provider(view, name, agents) for name, agents in _by_class(callers).items()]


def shared_class(view: View) -> list[Strike]:
    """Parallel branches that call the same model class at the same moment."""
    strikes = []
    for agent in view.network.agents:
        branches = tuple(
            view.agents[e.target]
            for e in view.out(agent.id)
            if e.share is None and view.agents[e.target].kind == "agent"
        )
        for name, agents in _by_class(branches).items():
            if len(agents) >= 2:
                strikes.append(_provider(view, name, agents, 2.0))
    return strikes


PLACES: dict[str, Place] = {
    "retrieval_tool": Place("a tool that looks something up", retrieval_tool),
    "slowest_tool": Place("a tool with a known latency", slowest_tool),
    "fragile_tool": Place("a tool", fragile_tool),
    "changing_tool": Place("a tool that changes something", changing_tool),
    "doubled_action": Place("an action that can be done twice", doubled_action),
    "mcp_tool": Place("a tool behind an MCP server", mcp_tool),
    "code_tool": Place("a tool that runs code", code_tool),
    "privileged_agent": Place("an agent with credentials for several systems", privileged_agent),
    "nested_retries": Place("a call to an agent that calls a tool", nested_retries),
    "main_class": Place("an agent that calls a model", main_class),
    "tool_calling_class": Place("an agent that calls tools through a model", tool_calling_class),
    "shared_class": Place("parallel branches on one model class", shared_class),
}
