"""Reliability oracles: retries, timeouts, storms, breakers, fallbacks, votes, verifiers, chains (queueing.md 6-11)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from common.contracts.network import Network
from engine.draft import CALM
from engine.draws import Draws, Floats
from engine.model import Parameters
from engine.operations import Call, Limits, Marks, attempt
from engine.policy import default_policy, strengthened
from engine.state import OK, Breaker
from engine.validation.bench import Check, agents_run, edge, network, shares, station
from engine.validation.queues import plan
from engine.world import Variant, make_world, run

Case = Mapping[str, Any]
REPLICATIONS = 10
_NO_TRANSPORT_ERRORS = {
    **{f"model.{c}.error_rate": 0.0 for c in ("small", "medium", "large", "reasoning")},
    "agent.*.reworks": 0.0,
    "agent.*.correlation": 0.0,
}
_VISIBLE = {**_NO_TRANSPORT_ERRORS, "agent.*.silent_share": 0.0}
_SILENT = {**_NO_TRANSPORT_ERRORS, "agent.*.silent_share": 1.0}


def retry(case: Case, seed: int, size: int) -> Iterator[Check]:
    given, expected = case["inputs"], case["expected"]
    name = f"retry {case['name']}"
    done, attempts = [], []
    for r in range(REPLICATIONS):
        tried = _try(seed, r, size, 1 - given["p"], Limits(given["n"] - 1, 0.0, float("inf")))
        done.append(float((~tried.failed).mean()))
        attempts.append(float(tried.attempts.mean()))
    yield Check(name, "P_success", expected["P_success"], tuple(done), trials=REPLICATIONS * size)
    yield Check(name, "E_attempts", expected["E_attempts"], tuple(attempts))


def retry_timeout(case: Case, seed: int, size: int) -> Iterator[Check]:
    """Our backoff has full jitter, which halves each delay; so the base is doubled to meet the closed form."""
    given, expected = case["inputs"], case["expected"]
    name = f"retry with timeout {case['name']}"
    limits = Limits(given["n"] - 1, 2.0 * given["base"], given["tau"])
    found: dict[str, list[float]] = {
        k: [] for k in ("P_success", "E_attempts", "E_backoff", "E_total_time")
    }
    for r in range(REPLICATIONS):
        tried = _try(seed, r, size, 1 - given["p"], limits, mu=given["mu"])
        found["P_success"].append(float((~tried.failed).mean()))
        found["E_attempts"].append(float(tried.attempts.mean()))
        found["E_backoff"].append(float(tried.backoff_s.mean()))
        found["E_total_time"].append(float(tried.total_s.mean()))
    for metric, values in found.items():
        yield Check(name, metric, expected[metric], tuple(values))


def _try(seed: int, r: int, n: int, error: float, limits: Limits, *, mu: float = 1.0) -> Any:
    """One call per task; an error shows when the answer would have come."""

    def latency(stream: np.random.Generator) -> tuple[Floats, Floats]:
        answer = stream.exponential(1.0 / mu, n)
        return answer, answer

    call = Call("model", "call", latency, error, limits)
    draws = Draws(seed, n)
    zero = np.zeros(n)
    return attempt(call, draws, ("bench", r, 0), strikes=[], marks=Marks(), clock_s=zero)


def retry_storm(case: Case, seed: int, _: int) -> Iterator[Check]:
    """Callers in a row, each trying again; the last one is fully down. Its visits are counted, exactly."""
    given = case["inputs"]
    layers, tries = (
        given["layers"],
        given["attempts_per_layer"] if "attempts_per_layer" in given else given["attempts"],
    )
    ids = [f"s{i}" for i in range(layers + 1)]
    links = [edge(a, b, kind="call", retries=tries - 1) for a, b in pairwise(ids)]
    agents = [station(i, 1_000, model_class=None) for i in ids[:-1]]
    net = network([*agents, station(ids[-1], 1_000, model_class="small")], *links, entry=(ids[0],))
    down = {**_VISIBLE, "model.small.task_error": 1.0}
    world = make_world(net, Parameters(down), plan(seed, 3, replications=2, warmup=0))
    finished = run(Variant(world))
    calls = tuple(len(w.log[layers]) / len(w.tasks) for w in finished.walks)
    yield Check(
        f"retry storm {case['name']}", "amplification", case["expected"]["amplification"], calls
    )


def breaker(case: Case, seed: int, _: int) -> Iterator[Check]:
    given = case["inputs"]
    expected = case["expected"]["E_calls_to_trip"]
    trips = 40 if expected > 1_000 else 400
    means = []
    for r in range(REPLICATIONS):
        stream = Draws(seed, 1).stream("breaker", case["name"], r)
        means.append(float(np.mean([_calls_to_trip(stream, **given) for _ in range(trips)])))
    yield Check(f"breaker {case['name']}", "E_calls_to_trip", expected, tuple(means))


def _calls_to_trip(stream: np.random.Generator, q: float, k: int) -> int:
    switch, calls = Breaker(k, 1.0), 0
    while True:
        for failed in (stream.random(512) < q).tolist():
            calls += 1
            switch.record(0.0, 1, int(failed))
            if switch.is_open(0.5):
                return calls


def fallback(case: Case, seed: int, size: int) -> Iterator[Check]:
    """A chain of model classes, one attempt each; every attempt is billed, a million tokens at the given price."""
    given, expected = case["inputs"], case["expected"]
    classes = ("large", "medium", "small")[: len(given["p"])]
    overrides: dict[str, float | None] = {
        **_NO_TRANSPORT_ERRORS,
        "agent.*.task_error": 0.0,
        "call.retries": 0.0,
        "call.failed_billed_share": 1.0,
        "agent.*.tokens_in_p50": 1e6,
        "agent.*.tokens_in_p95": 1e6,
        "agent.*.tokens_out_p50": 0.0,
    }
    for name, p, cost in zip(classes, given["p"], given["cost"], strict=True):
        overrides |= {
            f"model.{name}.error_rate": 1 - p,
            f"model.{name}.price_in_usd_per_mtok": cost,
        }
    params = Parameters(overrides)
    spares = {"fallback_model": ",".join(classes[1:])}
    data = agents_run(
        network([station("a", 1_000, model_class=classes[0])]),
        plan(seed, size),
        overrides,
        policies={0: strengthened(default_policy(params), spares)},
    )
    name = f"fallback {case['name']}"
    success = tuple(float(s.mean()) for s in data.success)
    yield Check(name, "P_success", expected["P_success"], success, trials=REPLICATIONS * size)
    yield Check(name, "E_cost", expected["E_cost"], tuple(float(c.mean()) for c in data.cost_usd))


def vote(case: Case, seed: int, size: int) -> Iterator[Check]:
    """Branches of one model, each failing visibly with 1 - p; the join needs k. `rho` is their common cause."""
    given = case["inputs"]
    ids = [f"v{i}" for i in range(given["n"])]
    agents = [
        station("fork", 1_000, model_class=None),
        *[station(i, 1_000, model_class="small") for i in ids],
        station("join", 1_000, model_class=None, join="quorum", quorum=given["k"]),
    ]
    net = network(agents, *[edge("fork", i) for i in ids], *[edge(i, "join") for i in ids])
    overrides = {
        **_VISIBLE,
        "model.small.task_error": 1 - given["p"],
        "vote.correlation": given.get("rho", 0.0),
    }
    data = agents_run(net, plan(seed, size), overrides)
    estimates = tuple(float(s.mean()) for s in data.success)
    yield Check(f"k of n {case['name']}", "R", case["expected"]["R"], estimates)


def verifier_loop(case: Case, seed: int, size: int) -> Iterator[Check]:
    """A generator whose errors are silent, a verifier, and n - 1 ways back."""
    given, expected = case["inputs"], case["expected"]
    agents = [
        station("g", 1_000, model_class="small"),
        station("v", 1_000, model_class="medium", is_verifier=True),
        station("out", 1_000, model_class=None),
    ]
    links = [edge("g", "v", kind="verify"), edge("v", "out")]
    links.append(edge("v", "g", max_iterations=given["n"] - 1))
    overrides = {
        **_SILENT,
        "model.small.task_error": 1 - given["p"],
        "verifier.accept_correct": given["a"],
        "verifier.accept_wrong": given["f"],
    }
    data = agents_run(network(agents, *links), plan(seed, size), overrides)
    rejected = np.zeros(data.run.world.draws.n, np.int64)
    for finished in data.run.walks:
        for task, _, _ in finished.rejections:
            rejected[task] += 1
    spent = [rejected[i] >= given["n"] for i in data.indices]
    right = [o == OK for o in data.outcome]
    name = f"verifier loop {case['name']}"
    correct = [r & ~s for r, s in zip(right, spent, strict=True)]
    wrong = [~r & ~s for r, s in zip(right, spent, strict=True)]
    rounds = tuple(float(np.minimum(rejected[i] + 1, given["n"]).mean()) for i in data.indices)
    yield Check(name, "P_accept_correct", expected["P_accept_correct"], shares(correct))
    yield Check(name, "P_accept_wrong", expected["P_accept_wrong"], shares(wrong))
    yield Check(name, "P_exhausted", expected["P_exhausted"], shares(spent))
    yield Check(name, "E_rounds", expected["E_rounds"], rounds)


def chain(case: Case, seed: int, size: int) -> Iterator[Check]:
    given = case["inputs"]
    success = _in_a_row([given["p"]] * given["n"], plan(seed, size))
    yield Check(f"chain {case['name']}", "R", case["expected"]["R"], success)


def availability(case: Case, seed: int, size: int) -> Iterator[Check]:
    """Components that answer with their availability: all in a row, or one of two."""
    given, expected = case["inputs"], case["expected"]
    name = f"availability {case['name']}"
    if "A_series" in expected:
        row = _in_a_row(given["A"], plan(seed, size))
        yield Check(name, "A_series", expected["A_series"], row, trials=REPLICATIONS * size)
    elif "A_parallel" in expected:
        pair = _one_of_two(given["A"], plan(seed, size))
        yield Check(name, "A_parallel", expected["A_parallel"], pair, trials=REPLICATIONS * size)
    else:
        up = expected["A"]
        row = _in_a_row([up], plan(seed, size))
        yield Check(name, "A", up, row, trials=REPLICATIONS * size)
        pair = _one_of_two([up, up], plan(seed, size))
        yield Check(name, "A_pair", expected["A_pair"], pair, trials=REPLICATIONS * size)


def _in_a_row(available: Sequence[float], sizes: Any) -> tuple[float, ...]:
    ids = [f"c{i}" for i in range(len(available))]
    net = network(
        [station(i, 1_000, model_class="small") for i in ids],
        *[edge(a, b) for a, b in pairwise(ids)],
    )
    return _success(net, dict(zip(ids, available, strict=True)), sizes)


def _one_of_two(available: Sequence[float], sizes: Any) -> tuple[float, ...]:
    ids = [f"c{i}" for i in range(2)]
    agents = [
        station("fork", 1_000, model_class=None),
        *[station(i, 1_000, model_class="small") for i in ids],
        station("join", 1_000, model_class=None, join="any"),
    ]
    net = network(agents, *[edge("fork", i) for i in ids], *[edge(i, "join") for i in ids])
    return _success(net, dict(zip(ids, available, strict=True)), sizes)


def _success(net: Network, available: Mapping[str, float], sizes: Any) -> tuple[float, ...]:
    errors = {f"agent.{i}.task_error": 1 - a for i, a in available.items()}
    data = agents_run(net, sizes, {**_VISIBLE, "vote.correlation": 0.0, **errors})
    return tuple(float(s.mean()) for s in data.success)


BETA_BINOMIAL = (
    # pass^1, rho, pass^4, at least one of three: rows of queueing.md 6, which prints them to 3 digits
    (0.816, 0.202, 0.547, 0.971),
    (0.72, 0.504, 0.524, 0.863),
    (0.525, 0.325, 0.218, 0.775),
)


def beta_binomial(row: tuple[float, float, float, float], seed: int, size: int) -> Iterator[Check]:
    """Attempts of one agent at one task, exactly as the engine draws them visit after visit."""
    p, rho, all_four, one_of_three = row
    overrides = {**_SILENT, "model.small.task_error": 1 - p, "agent.*.correlation": rho}
    sizes = plan(seed, size, warmup=0)
    world = make_world(network([station("a", model_class="small")]), Parameters(overrides), sizes)
    variant = Variant(world)
    right = [~np.array(variant.table(0, 0, k, CALM).is_wrong) for k in range(4)]
    parts = np.split(np.array(right), sizes.replications, axis=1)
    name = f"correlated attempts p={p},rho={rho}"
    yield Check(
        name, "pass^4", _exact_all(p, rho, 4), tuple(float(x.all(axis=0).mean()) for x in parts)
    )
    some = tuple(float(x[:3].any(axis=0).mean()) for x in parts)
    yield Check(name, ">=1 of 3", 1 - _exact_all(1 - p, rho, 3), some)
    assert abs(_exact_all(p, rho, 4) - all_four) < 1e-3
    assert abs(1 - _exact_all(1 - p, rho, 3) - one_of_three) < 1e-3


def _exact_all(p: float, rho: float, k: int) -> float:
    """B(a+k, b) / B(a, b) as a product."""
    a, b = p * (1 / rho - 1), (1 - p) * (1 / rho - 1)
    product = 1.0
    for i in range(k):
        product *= (a + i) / (a + b + i)
    return product
