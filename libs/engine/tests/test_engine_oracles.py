"""The engine meets every closed form it can express; planted bugs do not get past these checks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import measure, operations, serving, walk, world
from engine.draws import Floats
from engine.state import Setting, Visit
from engine.validation.suite import cases, check_case, check_more

ORACLES = Path(__file__).parent / "oracles.json"
SEED = 13
"""Fixed, because some checks lie outside their 99 % intervals by chance; docs/model.md reports fresh seeds."""
CASES = cases(ORACLES)


@pytest.mark.parametrize(
    ("family", "case"), CASES, ids=[f"{family}: {case['name']}" for family, case in CASES]
)
def test_every_closed_form_lies_inside_the_99_percent_interval(family: str, case: Any) -> None:
    checks = check_case(family, case, SEED)

    assert checks
    assert [str(check) for check in checks if not check.is_inside] == []


def test_warm_up_and_correlated_attempts_meet_their_closed_forms() -> None:
    assert [str(check) for check in check_more(ORACLES, SEED) if not check.is_inside] == []


def arrivals_five_percent_too_fast(patch: pytest.MonkeyPatch) -> None:
    correct = world.replication_setting

    def mutant(variant: world.Variant, r: int) -> Setting:
        setting = correct(variant, r)
        return replace(setting, arrivals_s=[t / 1.05 for t in setting.arrivals_s])

    patch.setattr(world, "replication_setting", mutant)


def no_warm_up(patch: pytest.MonkeyPatch) -> None:
    correct = measure.sample

    def mutant(run: world.Run) -> measure.Sample:
        for finished in run.walks:
            finished.tasks = finished.tasks[: -run.world.plan.warmup or None]
        plan = run.world.plan
        run.world.plan = replace(plan, warmup=0)
        data = correct(run)
        run.world.plan = plan
        return data

    patch.setattr("engine.validation.queues.sample", mutant)


def retries_counted_once(patch: pytest.MonkeyPatch) -> None:
    correct = operations.attempt

    def mutant(*args: Any, **more: Any) -> operations.Operation:
        done = correct(*args, **more)
        done.attempts = np.minimum(done.attempts, 1)
        return done

    patch.setattr("engine.validation.reliability.attempt", mutant)


def last_come_first_served(patch: pytest.MonkeyPatch) -> None:
    def mutant(self: serving.Serving, server: Any) -> None:
        while server.queue:
            visit = server.queue.pop()
            if not visit.is_over:
                self._start(visit)
                return
        server.busy -= 1

    patch.setattr(serving.Serving, "_next", mutant)


def joins_start_at_the_first_arrival(patch: pytest.MonkeyPatch) -> None:
    correct = walk.Walk._try_join

    def mutant(self: walk.Walk, task: Any, node: Any, frame: Any, edge: Any) -> None:
        hasty = replace(node, waits_for_all=False, need=1)
        correct(self, task, hasty, frame, edge)

    patch.setattr(walk.Walk, "_try_join", mutant)


def verifier_lets_twice_as_much_wrong_work_pass(patch: pytest.MonkeyPatch) -> None:
    correct = walk.Walk._accepts

    def mutant(self: walk.Walk, visit: Visit) -> bool:
        _, wrong = self.setting.accept[visit.node.index]
        if not visit.is_wrong:
            return correct(self, visit)
        return visit.served.decide[visit.task.index] < 2 * wrong

    patch.setattr(walk.Walk, "_accepts", mutant)


def one_server_too_many(patch: pytest.MonkeyPatch) -> None:
    correct = serving.Serving.__init__

    def mutant(self: serving.Serving, *args: Any) -> None:
        correct(self, *args)
        for server in self.servers:
            server.capacity += 1

    patch.setattr(serving.Serving, "__init__", mutant)


def waiting_reported_as_time_in_system(patch: pytest.MonkeyPatch) -> None:
    correct = measure.sample

    def mutant(run: world.Run) -> measure.Sample:
        data = correct(run)
        service: list[Floats] = []
        for finished, indices in zip(run.walks, data.indices, strict=True):
            length = {v.task.index: v.ended_s - v.started_s for v in finished.log[0]}
            service.append(np.array([length[i] for i in indices.tolist()]))
        data.latency_s = [t - s for t, s in zip(data.latency_s, service, strict=True)]
        return data

    patch.setattr("engine.validation.queues.sample", mutant)


def backoff_without_jitter(patch: pytest.MonkeyPatch) -> None:
    correct = operations.attempt

    def mutant(*args: Any, **more: Any) -> operations.Operation:
        done = correct(*args, **more)
        done.backoff_s = 2.0 * done.backoff_s
        return done

    patch.setattr("engine.validation.reliability.attempt", mutant)


def redundant_branches_are_independent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("engine.content._with_common_cause", lambda _, own: own)


Mutant = Callable[[pytest.MonkeyPatch], None]
PLANTED: dict[Mutant, tuple[str, ...]] = {
    arrivals_five_percent_too_fast: ("MM1",),
    no_warm_up: ("more",),
    retries_counted_once: ("Retry",),
    last_come_first_served: ("MM1",),
    joins_start_at_the_first_arrival: ("ForkJoinQueue2",),
    verifier_lets_twice_as_much_wrong_work_pass: ("VerifierLoop",),
    one_server_too_many: ("MMc",),
    waiting_reported_as_time_in_system: ("MM1",),
    backoff_without_jitter: ("RetryTimeout",),
    redundant_branches_are_independent: ("KofN_commoncause",),
}
"""A planted bug, and the families that must notice it."""


def all_checks(family: str) -> Iterator[Any]:
    if family == "more":
        yield from check_more(ORACLES, SEED)
    for name, case in CASES:
        if name == family:
            yield from check_case(name, case, SEED)


@pytest.mark.parametrize("mutant", PLANTED, ids=lambda mutant: mutant.__name__)
def test_a_planted_bug_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)

    checks = (check for family in PLANTED[mutant] for check in all_checks(family))

    assert any(not check.is_inside for check in checks)
