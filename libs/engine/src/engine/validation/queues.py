"""Queueing oracles: M/M/1, M/M/c, M/G/1, Jackson, loss, fork-join (queueing.md 1-5, 8)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from engine.draws import Floats
from engine.measure import Sample, sample
from engine.validation.bench import (
    Check,
    Service,
    edge,
    exponential,
    instant,
    network,
    queueing,
    station,
)
from engine.world import Plan, Run

Case = Mapping[str, Any]


def plan(seed: int, measured: int, *, replications: int = 10, warmup: int | None = None) -> Plan:
    """Warms up for a fifth as many tasks as are measured (queueing.md 12 asks for a tenth)."""
    return Plan(seed, replications, measured // 5 if warmup is None else warmup, measured, 1.0)


def station_checks(case: str, expected: Case, finished: Run) -> Iterator[Check]:
    """Mean sojourn and wait, their quantiles, and L by the time average."""
    data = sample(finished)
    waits = _waits(data, 0)
    measured: dict[str, Sequence[Floats]] = {"T": data.latency_s, "Wq": waits}
    for metric, value in expected.items():
        if metric in ("W", "W_total", "R2"):
            yield _mean(case, metric, value, data.latency_s)
        elif metric == "Wq":
            yield _mean(case, metric, value, waits)
        elif metric[:1] == "T" and metric[1:].isdigit():
            yield _quantile(case, metric, value, measured["T"], int(metric[1:]) / 100)
        elif metric[:2] == "Wq" and metric[2:].isdigit():
            yield _quantile(case, metric, value, measured["Wq"], int(metric[2:]) / 100)
        elif metric in ("L", "L_total") and not isinstance(value, list):
            yield Check(case, metric, value, tuple(_in_system(data)))


def _in_system(data: Sample) -> Iterator[float]:
    """Time average of the number in system between the first and the last measured arrival."""
    for finished, (start, end) in zip(data.run.walks, data.spans, strict=True):
        inside = [
            min(t.left_s, end) - max(t.arrived_s, start)
            for t in finished.tasks
            if t.left_s > start and t.arrived_s < end
        ]
        yield sum(inside) / (end - start)


def _mean(case: str, metric: str, value: float, sections: Sequence[Floats]) -> Check:
    return Check(case, metric, value, tuple(float(s.mean()) for s in sections))


def _quantile(case: str, metric: str, value: float, sections: Sequence[Floats], q: float) -> Check:
    estimates = tuple(float(np.quantile(s, q)) for s in sections)
    pooled = float(np.quantile(np.concatenate(sections), q))
    return Check(case, metric, value, estimates, pooled)


def _waits(data: Sample, node: int) -> list[Floats]:
    """Waits of measured tasks at a node, per replication."""
    service = data.services[node]
    measured = data.measured[service.task] > 0
    return [
        (service.started_s - service.asked_s)[(service.replication == r) & measured]
        for r in range(len(data.outcome))
    ]


def markov(case: Case, seed: int, size: int) -> Iterator[Check]:
    """M/M/1 and M/M/c."""
    given = case["inputs"]
    net = network([station("s", given.get("c", 1))])
    # Near saturation a replication must be longer to see its own tail (queueing.md 12.3).
    size *= 2 if case["expected"]["rho"] > 0.85 else 1
    finished = queueing(net, given["lam"], [exponential(given["mu"])], plan(seed, size))
    yield from station_checks(f"M/M {case['name']}", case["expected"], finished)


def cold_start(case: Case, seed: int, _: int) -> Iterator[Check]:
    """Short replications after a long warm-up: what an engine that measures from empty gets wrong."""
    given = case["inputs"]
    net = network([station("s")])
    short = plan(seed, 60, replications=200, warmup=400)
    finished = queueing(net, given["lam"], [exponential(given["mu"])], short)
    expected = {"W": case["expected"]["W"]}
    yield from station_checks(f"warm-up, M/M {case['name']}", expected, finished)


def general(case: Case, seed: int, size: int) -> Iterator[Check]:
    """M/G/1."""
    given = case["inputs"]
    finished = queueing(network([station("s")]), given["lam"], [_service(given)], plan(seed, size))
    yield from station_checks(str(case["name"]), case["expected"], finished)


def _service(given: Case) -> Service:
    mean, cv2 = given["ES"], given["cv2"]
    if given["dist"] == "deterministic":
        return lambda stream, n: np.full(n, mean)
    if given["dist"] == "erlang2":
        return lambda stream, n: stream.gamma(2.0, mean / 2.0, n)
    sigma2 = np.log(1 + cv2)
    return lambda stream, n: stream.lognormal(np.log(mean) - sigma2 / 2, np.sqrt(sigma2), n)


def jackson(case: Case, seed: int, size: int) -> Iterator[Check]:
    """Stations in a row; a positive return probability of the last one is a loop back."""
    given = case["inputs"]
    ids = [f"s{i}" for i in range(len(given["mu"]))]
    links = [edge(a, b) for a, b in pairwise(ids)]
    back = given["P"][-1][0]
    if back:
        links.append(edge(ids[-1], ids[0], max_iterations=1_000, share=back))
    net = network(
        [station(i, c) for i, c in zip(ids, given["c"], strict=True)],
        *links,
        entry=(ids[0],),
        exit=(ids[-1],),
    )
    finished = queueing(
        net, given["gamma"][0], [exponential(m) for m in given["mu"]], plan(seed, size)
    )
    yield from station_checks(f"Jackson {case['name']}", case["expected"], finished)
    for i, visits in enumerate(case["expected"]["visits"]):
        counts = tuple(len(w.log[i]) / len(w.tasks) for w in finished.walks)
        yield Check(f"Jackson {case['name']}", f"visits[{i}]", visits, counts)


def loss(case: Case, seed: int, size: int) -> Iterator[Check]:
    """M/M/c/K: K in the system, so K - c may wait; the rest is refused."""
    given = case["inputs"]
    net = network([station("s", given["c"])])
    limits = {"agent.s.queue_limit": float(given["K"] - given["c"])}
    finished = queueing(net, given["lam"], [exponential(given["mu"])], plan(seed, size), limits)
    name, expected = f"M/M/c/K {case['name']}", case["expected"]
    refused = tuple(w.refused[0] / len(w.tasks) for w in finished.walks)
    yield Check(name, "P_block", expected["P_block"], refused)
    accepted = [
        np.array([v.ended_s - v.asked_s for v in w.log[0][finished.world.plan.warmup :]])
        for w in finished.walks
    ]
    yield _mean(name, "W_accepted", expected["W_accepted"], accepted)


def fork_join(case: Case, seed: int, size: int) -> Iterator[Check]:
    """Branches without queueing; the join waits for all of them, or for the first k."""
    given = case["inputs"]
    n, k = given["n"], given.get("k")
    net = _forked(n, 1_000, join="quorum", quorum=k) if k else _forked(n, 1_000)
    services = [instant(), *[exponential(given["mu"])] * n, instant()]
    data = sample(queueing(net, 1.0, services, plan(seed, size)))
    name, expected = f"fork-join {case['name']}", case["expected"]
    latency = [d - 0.0 for d in data.latency_s]
    for metric in ("E_max", "E_kth"):
        if metric in expected:
            yield _mean(name, metric, expected[metric], latency)
    if "Var_max" in expected:
        variances = tuple(float(np.var(s, ddof=1)) for s in latency)
        yield Check(name, "Var_max", expected["Var_max"], variances)
    for metric in ("T50", "T95", "T99"):
        if metric in expected:
            yield _quantile(name, metric, expected[metric], latency, int(metric[1:]) / 100)
    if "E_min" in expected:
        first = _forked(n, 1_000, join="any")
        fastest = sample(queueing(first, 1.0, services, plan(seed, size)))
        yield _mean(name, "E_min", expected["E_min"], fastest.latency_s)


def fork_join_queues(case: Case, seed: int, size: int) -> Iterator[Check]:
    """Two parallel M/M/1 with the same arrivals."""
    given = case["inputs"]
    services = [instant(), *[exponential(given["mu"])] * 2, instant()]
    finished = queueing(_forked(2, 1), given["lam"], services, plan(seed, size))
    expected = {"R2": case["expected"]["R2"]}
    yield from station_checks(f"fork-join with queues {case['name']}", expected, finished)


def _forked(n: int, servers: int, **join: Any) -> Any:
    branches = [station(f"b{i}", servers) for i in range(n)]
    links = [edge("fork", b.id) for b in branches] + [edge(b.id, "join") for b in branches]
    agents = [station("fork"), *branches, station("join", **join)]
    return network(agents, *links)
