"""What an injected failure did, against the paired run without it (same random numbers, task by task)."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common.contracts.run import FailureOutcome
from common.contracts.values import Band
from engine.bands import band
from engine.compare import cost_gain_usd, latency_p95_gain_s, success_gain
from engine.draws import Flags, Floats
from engine.faults import Strike
from engine.graph import Graph, affected_by
from engine.measure import Sample, figures
from engine.state import FAILED


class OnceStruck(NamedTuple):
    """What happens once a failure has struck. How often it strikes has no part in it, so a drill can tell."""

    first_failing_step: str | None
    time_to_detect_s: Band | None
    detected_share: float | None
    recovery_path: tuple[str, ...]
    recovered_share: float | None


def outcome_of_failure(
    failure_id: str, strikes: Sequence[Strike], data: Sample, paired: Sample
) -> FailureOutcome:
    """`data` ran with `strikes`, `paired` without, over the same replications."""
    fired, struck_s = _fired(data, strikes)
    flipped = sum(int((a != b).sum()) for a, b in zip(data.outcome, paired.outcome, strict=True))
    hits = sum(int(fired[i].sum()) for i in data.indices)
    return FailureOutcome(
        failure_id=failure_id,
        figures=figures(data),
        tasks_hit=hits / data.tasks,
        outcome_flipped=flipped / data.tasks,
        blast_radius_agents=structural_radius(data.run.world.graph, strikes),
        delta_success=success_gain(data, paired),
        delta_latency_p95_s=latency_p95_gain_s(data, paired),
        delta_cost_usd_per_task=cost_gain_usd(data, paired),
        **_course(strikes, data, paired, fired, struck_s)._asdict(),
    )


def once_struck(strikes: Sequence[Strike], data: Sample, paired: Sample) -> OnceStruck:
    """The same of a drill: `data` may be the first replications of those that `paired` ran."""
    return _course(strikes, data, paired, *_fired(data, strikes))


def _course(
    strikes: Sequence[Strike], data: Sample, paired: Sample, fired: Flags, struck_s: Floats
) -> OnceStruck:
    hit = [fired[i] for i in data.indices]
    noticed_s = _noticed(data, fired, struck_s)
    return OnceStruck(
        first_failing_step=_first_failing_step(data, paired, strikes, fired),
        time_to_detect_s=_time_to_detect(data, hit, noticed_s),
        detected_share=_share_of_hits(hit, [np.isfinite(noticed_s[i]) for i in data.indices]),
        recovery_path=_recovery_path(data, strikes, fired),
        recovered_share=_share_of_hits(hit, [s > 0 for s in data.success]),
    )


def structural_radius(graph: Graph, strikes: Sequence[Strike]) -> float:
    """Agents that need what was struck ÷ agents (failure-modes.md 6); of a tool or a provider its users too."""
    touched: set[int] = set()
    for strike in strikes:
        direct = {t.ref for t in strike.mode.targets if t.kind in ("agent", "human")}
        users = {i for i in strike.nodes if graph.nodes[i].spec.id not in direct}
        touched |= users | affected_by(graph, strike.nodes)
    return len(touched) / len(graph.nodes)


def _fired(data: Sample, strikes: Sequence[Strike]) -> tuple[Flags, Floats]:
    """Per task: was it struck, and when first (end of the struck visit's wait, in s of simulated time)."""
    n = data.run.world.draws.n
    fired, struck_s = np.zeros(n, np.bool_), np.full(n, np.inf)
    wanted = {strike.index for strike in strikes}
    for finished in data.run.walks:
        for log in finished.log:
            for visit in log:
                table = visit.table
                if table is None or not table.marks.fired:
                    continue
                i = visit.task.index
                if any(flags[i] for k, flags in table.marks.fired.items() if k in wanted):
                    fired[i] = True
                    struck_s[i] = min(struck_s[i], visit.started_s)
    _fire_closures(data, strikes, fired, struck_s)
    return fired, struck_s


def _fire_closures(data: Sample, strikes: Sequence[Strike], fired: Flags, struck_s: Floats) -> None:
    """A person's absence strikes whoever had to wait for its end."""
    people = {i for s in strikes if s.is_window for i in s.nodes}
    for finished in data.run.walks:
        for node, start, end in finished.setting.closures:
            if node not in people:
                continue
            for visit in finished.log[node]:
                if start <= visit.asked_s < end or start <= visit.started_s < end:
                    fired[visit.task.index] = True
                    struck_s[visit.task.index] = min(struck_s[visit.task.index], visit.asked_s)


def _noticed(data: Sample, fired: Flags, struck_s: Floats) -> Floats:
    """Seconds from the strike to the first sign of it: an error, a rejection, or the task's visible failure."""
    noticed = np.full(fired.size, np.inf)
    for finished in data.run.walks:
        for log in finished.log:
            for visit in log:
                table = visit.table
                if table is not None and table.marks.noticed_s:
                    i = visit.task.index
                    first = min(float(t[i]) for t in table.marks.noticed_s.values())
                    noticed[i] = min(noticed[i], visit.started_s + first)
        for i, _, at in finished.rejections:
            if at >= struck_s[i]:
                noticed[i] = min(noticed[i], at)
        for task in finished.tasks:
            if task.is_failed:
                noticed[task.index] = min(noticed[task.index], task.left_s)
    seen = fired & np.isfinite(noticed)
    delay = np.full(fired.size, np.inf)
    delay[seen] = np.maximum(noticed[seen] - struck_s[seen], 0.0)
    return delay


def _time_to_detect(data: Sample, hit: list[Flags], noticed_s: Floats) -> Band | None:
    times = [noticed_s[i][h] for i, h in zip(data.indices, hit, strict=True)]
    times = [t[np.isfinite(t)] for t in times]
    seen = np.concatenate(times)
    if not seen.size:
        return None
    return band(float(seen.mean()), [float(t.mean()) for t in times if t.size])


def _share_of_hits(hit: list[Flags], good: list[Flags]) -> float | None:
    hits = int(sum(h.sum() for h in hit))
    if not hits:
        return None
    return float(sum((h & g).sum() for h, g in zip(hit, good, strict=True))) / hits


def _first_failing_step(
    data: Sample, paired: Sample, strikes: Sequence[Strike], fired: Flags
) -> str | None:
    """The agent at which struck tasks most often failed visibly; for silent errors, the agent that was struck."""
    graph = data.run.world.graph
    places: Counter[int] = Counter()
    twins = paired.outcome[: len(data.outcome)]
    for finished, outcome, before in zip(data.run.walks, data.outcome, twins, strict=True):
        for task, now, then in zip(finished.tasks[-outcome.size :], outcome, before, strict=True):
            if fired[task.index] and now == FAILED and then != FAILED and task.failed_at >= 0:
                places[task.failed_at] += 1
    if not places:
        struck = [i for s in strikes for i in sorted(s.nodes)]
        return graph.nodes[struck[0]].spec.id if struck and fired.any() else None
    best = min(places, key=lambda i: (-places[i], i))
    return graph.nodes[best].spec.id


def _recovery_path(data: Sample, strikes: Sequence[Strike], fired: Flags) -> tuple[str, ...]:
    """What saved struck tasks, most frequent first."""
    saved: Counter[str] = Counter()
    wanted = {strike.index for strike in strikes}
    for service, node in zip(data.services, data.run.world.graph.nodes, strict=True):
        for table, _, _, where in service.by_table:
            for index, labels in table.marks.saved_by.items():
                if index in wanted:
                    for label, flags in labels.items():
                        saved[f"{label} at {node.spec.id}"] += int(flags[where].sum())
    for finished in data.run.walks:
        for i, node_index, _ in finished.rejections:
            if fired[i]:
                saved[f"rejected by {data.run.world.graph.nodes[node_index].spec.id}"] += 1
    return tuple(k for k, count in sorted(saved.items(), key=lambda kv: (-kv[1], kv[0])) if count)
