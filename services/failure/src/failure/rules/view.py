"""A network and its interpretation, prepared for asking what can strike what."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.scenario import Interpretation

_TOOL_KINDS = frozenset({"tool", "memory"})
_UNTRUSTED_WORDS = frozenset(
    {
        "attachment",
        "browse",
        "chat",
        "crawl",
        "email",
        "feed",
        "form",
        "inbox",
        "mail",
        "mailbox",
        "message",
    }
    | {
        "news",
        "ocr",
        "scrape",
        "sms",
        "social",
        "speech",
        "ticket",
        "transcript",
        "upload",
        "voice",
        "web",
    }
)
"""Channels that people outside can write into; a search of one's own records is none."""
_UNTRUSTED_ACTORS = frozenset({"customer", "public", "partner"})


def forward(edge: Connection) -> bool:
    """Whether the edge moves work on: no tool, and not the way back after a rejection."""
    return edge.kind not in _TOOL_KINDS and edge.max_iterations is None


def edge_ref(edge: Connection) -> str:
    return f"{edge.source}->{edge.target}"


@dataclass(frozen=True)
class View:
    """Read-only questions about one network; every list keeps the network's own order."""

    network: Network
    interpretation: Interpretation

    @cached_property
    def agents(self) -> dict[str, AgentSpec]:
        return {agent.id: agent for agent in self.network.agents}

    @cached_property
    def tools(self) -> dict[str, ToolSpec]:
        return {tool.name: tool for tool in self.network.tools}

    @cached_property
    def edges(self) -> tuple[Connection, ...]:
        """Connections between agents that exist (an edited network may still point at a removed one)."""
        return tuple(
            edge
            for edge in self.network.connections
            if edge.kind not in _TOOL_KINDS and {edge.source, edge.target} <= self.agents.keys()
        )

    @cached_property
    def forward_edges(self) -> tuple[Connection, ...]:
        return tuple(edge for edge in self.edges if forward(edge))

    @cached_property
    def back_edges(self) -> tuple[Connection, ...]:
        return tuple(edge for edge in self.edges if not forward(edge))

    @cached_property
    def workers(self) -> tuple[AgentSpec, ...]:
        """Agents that are no people."""
        return tuple(agent for agent in self.network.agents if agent.kind == "agent")

    @cached_property
    def thinkers(self) -> tuple[AgentSpec, ...]:
        """Agents that call a model and make work (no verifier); all workers when there is none."""
        makers = tuple(a for a in self.workers if not a.is_verifier and a.model_class)
        return makers or self.workers

    @cached_property
    def people(self) -> tuple[AgentSpec, ...]:
        return tuple(agent for agent in self.network.agents if agent.kind == "human")

    @cached_property
    def verifiers(self) -> tuple[AgentSpec, ...]:
        return tuple(agent for agent in self.network.agents if agent.is_verifier)

    @cached_property
    def visits(self) -> dict[str, float]:
        """Expected visits per task (0…1): shares multiply along the way, rework is not counted."""
        return _visits(self)

    @cached_property
    def descendants(self) -> dict[str, tuple[str, ...]]:
        """Agents that work downstream of an agent can reach; a called worker's caller is downstream too."""
        return {agent.id: _reach(agent.id, self._flow) for agent in self.network.agents}

    @cached_property
    def _flow(self) -> dict[str, list[str]]:
        flow: dict[str, list[str]] = defaultdict(list)
        for edge in self.forward_edges:
            flow[edge.source].append(edge.target)
            if edge.kind == "call":
                flow[edge.target].append(edge.source)
        return flow

    @cached_property
    def stores(self) -> tuple[str, ...]:
        """Names of the tools that hold shared memory."""
        return tuple(
            dict.fromkeys(e.target for e in self.network.connections if e.kind == "memory")
        )

    def name(self, ref: str) -> str:
        agent = self.agents.get(ref)
        return agent.name if agent else ref

    def names(self, refs: Iterable[str], limit: int = 3) -> str:
        """`A, B and C`; beyond `limit` the rest is counted."""
        return listed([self.name(ref) for ref in refs], limit)

    def own_tools(self, agent_id: str) -> tuple[ToolSpec, ...]:
        """The tools an agent holds, by its list and by its tool connections."""
        names = [
            *self.agents[agent_id].tools,
            *(
                e.target
                for e in self.network.connections
                if e.source == agent_id and e.kind in _TOOL_KINDS
            ),
        ]
        return tuple(self.tools[name] for name in dict.fromkeys(names) if name in self.tools)

    def users(self, tool_name: str) -> tuple[AgentSpec, ...]:
        return tuple(
            agent
            for agent in self.network.agents
            if any(tool.name == tool_name for tool in self.own_tools(agent.id))
        )

    def out(self, agent_id: str) -> tuple[Connection, ...]:
        return tuple(edge for edge in self.forward_edges if edge.source == agent_id)

    def into(self, agent_id: str) -> tuple[Connection, ...]:
        return tuple(edge for edge in self.forward_edges if edge.target == agent_id)

    def is_checked_after(self, agent_id: str) -> bool:
        """Whether a verifier sees the work that leaves this agent."""
        return any(self.agents[ref].is_verifier for ref in self.descendants[agent_id])

    def is_approved_after(self, agent_id: str) -> bool:
        return any(self.agents[ref].kind == "human" for ref in self.descendants[agent_id])

    def irreversible_after(self, agent_id: str) -> ToolSpec | None:
        """The first tool at or after this agent whose effect cannot be undone."""
        for ref in (agent_id, *self.descendants.get(agent_id, ())):
            for tool in self.own_tools(ref):
                if tool.side_effect == "irreversible":
                    return tool
        return None

    @cached_property
    def untrusted_entry(self) -> tuple[AgentSpec, str] | None:
        """The agent that reads text a stranger wrote, and where that text comes from."""
        for agent in self.workers:
            for tool in self.own_tools(agent.id):
                if tool.side_effect in ("none", "read") and _is_untrusted(tool):
                    return agent, tool.name
        entry = next((a for a in self.workers if a.id in self.network.entry), None)
        stranger = self._stranger_at_the_door()
        if entry is None or stranger is None:
            return None
        return entry, f"what the {stranger} sends"

    def _stranger_at_the_door(self) -> str | None:
        """An outsider who sets the work off or takes a step of it; being only talked about does not count."""
        told = self.interpretation
        starts = " ".join(trigger.name.lower() for trigger in told.triggers)
        doers = {step.actor.lower() for step in told.steps if step.actor}
        for actor in told.actors:
            if actor.kind in _UNTRUSTED_ACTORS and (
                actor.name.lower() in starts or actor.name.lower() in doers
            ):
                return actor.name
        return None

    @cached_property
    def has_deadline(self) -> bool:
        return any(q.kind == "deadline" for q in self.interpretation.quantities)


_WORDS = [
    "none",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]


def counted(n: int) -> str:
    """Small numbers as words, as prose has them."""
    return _WORDS[n] if 0 <= n < len(_WORDS) else str(n)


def listed(words: Iterable[str], limit: int = 3) -> str:
    """`a`, `a and b`, `a, b and c`, or `a, b, c and two more`."""
    items = list(words)
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and {counted(len(items) - limit)} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _is_untrusted(tool: ToolSpec) -> bool:
    words = set(
        f"{tool.name} {tool.capability}".lower()
        .replace(".", " ")
        .replace("_", " ")
        .replace("-", " ")
        .split()
    )
    return not words.isdisjoint(_UNTRUSTED_WORDS)


def _reach(start: str, flow: dict[str, list[str]]) -> tuple[str, ...]:
    """Breadth first, so the nearest comes first; the start itself is left out."""
    seen, queue = [start], [start]
    for here in queue:
        fresh = [ref for ref in dict.fromkeys(flow.get(here, ())) if ref not in seen]
        seen += fresh
        queue += fresh
    return tuple(seen[1:])


def _visits(view: View) -> dict[str, float]:
    """Share of tasks that reach each agent, relaxed along forward edges (at most one pass per agent)."""
    visits = {agent.id: float(agent.id in view.network.entry) for agent in view.network.agents}
    if not any(visits.values()) and view.network.agents:
        visits[view.network.agents[0].id] = 1.0
    start = dict(visits)
    for _ in view.network.agents:
        visits = {
            ref: max(
                start[ref],
                min(1.0, _arriving(view, ref, visits)),
            )
            for ref in visits
        }
    return visits


def _arriving(view: View, ref: str, visits: dict[str, float]) -> float:
    """Ways that exclude each other add up; branches that run in parallel are capped by the caller."""
    return sum(visits[e.source] * (1.0 if e.share is None else e.share) for e in view.into(ref))
