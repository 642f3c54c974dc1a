"""The agent graph while it is wired: nodes by id, edges in order, entry and exit."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from common.contracts.network import AgentSpec, Connection, Payload


@dataclass(slots=True)
class Draft:
    """A network in the making."""

    agents: dict[str, AgentSpec] = field(default_factory=dict)
    edges: list[Connection] = field(default_factory=list)
    entry: list[str] = field(default_factory=list)
    exit: list[str] = field(default_factory=list)
    assumptions: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def connect(self, edge: Connection) -> None:
        """Add an edge unless it is there."""
        if all(
            (e.source, e.target, e.kind) != (edge.source, edge.target, edge.kind)
            for e in self.edges
        ):
            self.edges.append(edge)

    def forward(self) -> list[Connection]:
        """Edges between agents without the back edges."""
        return [
            e for e in self.edges if e.max_iterations is None and e.kind not in {"tool", "memory"}
        ]

    def into(self, agent_id: str) -> list[Connection]:
        return [edge for edge in self.forward() if edge.target == agent_id]

    def out_of(self, agent_id: str) -> list[Connection]:
        return [edge for edge in self.forward() if edge.source == agent_id]

    def before(self, agent_id: str) -> set[str]:
        """All agents whose work reaches this one on forward edges."""
        found: set[str] = set()
        waiting = [agent_id]
        while waiting:
            here = waiting.pop()
            for edge in self.into(here):
                if edge.source not in found:
                    found.add(edge.source)
                    waiting.append(edge.source)
        return found

    def in_order(self, ids: Iterable[str]) -> list[str]:
        """The ids from the entry on: whoever stands before another comes first."""
        return sorted(ids, key=lambda agent_id: len(self.before(agent_id)))

    def replace(self, old: Connection, *new: Connection) -> None:
        """Put `new` where `old` stood."""
        place = self.edges.index(old)
        self.edges[place : place + 1] = list(new)

    def update(self, agent_id: str, **changes: object) -> None:
        self.agents[agent_id] = self.agents[agent_id].model_copy(update=changes)


def dependencies(agent_id: str, edges: Iterable[Connection]) -> tuple[str, ...]:
    """Whose output an agent needs: sources of forward edges into it, and those it calls, in the order of the edges."""
    needed: dict[str, None] = {}
    for edge in edges:
        if edge.max_iterations is not None or edge.kind in {"tool", "memory"}:
            continue
        if edge.kind == "call":
            if edge.source == agent_id:
                needed[edge.target] = None
        elif edge.target == agent_id:
            needed[edge.source] = None
    return tuple(needed)


_PAYLOADS: dict[str, tuple[str, dict[str, str]]] = {
    "intake": ("Request", {"request_id": "string", "category": "string", "text": "string"}),
    "gather": ("Findings", {"findings": "array", "sources": "array"}),
    "assess": ("Assessment", {"result": "object", "score": "number", "reasons": "array"}),
    "decide": ("Decision", {"decision": "string", "reasons": "array"}),
    "produce": ("Draft", {"title": "string", "content": "string"}),
    "quality": ("Verdict", {"accepted": "boolean", "remarks": "array"}),
    "act": ("Outcome", {"status": "string", "reference": "string"}),
    "lead": ("Assignment", {"task": "string", "context": "object"}),
    "memory": ("Recollection", {"facts": "array"}),
}


def payload(stage: str, things: Iterable[str] = ()) -> Payload:
    """What an agent of this stage hands on; things it works with become fields by their names."""
    name, fields = _PAYLOADS.get(stage, _PAYLOADS["act"])
    named = {thing.replace(" ", "_").replace("-", "_"): "object" for thing in list(things)[:2]}
    subject = next(iter(things), "")
    title = "".join(word.capitalize() for word in subject.replace("-", " ").split())
    return Payload(name=f"{title}{name}", fields={**named, **fields})
