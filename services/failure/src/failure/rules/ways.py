"""Where modes strike what lies between agents: edges, branches, cycles, shared memory, people."""

from common.contracts.failures import Target
from common.contracts.network import AgentSpec, Connection
from failure.rules.agents import agent_target
from failure.rules.strike import Place, Strike, clause
from failure.rules.view import View, counted, edge_ref, listed

_MANY_FIELDS = 5
"""A message with more fields than this is easily sent incomplete (assumed)."""
_OFTEN = 0.4
"""Share of tasks above which a person's approvals become routine (assumed)."""


def _on(
    view: View, edge: Connection, facts: dict[str, str], weight: float = 0.0, fit: float = 1.0
) -> Strike:
    payload = edge.payload.name if edge.payload else clause(edge.label, 60) or "no schema is set"
    return Strike(
        targets=(Target(kind="edge", ref=edge_ref(edge)),),
        at=edge.target,
        facts={
            "source": view.name(edge.source),
            "target": view.name(edge.target),
            "payload": payload,
        }
        | facts,
        opportunities=max(view.visits[edge.source] * (edge.share or 1.0), 0.01),
        weight=weight,
        fit=fit,
    )


def handoff(view: View) -> list[Strike]:
    """Hand-overs of a conversation; in a pipeline a hand-over carries a finished piece of work instead."""
    if view.network.pattern not in ("handoff", "group_chat"):
        return []
    return [
        _on(view, e, {}, view.visits[e.source] * (e.share or 1.0))
        for e in view.forward_edges
        if e.kind == "handoff" and view.agents[e.target].kind == "agent"
    ]


def rich_edge(view: View) -> list[Strike]:
    strikes = []
    for edge in view.forward_edges:
        fields = list(edge.payload.fields) if edge.payload else []
        if len(fields) >= 2:
            facts = {"fields": listed(fields)}
            weight = len(fields) + len(view.descendants[edge.target])
            strikes.append(
                _on(view, edge, facts, weight, 1.2 if len(fields) > _MANY_FIELDS else 0.7)
            )
    return strikes


def widest_edge(view: View) -> list[Strike]:
    """Edges whose target's work at least two more agents build on, with no verifier at the target."""
    strikes = []
    for edge in view.forward_edges:
        reached = [edge.target, *(r for r in view.descendants[edge.target] if r != edge.source)]
        if len(reached) >= 3 and not view.agents[edge.target].is_verifier:
            checks = [ref for ref in reached if view.agents[ref].is_verifier]
            facts = {
                "asks": f"only {view.names(checks)} asks again"
                if checks
                else "nobody on the way asks again",
                "reached": view.names(reached),
                "n_reached": counted(len(reached)),
                "n_agents": counted(len(view.network.agents)),
            }
            fit = 1.2 if len(reached) > 4 else 0.6
            strikes.append(_on(view, edge, facts, len(reached), fit))
    return strikes


def publish_edge(view: View) -> list[Strike]:
    return [
        _on(view, e, {}, len(view.descendants[e.target]))
        for e in view.forward_edges
        if e.kind == "publish" and view.agents[e.target].kind == "agent"
    ]


def cycle(view: View) -> list[Strike]:
    """Ways back, and pairs of agents that hand over to each other."""
    strikes = []
    for edge in view.back_edges:
        limit = f", {counted(edge.max_iterations)} times at most" if edge.max_iterations else ""
        strikes.append(_on(view, edge, {"limit": limit}, edge.max_iterations or 0, 1.2))
    pairs = {(e.source, e.target) for e in view.forward_edges}
    for edge in view.forward_edges:
        if (edge.target, edge.source) in pairs:
            strikes.append(_on(view, edge, {"limit": " without a limit"}, 100, 2.0))
    return strikes


def parallel_group(view: View) -> list[Strike]:
    strikes = []
    for agent in view.network.agents:
        ways_out = [e for e in view.out(agent.id) if e.share is None]
        called = [e for e in ways_out if e.kind == "call"]
        branches = called or ways_out
        if len(branches) < 2:
            continue
        names = view.names(e.target for e in branches)
        joins = [
            a for a in view.workers if a.join == "quorum" and a.id in view.descendants[agent.id]
        ]
        join = f"{joins[0].name} goes on with a quorum" if joins else "waits for all of them"
        facts = {
            "source": agent.name,
            "branches": names,
            "n": counted(len(branches)),
            "join": join,
        }
        slowest = branches[-1]
        strike = Strike(
            targets=tuple(Target(kind="edge", ref=edge_ref(e)) for e in branches),
            at=slowest.target,
            facts=facts,
            opportunities=view.visits[agent.id] * len(branches),
            weight=len(branches),
            fit=1.3,
        )
        strikes.append(strike)
    return strikes


def memory_store(view: View) -> list[Strike]:
    strikes = []
    for store in view.stores:
        readers = [
            e.source
            for e in view.network.connections
            if e.kind == "memory" and e.target == store and e.source in view.agents
        ]
        if readers:
            facts = {"store": store, "readers": view.names(readers)}
            strikes.append(
                Strike(
                    targets=(Target(kind="memory", ref=store),),
                    at=readers[0],
                    facts=facts,
                    opportunities=sum(view.visits[r] for r in readers) or 0.01,
                    weight=len(readers),
                    fit=1.3,
                )
            )
    return strikes


def poisonable_store(view: View) -> list[Strike]:
    """Stores that what a stranger wrote can reach."""
    untrusted = view.untrusted_entry
    if untrusted is None:
        return []
    channel = untrusted[1][0].upper() + untrusted[1][1:]
    return [
        Strike(
            targets=s.targets,
            at=s.at,
            facts=s.facts
            | {
                "channel": f"What comes in through {untrusted[1]}"
                if untrusted[1] in view.tools
                else channel
            },
            opportunities=view.visits[untrusted[0].id] or 0.01,
            weight=s.weight,
            fit=1.5,
        )
        for s in memory_store(view)
    ]


def untrusted_input(view: View) -> list[Strike]:
    untrusted = view.untrusted_entry
    if untrusted is None:
        return []
    agent, channel = untrusted
    prize = view.irreversible_after(agent.id)
    if prize is None:
        danger = "decide what everything after it is built on"
    else:
        danger = f"reach as far as {prize.name}, which cannot be undone"
    return [
        Strike(
            targets=(agent_target(agent),),
            at=agent.id,
            facts={"agent": agent.name, "channel": channel, "danger": danger},
            opportunities=view.visits[agent.id] or 0.01,
            fit=1.3 if prize else 1.0,
        )
    ]


def _subject_of(view: View, person: AgentSpec) -> tuple[str, str]:
    """What comes to the person, and from whom."""
    arriving = view.into(person.id)
    if not arriving:
        return "every case", "the network"
    edge = arriving[0]
    if edge.when:
        what = f"the cases “{clause(edge.when, 80)}”"
    elif edge.payload:
        what = f"each “{edge.payload.name}”"
    else:
        what = (
            f"“{clause(edge.label, 60)}”" if edge.label else f"what {view.name(edge.source)} sends"
        )
    return what, view.name(edge.source)


def _person(view: View, person: AgentSpec, weight: float, fit: float = 1.0) -> Strike:
    what, source = _subject_of(view, person)
    prize = view.irreversible_after(person.id)
    deadlines = [q for q in view.interpretation.quantities if q.kind == "deadline"]
    late = (
        f", while the scenario sets “{clause(deadlines[0].evidence[0].text, 60)}”"
        if deadlines and deadlines[0].evidence
        else ""
    )
    return Strike(
        targets=(Target(kind="human", ref=person.id),),
        at=person.id,
        facts={
            "person": person.name,
            "what": what,
            "source": source,
            "servers": counted(person.concurrency),
            "danger": f", and {prize.name} cannot be undone" if prize else "",
            "deadline": late,
        },
        opportunities=view.visits[person.id] or 0.01,
        weight=weight,
        fit=fit,
    )


def _gates(view: View) -> list[AgentSpec]:
    return [p for p in view.people if any(e.kind == "approve" for e in view.into(p.id))]


def person(view: View) -> list[Strike]:
    """Waiting for a person matters most under a deadline."""
    fit = 3.0 if view.has_deadline else 1.0
    return [_person(view, p, view.visits[p.id], fit) for p in view.people if view.into(p.id)]


def often_asked(view: View) -> list[Strike]:
    """Gates that most tasks pass: there, looking closely is what suffers."""
    return [
        _person(view, p, view.visits[p.id], 1.0 if view.visits[p.id] > _OFTEN else 0.6)
        for p in _gates(view)
    ]


def seldom_asked(view: View) -> list[Strike]:
    """Gates for the few hard cases: there, it is context that is missing."""
    return [
        _person(view, p, 1 - view.visits[p.id], 0.6 if view.visits[p.id] > _OFTEN else 1.3)
        for p in _gates(view)
    ]


def advised_gate(view: View) -> list[Strike]:
    """Trust in a recommendation; the two modes above name the commoner form of it."""
    return [_person(view, p, view.visits[p.id], 0.7) for p in _gates(view)]


def human_gate(view: View) -> list[Strike]:
    fit = 2.0 if view.has_deadline else 1.0
    return [_person(view, p, view.visits[p.id], fit) for p in _gates(view)]


PLACES: dict[str, Place] = {
    "handoff": Place("a conversation that is handed over", handoff),
    "rich_edge": Place("a message with at least two fields", rich_edge),
    "widest_edge": Place("a result that three agents build on", widest_edge),
    "publish_edge": Place("a published message", publish_edge),
    "cycle": Place("a way back between agents", cycle),
    "parallel_group": Place("parallel branches", parallel_group),
    "memory_store": Place("shared memory", memory_store),
    "poisonable_store": Place("shared memory that outside text can reach", poisonable_store),
    "untrusted_input": Place("text from outside", untrusted_input),
    "person": Place("a person who receives work", person),
    "human_gate": Place("a human approval", human_gate),
    "advised_gate": Place("a human approval", advised_gate),
    "often_asked": Place("a human approval", often_asked),
    "seldom_asked": Place("a human approval", seldom_asked),
}
