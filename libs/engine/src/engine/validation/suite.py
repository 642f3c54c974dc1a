"""All oracles the engine can express, and how large each is run."""

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.validation import queues, reliability
from engine.validation.bench import Check

Family = Callable[[Any, int, int], Iterator[Check]]

FAMILIES: dict[str, tuple[Family, int]] = {
    "MM1": (queues.markov, 5_000),
    "MMc": (queues.markov, 5_000),
    "MG1": (queues.general, 6_000),
    "Jackson": (queues.jackson, 2_500),
    "MMcK": (queues.loss, 4_000),
    "Retry": (reliability.retry, 20_000),
    "RetryTimeout": (reliability.retry_timeout, 20_000),
    "RetryStorm": (reliability.retry_storm, 3),
    "CircuitBreaker": (reliability.breaker, 0),
    "Fallback": (reliability.fallback, 2_000),
    "Availability": (reliability.availability, 1_000),
    "ForkJoin": (queues.fork_join, 400),
    "ForkJoinQueue2": (queues.fork_join_queues, 1_500),
    "KofN": (reliability.vote, 800),
    "KofN_commoncause": (reliability.vote, 800),
    "VerifierLoop": (reliability.verifier_loop, 1_200),
    "Chain": (reliability.chain, 300),
}
"""Per family of the oracle file: how to check a case, and tasks per replication."""


def cases(path: Path) -> list[tuple[str, Any]]:
    """(family, case) in the file's order.

    Raises:
        KeyError: the file has a family nobody checks.
    """
    loaded = json.loads(path.read_text(encoding="utf-8"))
    return [
        (family, case) for family, found in loaded.items() for case in found if FAMILIES[family]
    ]


def check_case(family: str, case: Any, seed: int) -> list[Check]:
    """Each case has random numbers of its own, so that one unlucky stream of arrivals does not show in all of them."""
    check, size = FAMILIES[family]
    own_seed = zlib.crc32(f"{seed}|{family}|{case['name']}".encode())
    return list(check(case, own_seed, size))


def check_more(path: Path, seed: int) -> list[Check]:
    """Beyond the file: the effect of warm-up, and correlated attempts (queueing.md 6)."""
    found = json.loads(path.read_text(encoding="utf-8"))
    checks = list(queues.cold_start(found["MM1"][1], seed, 0))
    for row in reliability.BETA_BINOMIAL:
        checks += reliability.beta_binomial(row, seed, 3_000)
    return checks


def check_all(path: Path, seed: int) -> list[Check]:
    checks = [c for family, case in cases(path) for c in check_case(family, case, seed)]
    return checks + check_more(path, seed)
