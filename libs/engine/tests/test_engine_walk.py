"""Where work goes: every rule of the walk, seen in small networks whose visits take one second each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.network import AgentSpec, Connection, Network
from engine.graph import compile_graph
from engine.measure import Sample, littles_law, sample, utilisation
from engine.model import Parameters
from engine.validation.bench import edge, exponential, network, queueing, station
from engine.world import Plan, Run, Variant, make_world, run

ONE_S = [lambda _, n: np.ones(n)] * 12
FEW = Plan(seed=5, replications=2, warmup=0, measured=200, rate_per_s=0.001)
"""Tasks so far apart that they hardly ever meet."""


def walk(net: Network, rate: float = 0.001, **overrides: float | None) -> Run:
    return queueing(net, rate, ONE_S, FEW, {k.replace("__", "."): v for k, v in overrides.items()})


def visits(finished: Run, ident: str) -> list[int]:
    """Visits of an agent per task."""
    index = finished.world.graph.by_id[ident]
    counts = np.zeros(finished.world.draws.n, np.int64)
    for w in finished.walks:
        for visit in w.log[index]:
            counts[visit.task.index] += visit.phase == 0
    found: list[int] = counts.tolist()
    return found


def seconds(finished: Run) -> list[float]:
    return [round(t.delivered_s - t.arrived_s, 6) for w in finished.walks for t in w.tasks]


def ids(*names: str, **more: Any) -> list[AgentSpec]:
    return [station(name, 50, **more) for name in names]


def test_edges_without_shares_all_fire_and_the_join_waits_for_the_last() -> None:
    net = network(
        ids("a", "b", "slow", "slower", "join"),
        edge("a", "b"),
        edge("a", "slow"),
        edge("slow", "slower"),
        edge("b", "join"),
        edge("slower", "join"),
    )

    finished = walk(net)

    assert set(visits(finished, "join")) == {1}
    assert set(seconds(finished)) == {4.0}


def test_a_join_for_any_starts_with_the_first_and_only_once() -> None:
    net = network(
        [*ids("a", "b", "slow", "slower"), station("join", 50, join="any")],
        edge("a", "b"),
        edge("a", "slow"),
        edge("slow", "slower"),
        edge("b", "join"),
        edge("slower", "join"),
    )

    finished = walk(net)

    assert set(visits(finished, "join")) == {1}
    assert set(seconds(finished)) == {3.0}


def test_exactly_one_edge_of_a_choice_is_taken_and_the_join_does_not_wait_for_the_others() -> None:
    net = network(
        ids("a", "rare", "often", "join"),
        edge("a", "rare", share=0.25),
        edge("a", "often", share=0.75),
        edge("rare", "join"),
        edge("often", "join"),
    )

    finished = walk(net)

    rare, often = visits(finished, "rare"), visits(finished, "often")
    assert {r + o for r, o in zip(rare, often, strict=True)} == {1}
    assert sum(rare) / len(rare) == pytest.approx(0.25, abs=0.07)
    assert set(visits(finished, "join")) == {1}
    assert set(seconds(finished)) == {3.0}


def test_a_skipped_branch_is_skipped_to_its_end() -> None:
    net = network(
        ids("a", "b", "c", "d", "join"),
        edge("a", "b", share=0.5),
        edge("a", "d", share=0.5),
        edge("b", "c"),
        edge("c", "join"),
        edge("d", "join"),
        edge("a", "join"),
    )

    finished = walk(net)

    assert set(visits(finished, "join")) == {1}
    assert set(seconds(finished)) == {3.0, 4.0}


def test_a_caller_waits_for_all_it_called_and_then_merges() -> None:
    net = network(
        ids("boss", "w1", "w2", "helper", "out"),
        edge("boss", "w1", kind="call"),
        edge("boss", "w2", kind="call"),
        edge("w2", "helper", kind="call"),
        edge("boss", "out"),
    )

    finished = walk(net)

    # ask 1 + (w2 1 + helper 1 + w2's merge 1) + merge 1 + out 1
    assert set(seconds(finished)) == {6.0}
    assert set(visits(finished, "out")) == {1}


def test_a_return_edge_to_the_caller_is_not_walked_twice() -> None:
    net = network(
        ids("boss", "w", "out"),
        edge("boss", "w", kind="call"),
        edge("w", "boss"),
        edge("boss", "out"),
        entry=("boss",),
        exit=("out",),
    )

    finished = walk(net)

    assert set(seconds(finished)) == {4.0}
    assert set(visits(finished, "boss")) == {1}


def test_a_loop_without_a_verifier_is_taken_by_its_share_and_at_most_so_often() -> None:
    net = network(
        ids("a", "b"),
        edge("a", "b"),
        edge("b", "a", max_iterations=2, share=1.0),
        entry=("a",),
        exit=("b",),
    )

    assert set(visits(walk(net), "b")) == {3}


def test_a_cycle_without_a_bound_is_bounded_and_said() -> None:
    net = network(ids("a", "b"), edge("a", "b"), edge("b", "a"), entry=("a",), exit=("b",))

    graph = compile_graph(net)
    finished = walk(net)

    assert len(graph.notes) == 1
    assert max(visits(finished, "b")) == 4


def test_several_participants_that_return_to_one_moderator_let_it_go_on_once() -> None:
    net = network(
        ids("mod", "p1", "p2", "p3"),
        *[edge("mod", p) for p in ("p1", "p2", "p3")],
        *[edge(p, "mod", max_iterations=2) for p in ("p1", "p2", "p3")],
        entry=("mod",),
        exit=("mod",),
    )

    finished = walk(net)

    assert set(visits(finished, "mod")) == {3}
    assert set(visits(finished, "p1")) == {3}


def test_a_moderators_rounds_of_calls_are_bounded() -> None:
    net = network(
        ids("mod", "p", "out"),
        edge("mod", "p", kind="call", max_iterations=3),
        edge("mod", "out"),
    )

    counts = visits(walk(net, loop__repeat_share=1.0), "p")

    assert set(counts) == {3}


def verified(**more: Any) -> Network:
    return network(
        [*ids("writer", model_class="small"), station("judge", 50, is_verifier=True), *ids("out")],
        edge("writer", "judge", kind="verify"),
        edge("judge", "writer", max_iterations=2),
        edge("judge", "out"),
        entry=("writer",),
        exit=("out",),
        **more,
    )


def test_a_verifier_that_refuses_everything_sends_back_so_often_and_then_lets_it_go_on() -> None:
    finished = walk(verified(), verifier__accept_correct=0.0, verifier__accept_wrong=0.0)

    assert set(visits(finished, "writer")) == {3}
    assert set(visits(finished, "out")) == {1}
    assert sum(len(w.rejections) for w in finished.walks) == 3 * finished.world.draws.n


def agents(
    net: Network, overrides: Mapping[str, float | None], plan: Plan = FEW, **variant: Any
) -> Sample:
    return sample(run(Variant(make_world(net, Parameters(overrides), plan), **variant)))


def approved(*back: Connection) -> Network:
    return network(
        [
            station("a", 50, model_class="small"),
            station("boss", 50, kind="human", model_class=None),
            station("b", 50, model_class="small"),
        ],
        edge("a", "boss", kind="approve"),
        edge("boss", "b"),
        *back,
        entry=("a",),
        exit=("b",),
    )


REFUSES = {"human.*.approve_share": 0.0, "human.*.accept_wrong_share": 0.0}


def test_a_persons_no_ends_the_task_as_declined_which_is_no_failure() -> None:
    data = agents(approved(), {**REFUSES, "model.small.task_error": 0.0})

    # Nothing but a transport error that outlives its retries can keep a task from the person.
    assert np.concatenate(data.success).mean() > 0.99
    assert not data.services[2].task.size


def test_a_persons_no_sends_back_while_it_may() -> None:
    data = agents(approved(edge("boss", "a", max_iterations=1)), REFUSES)

    per_task = data.services[0].task.size / data.tasks
    assert per_task > 1.9


def test_a_person_is_waited_for_without_holding_anybody_up() -> None:
    data = agents(
        approved(),
        {"human.*.response_p50_s": 1_000.0, "human.*.response_p95_s": 1_000.0},
    )

    figures = data.services[1]
    assert (figures.ended_s - figures.started_s).mean() < 100
    assert float(np.median(np.concatenate(data.latency_s))) > 1_000


def test_a_person_who_works_eight_hours_handles_nothing_at_night() -> None:
    slow = Plan(seed=5, replications=2, warmup=0, measured=200, rate_per_s=1 / 3_600)

    data = agents(approved(), {"human.boss.hours_per_day": 8.0}, slow)

    ended = data.services[1].ended_s % 86_400
    assert data.services[1].task.size > 300
    # Handling begins within the hours; the last case may run a little over.
    assert ((ended > 8 * 3_600 + 600) & (ended < 86_400)).sum() == 0


def test_a_call_that_is_lost_is_made_again_by_its_edge_and_fails_its_caller_in_the_end() -> None:
    net = network(
        [station("boss", 50, model_class=None), station("w", 50, model_class="small")],
        edge("boss", "w", kind="call", retries=2),
        entry=("boss",),
        exit=("boss",),
    )
    broken = {"model.small.task_error": 1.0, "agent.*.silent_share": 0.0}

    data = agents(net, broken)

    assert data.services[1].task.size == 3 * data.tasks
    assert np.concatenate(data.success).sum() == 0


def test_a_visit_over_its_edges_limit_is_given_up_and_asked_again() -> None:
    net = network([station("a", 50), station("b", 50)], edge("a", "b", timeout_s=0.5, retries=1))

    finished = walk(net)

    assert set(visits(finished, "b")) == {2}
    assert all(task.is_failed for w in finished.walks for task in w.tasks)


def test_a_limit_that_is_kept_changes_nothing() -> None:
    net = network([station("a", 50), station("b", 50)], edge("a", "b", timeout_s=2.0))

    finished = walk(net)

    assert set(seconds(finished)) == {2.0}
    assert not any(task.is_failed for w in finished.walks for task in w.tasks)


def test_a_budget_ends_what_costs_more() -> None:
    net = network(
        [station("a", 50, model_class="large"), station("b", 50, model_class="large")],
        edge("a", "b"),
    )

    free = agents(net, {})
    capped = agents(net, {"task.budget_usd": 0.0})

    assert free.success[0].mean() > 0.5
    assert np.concatenate(capped.success).sum() == 0
    assert capped.services[1].task.size == 0


def test_a_deadline_makes_late_tasks_unsuccessful() -> None:
    net = network([station("a", 50, model_class="large")])

    on_time, late = agents(net, {}), agents(net, {"task.deadline_s": 0.001})

    assert np.concatenate(on_time.success).mean() > 0.8
    assert np.concatenate(late.success).sum() == 0


def test_a_closed_loop_keeps_so_many_tasks_in_the_system() -> None:
    finished = queueing(
        network([station("a", 50)]), 1.0, [exponential(1.0)], FEW, {"arrivals.closed_loop": 4.0}
    )

    for w in finished.walks:
        starts = sorted(t.arrived_s for t in w.tasks)
        ends = sorted(t.left_s for t in w.tasks)
        assert starts[:4] == [0.0] * 4
        assert starts[4:] == ends[:-4]


def test_requests_per_minute_space_the_calls() -> None:
    net = network([station("a", 50, model_class="small")])
    busy = Plan(seed=5, replications=2, warmup=0, measured=200, rate_per_s=10.0)

    free = agents(net, {}, busy)
    limited = agents(net, {"model.small.rpm": 60.0}, busy)

    # 400 tasks in 2 replications: the last one waits for about 200 calls at one per second.
    assert np.concatenate(free.latency_s).max() < 60
    assert np.concatenate(limited.latency_s).max() > 150


def test_a_provider_that_serves_one_call_at_a_time_makes_two_agents_wait_for_each_other() -> None:
    net = network(
        [station("a", 50, model_class="small"), station("b", 50, model_class="small")],
        edge("a", "b"),
    )
    busy = Plan(seed=5, replications=2, warmup=0, measured=100, rate_per_s=1.0)

    free = agents(net, {}, busy)
    shared = agents(net, {"provider.concurrency": 1.0}, busy)

    assert np.concatenate(shared.latency_s).mean() > 5 * np.concatenate(free.latency_s).mean()


def test_burstiness_spreads_the_gaps_between_arrivals() -> None:
    def cv(burstiness: float) -> float:
        long = Plan(seed=5, replications=2, warmup=0, measured=3_000, rate_per_s=1.0)
        gaps = make_world(
            network(ids("a")), Parameters({"arrivals.burstiness": burstiness}), long
        ).gaps
        return float(gaps.std() / gaps.mean())

    assert cv(0.0) == 0.0
    assert cv(1.0) == pytest.approx(1.0, abs=0.05)
    assert cv(3.0) == pytest.approx(3.0, rel=0.15)


# networks of any shape

NAMES = [f"n{i}" for i in range(6)]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Up to six stations with forward edges of every kind, shares, joins, back edges and calls."""
    size = draw(st.integers(1, 6))
    stations = [
        station(
            NAMES[i],
            draw(st.integers(1, 3)),
            join=draw(st.sampled_from(["all", "any", "quorum"])),
            is_verifier=draw(st.booleans()),
        )
        for i in range(size)
    ]
    links: list[Connection] = []
    for i in range(size):
        for j in range(size):
            if i == j or draw(st.integers(0, 2)):
                continue
            kind = draw(st.sampled_from(["handoff", "publish", "call", "verify"]))
            share = draw(st.sampled_from([None, None, 0.3, 0.7]))
            back = draw(st.integers(1, 3)) if j < i and kind != "call" else None
            links.append(edge(NAMES[i], NAMES[j], kind=kind, share=share, max_iterations=back))
    return network(stations, *links, entry=(NAMES[0],))


@settings(max_examples=60, deadline=None)
@given(networks(), st.floats(0.05, 3.0))
def test_whatever_the_network_every_task_leaves_and_littles_law_holds(
    net: Network, rate: float
) -> None:
    small = Plan(seed=1, replications=2, warmup=2, measured=15, rate_per_s=1.0)

    finished = queueing(net, rate, [exponential(1.0)] * 6, small)

    for w in finished.walks:
        assert len(w.tasks) == small.per_replication
        assert all(t.left_s >= t.delivered_s >= t.arrived_s for t in w.tasks)
        assert all(server.busy == 0 and not server.queue for server in w.servers)
        assert w.in_system == 0
    assert littles_law(finished.walks).holds


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.floats(0.2, 2.0), st.integers(0, 1_000))
def test_one_server_more_never_makes_a_task_of_a_line_later(
    servers: int, rate: float, seed: int
) -> None:
    """First come first served in a row of stations: paired draws, task by task."""
    plan = Plan(seed=seed, replications=2, warmup=0, measured=60, rate_per_s=1.0)
    services = [lambda _, n: np.full(n, 1.0)] * 2

    def departures(c: int) -> list[float]:
        line = network([station("a", c), station("b", c)], edge("a", "b"))
        return [t.left_s for w in queueing(line, rate, services, plan).walks for t in w.tasks]

    for more, fewer in zip(departures(servers + 1), departures(servers), strict=True):
        assert more <= fewer + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.integers(0, 1_000))
def test_a_higher_error_share_never_makes_a_task_right_that_was_wrong(
    low: float, more: float, seed: int
) -> None:
    net = network(
        [station("a", 50, model_class="small"), station("b", 50, model_class="small")],
        edge("a", "b"),
    )
    plan = Plan(seed=seed, replications=2, warmup=0, measured=40, rate_per_s=0.001)

    better = agents(net, {"model.small.task_error": low, "agent.*.reworks": 0.0}, plan)
    worse = agents(net, {"model.small.task_error": low + more, "agent.*.reworks": 0.0}, plan)

    for a, b in zip(better.success, worse.success, strict=True):
        assert (a >= b).all()


def test_utilisation_is_arrivals_times_service_over_servers() -> None:
    plan = Plan(seed=5, replications=10, warmup=100, measured=1_000, rate_per_s=1.0)

    data = sample(queueing(network([station("s", 2)]), 1.2, [exponential(1.0)], plan))
    found = utilisation(data, data.run.world.graph.nodes[0])

    assert found.low <= 0.6 <= found.high
