"""The catalogue as data: complete, honest about likelihoods, understood by the engine."""

import string

import pytest

from failure.rules.catalogue import Entry, entries, mitigations
from failure.rules.selection import PLACES

ENGINE_PARAMETERS = {
    "retries", "backoff_s", "timeout_s", "fallback_model", "breaker", "verifier", "other_model", "quorum",
    "loop_guard", "human_gate", "schema_check", "cache", "second_provider", "budget_usd", "idempotency",
    "concurrency", "share",
}  # fmt: skip
each = pytest.mark.parametrize("entry", entries(), ids=lambda e: e.id)


def test_all_fourteen_mast_modes_are_there() -> None:
    ids = {entry.id for entry in entries()}

    assert ids >= {f"1.{n}" for n in range(1, 6)} | {f"2.{n}" for n in range(1, 7)} | {
        "3.1",
        "3.2",
        "3.3",
    }


def test_all_distributed_failures_d01_to_d16_are_there() -> None:
    assert {e.id for e in entries()} >= {f"D{n:02}" for n in range(1, 17)}


def test_every_id_is_there_once() -> None:
    ids = [entry.id for entry in entries()]

    assert len(ids) == len(set(ids))


@each
def test_a_share_of_failures_is_never_simulated_as_a_rate(entry: Entry) -> None:
    if entry.likelihood.basis == "share_of_failures":
        assert entry.likelihood.is_assumed
        assert entry.likelihood.value is not None
        assert entry.likelihood.simulated < entry.likelihood.value


@each
def test_a_likelihood_without_a_published_figure_says_assumed(entry: Entry) -> None:
    says_assumed = entry.likelihood.source.startswith("assumed")

    assert says_assumed == entry.likelihood.is_assumed
    if entry.likelihood.value is None:
        assert entry.likelihood.is_assumed


@each
def test_every_mitigation_is_known_and_its_parameters_too(entry: Entry) -> None:
    for key in entry.mitigations:
        assert set(mitigations()[key].parameters) <= ENGINE_PARAMETERS


@each
def test_every_mode_has_a_place_to_strike_and_a_concrete_reason(entry: Entry) -> None:
    fields = {name for _, name, _, _ in string.Formatter().parse(entry.reason) if name}

    assert entry.strikes in PLACES
    assert fields
