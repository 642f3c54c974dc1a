"""One task's way through the network, step by step, as a frontend can animate it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from common.contracts.run import JourneyStep
from engine.draws import Flags
from engine.graph import Edge, Graph
from engine.measure import Sample
from engine.service import Table
from engine.state import Visit
from engine.walk import Walk
from engine.world import Variant, trace

MAX_STEPS = 400
"""A longer journey is cut (assumed: more cannot be watched)."""


def journey(data: Sample) -> tuple[JourneyStep, ...]:
    """The steps of the sampled task of this run, in order of simulated time from its arrival at 0."""
    replication, index = choose(data)
    finished = trace(data.run.variant, replication, index)
    return Teller(data.run.variant, finished, index).tell()


def choose(data: Sample) -> tuple[int, int]:
    """The sampled task as (replication, index).

    The first struck task that was saved and ended well; else the first struck one that ended well; else any struck
    one; else the one of median latency.
    """
    fired, saved = _fired_and_saved(data)
    best: tuple[int, int, int] | None = None
    for r, (indices, good) in enumerate(zip(data.indices, data.success, strict=True)):
        for i, ended_well in zip(indices.tolist(), (good > 0).tolist(), strict=True):
            rank = 0 if not fired[i] else 1 + ended_well + (saved[i] and ended_well)
            if rank and (best is None or rank > best[0]):
                best = (rank, r, i)
    if best is not None:
        return best[1], best[2]
    latencies = data.latency_s[0]
    middle = int(np.argsort(latencies, kind="stable")[latencies.size // 2])
    return 0, int(data.indices[0][middle])


def _fired_and_saved(data: Sample) -> tuple[Flags, Flags]:
    n = data.run.world.draws.n
    fired, saved = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    for service in data.services:
        for table, _, _, where in service.by_table:
            for flags in table.marks.fired.values():
                fired[where] |= flags[where]
            for labels in table.marks.saved_by.values():
                for flags in labels.values():
                    saved[where] |= flags[where]
    for finished in data.run.walks:
        for i, _, _ in finished.rejections:
            saved[i] |= fired[i]
    return fired, saved


RANK = {
    "failure_mode_triggered": 1,
    "failure_recovered": 2,
    "agent_complete": 3,
    "data_flow": 4,
    "human_wait": 5,
    "agent_start": 6,
    "model_call": 7,
    "tool_used": 7,
}
"""Order of what happens at the same moment: work ends, its result flows, the next one begins."""


@dataclass(slots=True)
class Raw:
    """A step before it is numbered. `owner` is the visit it belongs to, by identity."""

    at_s: float
    kind: str
    ref: str
    owner: int | None
    agent_id: str | None = None
    duration_s: float | None = None
    attempt: int = 1
    status: str = "ok"
    detail: dict[str, Any] = field(default_factory=dict)
    is_at_start: bool = False


def _order(item: tuple[int, Raw]) -> tuple[float, int, int]:
    number, raw = item
    begins = raw.kind == "failure_mode_triggered" and raw.is_at_start
    return raw.at_s, 8 if begins else RANK[raw.kind], number


@dataclass(slots=True, eq=False)
class Teller:
    """Turns one traced task into steps."""

    variant: Variant
    walk: Walk
    index: int
    raw: list[Raw] = field(default_factory=list)

    @property
    def graph(self) -> Graph:
        return self.variant.world.graph

    def tell(self) -> tuple[JourneyStep, ...]:
        task = next(t for t in self.walk.tasks if t.index == self.index)
        for log in self.walk.log:
            for visit in log:
                if visit.task is task:
                    self._visit(visit)
        for note in self.walk.notes:
            if note.what == "send":
                self._flow(note.at_s, self.graph.edges_by_index[note.where], note.visit)
            elif note.what == "reject":
                self._rejected(note.at_s, note.where, note.visit)
        return self._numbered(task.arrived_s)

    def _visit(self, visit: Visit) -> None:
        table, agent = visit.table, visit.node.spec
        if table is None:
            return
        i, start, owner = self.index, visit.started_s, id(visit)
        if table.response_s is not None:
            wait = table.response_s[i]
            self.raw.append(
                Raw(
                    visit.asked_s - wait,
                    "human_wait",
                    agent.id,
                    None,
                    agent.id,
                    wait,
                    detail={"channel": "approval" if visit.node.decides else "work"},
                )
            )
        detail = {
            "waited_s": start - visit.asked_s,
            "phase": "merge" if visit.phase else "work",
            "visit": visit.number + 1,
            "name": agent.name,
        }
        self.raw.append(Raw(start, "agent_start", agent.id, owner, agent.id, detail=detail))
        self._operations(visit, table)
        self._failures(visit, table)
        status = "error" if table.fails[i] else "ok"
        detail = {
            "tokens_in": float(table.tokens_in[i]),
            "tokens_out": float(table.tokens_out[i]),
            "cost_usd": table.cost_usd[i],
        }
        self.raw.append(
            Raw(
                visit.ended_s,
                "agent_complete",
                agent.id,
                owner,
                agent.id,
                visit.ended_s - start,
                visit.number + 1,
                status,
                detail,
            )
        )

    def _operations(self, visit: Visit, table: Table) -> None:
        i, clock = self.index, visit.started_s + self.variant.params.number("network.hop_s")
        for operation in table.operations:
            length, tries = float(operation.total_s[i]), int(operation.attempts[i])
            if not tries:
                continue
            status = "ok"
            if operation.failed[i]:
                status = "timeout" if operation.timeouts[i] else "error"
            if operation.kind == "model":
                self._model_call(
                    visit, operation, at=clock, length=length, tries=tries, status=status
                )
            elif operation.kind == "tool":
                self._tool(
                    visit, operation.ref, at=clock, length=length, tries=tries, status=status
                )
            clock += length

    def _model_call(
        self, visit: Visit, operation: Any, *, at: float, length: float, tries: int, status: str
    ) -> None:
        i = self.index
        detail = {
            "model_class": operation.answered_by,
            "tokens_in": float(operation.tokens_in[i]),
            "tokens_out": float(operation.tokens_out[i]),
            "cost_usd": float(operation.cost[i]),
            "purpose": operation.ref,
        }
        agent = visit.node.spec.id
        self.raw.append(
            Raw(at, "model_call", agent, id(visit), agent, length, tries, status, detail)
        )

    def _tool(
        self, visit: Visit, name: str, *, at: float, length: float, tries: int, status: str
    ) -> None:
        spec = self.variant.world.tools.get(name)
        detail = {
            "arguments": self._arguments(visit, name),
            "capability": spec.capability if spec else "",
            "side_effect": spec.side_effect if spec else "read",
            "result": {"status": status, "attempts": tries},
        }
        agent = visit.node.spec.id
        self.raw.append(Raw(at, "tool_used", name, id(visit), agent, length, tries, status, detail))

    def _arguments(self, visit: Visit, tool: str) -> dict[str, str]:
        """The shape of what the tool is given: the tool connection's payload, else what the agent was given."""
        agent = visit.node.spec.id
        for link in self.graph.network.connections:
            if link.source == agent and link.target == tool and link.payload is not None:
                return dict(link.payload.fields)
        if visit.edge is not None and visit.edge.link.payload is not None:
            return dict(visit.edge.link.payload.fields)
        return {}

    def _flow(self, at: float, edge: Edge, visit: Visit | None) -> None:
        link = edge.link
        detail: dict[str, Any] = {"kind": link.kind, "label": link.label}
        if edge.max_iterations:
            detail["is_rework"] = True
        if link.payload is not None:
            detail |= {"payload": link.payload.name, "schema": dict(link.payload.fields)}
        owner = id(visit) if visit is not None else None
        self.raw.append(Raw(at, "data_flow", edge.name, owner, link.source, detail=detail))

    def _failures(self, visit: Visit, table: Table) -> None:
        i, start, agent = self.index, visit.started_s, visit.node.spec.id
        by_index = {strike.index: strike for strike in self.variant.strikes}
        for k, flags in sorted(table.marks.fired.items()):
            if k not in by_index or not flags[i]:
                continue
            mode = by_index[k].mode
            seen = float(table.marks.noticed_s[k][i]) if k in table.marks.noticed_s else np.inf
            at = start if not np.isfinite(seen) else min(start + seen, visit.ended_s)
            detail = {
                "mode_id": mode.mode_id,
                "name": mode.name,
                "effect": mode.effect,
                "is_visible": bool(np.isfinite(seen)),
                "signal": mode.detection_signal,
            }
            raw = Raw(at, "failure_mode_triggered", mode.id, id(visit), agent, detail=detail)
            raw.is_at_start = at == start
            self.raw.append(raw)
            for label, saved in sorted(table.marks.saved_by.get(k, {}).items()):
                if saved[i]:
                    how = {"by": label, "mode_id": mode.mode_id}
                    self.raw.append(
                        Raw(
                            visit.ended_s,
                            "failure_recovered",
                            mode.id,
                            id(visit),
                            agent,
                            detail=how,
                        )
                    )

    def _rejected(self, at: float, node: int, visit: Visit | None) -> None:
        """A rejection mends what silent failures struck before it."""
        verifier = self.graph.nodes[node].spec.id
        mended = {
            raw.ref
            for raw in self.raw
            if raw.kind == "failure_mode_triggered"
            and raw.at_s <= at
            and not raw.detail["is_visible"]
            and raw.detail["effect"] in ("silent_error", "compromise", "degrade")
        }
        owner = id(visit) if visit is not None else None
        for ref in sorted(mended):
            how = {"by": f"rejected by {verifier}"}
            self.raw.append(Raw(at, "failure_recovered", ref, owner, verifier, detail=how))

    def _numbered(self, zero_s: float) -> tuple[JourneyStep, ...]:
        ordered = sorted(enumerate(self.raw), key=_order)
        starts: dict[int, int] = {}
        steps = []
        for number, (_, raw) in enumerate(ordered[:MAX_STEPS]):
            if raw.kind == "agent_start" and raw.owner is not None:
                starts[raw.owner] = number
            is_start = raw.kind in ("agent_start", "human_wait")
            steps.append(
                JourneyStep.model_validate(
                    {
                        "index": number,
                        "kind": raw.kind,
                        "sim_time_s": max(0.0, raw.at_s - zero_s),
                        "ref": raw.ref,
                        "agent_id": raw.agent_id,
                        "duration_s": raw.duration_s,
                        "attempt": max(1, raw.attempt),
                        "status": raw.status,
                        "detail": raw.detail,
                        "parent": None if is_start or raw.owner is None else starts.get(raw.owner),
                    }
                )
            )
        return tuple(steps)
