"""Where modes strike agents: duties, roles, loops, coordination, the way out."""

from common.contracts.failures import Target
from common.contracts.network import AgentSpec
from failure.rules.strike import EFFECT_WORDS, Place, Strike, clause
from failure.rules.view import View, counted, edge_ref, listed

_EFFECT_ORDER = {"none": 0, "read": 0, "write": 1, "irreversible": 2}
_CLASS_ORDER = {"small": 0, "medium": 1, "large": 2, "reasoning": 3}


def agent_target(agent: AgentSpec) -> Target:
    return Target(kind="human" if agent.kind == "human" else "agent", ref=agent.id)


def _at(
    view: View,
    agent: AgentSpec,
    facts: dict[str, str],
    weight: float = 0.0,
    *,
    tool: str | None = None,
    fit: float = 1.0,
) -> Strike:
    return Strike(
        targets=(agent_target(agent),),
        at=agent.id,
        facts={"agent": agent.name} | facts,
        opportunities=max(view.visits[agent.id], 0.01),
        weight=weight,
        fit=fit,
        tool=tool,
    )


def busiest_agent(view: View) -> list[Strike]:
    rules = [
        clause(c.name, 80)
        for c in (*view.interpretation.constraints, *view.interpretation.compliance)
    ]
    constraint = f", under “{rules[0]}”" if rules else ""
    strikes = []
    for agent in view.thinkers:
        duties = [clause(d, 60) for d in agent.responsibilities] or [
            clause(agent.role or "its part", 60)
        ]
        facts = {"duties": f"“{listed(duties, 2)}”", "constraint": constraint}
        load = len(agent.responsibilities) + len(agent.steps) + view.visits[agent.id]
        strikes.append(_at(view, agent, facts, load))
    return strikes


def role_overlap(view: View) -> list[Strike]:
    strikes = []
    for i, agent in enumerate(view.thinkers):
        held = {tool.name for tool in view.own_tools(agent.id)}
        for other in view.thinkers[i + 1 :]:
            shared = [t.name for t in view.own_tools(other.id) if t.name in held]
            if shared:
                what = f"both hold {listed(shared, 2)}"
            elif view.network.pattern == "group_chat":
                what = "speak in the same group chat"
            else:
                continue
            strikes.append(_at(view, agent, {"other": other.name, "what": what}, len(shared)))
    return strikes


def multi_tool_agent(view: View) -> list[Strike]:
    strikes = []
    for agent in view.workers:
        tools = [tool.name for tool in view.own_tools(agent.id)]
        if len(tools) >= 2:
            facts = {"tools": listed(tools), "n_tools": counted(len(tools))}
            strikes.append(_at(view, agent, facts, len(tools)))
    return strikes


def long_chain(view: View) -> list[Strike]:
    """The last agent of a way with at least three hand-overs."""
    strikes = []
    for start in view.network.entry:
        if start not in view.agents:
            continue
        hops, end = _farthest(view, start)
        if hops >= 3 and view.agents[end].kind == "agent":
            facts = {"first": view.name(start), "hops": counted(hops)}
            strikes.append(_at(view, view.agents[end], facts, hops, fit=1.3 if hops > 3 else 1.0))
    return strikes


def _farthest(view: View, start: str) -> tuple[int, str]:
    """The agent that is most hand-overs away (people are passed, not chosen), by shortest ways."""
    distance, queue = {start: 0}, [start]
    for here in queue:
        for edge in view.out(here):
            if edge.kind != "call" and edge.target not in distance:
                distance[edge.target] = distance[here] + 1
                queue.append(edge.target)
    ends = [ref for ref in distance if view.agents[ref].kind == "agent"] or [start]
    end = max(ends, key=lambda ref: distance[ref])
    return distance[end], end


def loop_agent(view: View) -> list[Strike]:
    strikes = []
    for edge in view.back_edges:
        agent = view.agents[edge.target]
        if agent.kind != "agent":
            continue
        limit = (
            "once"
            if edge.max_iterations == 1
            else f"up to {counted(edge.max_iterations or 0)} times"
        )
        facts = {"checker": view.name(edge.source), "limit": limit}
        strikes.append(_at(view, agent, facts, edge.max_iterations or 0))
    return strikes


def open_question(view: View) -> list[Strike]:
    entry = next((a for a in view.workers if a.id in view.network.entry), None)
    # Only what is unclear in the text itself is guessed by an agent; other questions are for the builder.
    asked = (*view.network.questions, *view.interpretation.questions)
    question = next((q for q in asked if q.evidence), None)
    if entry is None or question is None:
        return []
    text = " ".join(question.text.split()).rstrip(".")
    return [_at(view, entry, {"question": f"“{clause(text, 140)}”."}, fit=2.0)]


def coordinator(view: View) -> list[Strike]:
    strikes = []
    for agent in view.workers:
        workers = [e.target for e in view.out(agent.id) if e.kind == "call"]
        if len(workers) >= 2:
            facts = {"workers": view.names(workers), "n_workers": counted(len(workers))}
            strikes.append(_at(view, agent, facts, len(workers), fit=1.3))
    return strikes


def constrained_planner(view: View) -> list[Strike]:
    limits = [
        q for q in view.interpretation.quantities if q.kind in ("deadline", "money", "duration")
    ]
    words = [clause(q.evidence[0].text if q.evidence else q.name, 70) for q in limits]
    deciders = [a for a in view.workers if len(view.out(a.id)) >= 2] or list(view.thinkers[:1])
    if not words or not deciders:
        return []
    return [_at(view, a, {"limit": words[0]}, len(view.out(a.id)), fit=2.0) for a in deciders]


def acting_agent(view: View) -> list[Strike]:
    strikes = []
    for agent in view.workers:
        for tool in view.own_tools(agent.id):
            rank = _EFFECT_ORDER[tool.side_effect]
            if rank:
                facts = {"tool": tool.name, "effect": EFFECT_WORDS[tool.side_effect]}
                fit = 1.3 if tool.side_effect == "irreversible" else 0.7
                strikes.append(_at(view, agent, facts, rank, tool=tool.name, fit=fit))
    return strikes


def last_agent(view: View) -> list[Strike]:
    exits = [a for a in view.workers if a.id in view.network.exit] or list(view.workers[-1:])
    strikes = []
    for agent in exits:
        names = [clause(s.name, 50) for s in view.interpretation.steps]
        steps = (
            f"{len(names)} steps (from “{names[0]}” to “{names[-1]}”)"
            if len(names) > 1
            else "all sub-tasks"
        )
        strikes.append(_at(view, agent, {"steps": steps}, len(view.into(agent.id))))
    return strikes


def unverified(view: View) -> list[Strike]:
    if view.verifiers:
        return []
    acting = sorted(acting_agent(view), key=lambda s: -s.weight)
    if acting:
        best = acting[0]
        result = f"{best.facts['tool']}, which {best.facts['effect']}"
        return [_at(view, view.agents[best.at], {"result": result}, best.weight, tool=best.tool)]
    exits = [a for a in view.workers if a.id in view.network.exit] or list(view.workers[-1:])
    return [_at(view, agent, {"result": "whoever receives the result"}) for agent in exits[:1]]


def verifier(view: View) -> list[Strike]:
    strikes = []
    for agent in view.verifiers:
        if agent.kind == "human":
            continue
        makers = [e.source for e in view.into(agent.id)]
        twins = [
            m
            for m in makers
            if view.agents[m].model_class == agent.model_class and agent.model_class
        ]
        same = f" and runs on the same model class ({agent.model_class})" if twins else ""
        facts = {"makers": view.names(makers) or "the network", "same_model": same}
        strikes.append(_at(view, agent, facts, len(makers), fit=1.5))
    return strikes


def join_agent(view: View) -> list[Strike]:
    strikes = []
    for agent in view.workers:
        feeds = [e for e in view.into(agent.id) if e.share is None and e.kind != "call"]
        sources = [e.source for e in feeds] or [
            e.target for e in view.out(agent.id) if e.kind == "call"
        ]
        if len(sources) >= 2:
            edges = tuple(Target(kind="edge", ref=edge_ref(e)) for e in feeds)
            facts = {
                "agent": agent.name,
                "sources": view.names(sources),
                "n_sources": counted(len(sources)),
            }
            strikes.append(
                Strike(
                    targets=edges[:1] or (agent_target(agent),),
                    at=agent.id,
                    facts=facts,
                    opportunities=view.visits[agent.id] or 0.01,
                    weight=len(sources),
                )
            )
    return strikes


def hub_agent(view: View) -> list[Strike]:
    """The agent that most others depend on, when at least three do; in a plain pipeline everybody has two."""
    strikes = []
    for agent in view.workers:
        near = {e.source for e in view.into(agent.id)} | {e.target for e in view.out(agent.id)}
        if len(near) >= 3 and view.visits[agent.id] > 0.99:
            waits = [a.id for a in view.network.agents if a.id in near]
            facts = {"servers": counted(agent.concurrency), "affected": view.names(waits)}
            strikes.append(_at(view, agent, facts, len(near), fit=1.3))
    return strikes


def costly_agent(view: View) -> list[Strike]:
    classes = {a.model_class for a in view.workers if a.model_class}
    ranked = [a for a in view.workers if a.model_class in ("large", "reasoning")]
    if not ranked or len(view.workers) < 2 or len(classes) < 2:
        return []
    strikes = []
    for agent in ranked:
        loops = any(agent.id in (e.source, e.target) for e in view.back_edges)
        facts = {
            "model_class": str(agent.model_class),
            "why": " and works in a loop" if loops else "",
        }
        strikes.append(_at(view, agent, facts, _CLASS_ORDER[str(agent.model_class)] + loops))
    return strikes


def longest_answer(view: View) -> list[Strike]:
    strikes = []
    for agent in view.thinkers:
        sources = [e.source for e in view.into(agent.id)]
        sources += [e.target for e in view.out(agent.id) if e.kind == "call"]
        if len(sources) >= 2:
            strikes.append(_at(view, agent, {"sources": view.names(sources)}, len(sources)))
    return strikes


PLACES: dict[str, Place] = {
    "busiest_agent": Place("an agent that makes something", busiest_agent),
    "role_overlap": Place("two agents that hold the same tool or share a chat", role_overlap),
    "multi_tool_agent": Place("an agent with at least two tools", multi_tool_agent),
    "long_chain": Place("a way of at least three hand-overs", long_chain),
    "loop_agent": Place("a way back after a rejection", loop_agent),
    "open_question": Place("an open question in the scenario", open_question),
    "coordinator": Place("an agent that asks at least two others", coordinator),
    "constrained_planner": Place("a limit in time or money in the scenario", constrained_planner),
    "acting_agent": Place("an agent with a tool that changes something", acting_agent),
    "last_agent": Place("an agent that delivers the result", last_agent),
    "unverified": Place("a network without a verifier", unverified),
    "verifier": Place("a verifier", verifier),
    "join_agent": Place("an agent that merges at least two contributions", join_agent),
    "hub_agent": Place("an agent that every task passes and three others depend on", hub_agent),
    "costly_agent": Place("agents on model classes of different price", costly_agent),
    "longest_answer": Place("an agent that reads what at least two others bring", longest_answer),
}
