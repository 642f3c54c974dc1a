"""The catalogue speaks the engine's language: a mode that is said to strike here does strike in a run."""

from typing import Any

import pytest

from common.contracts.failures import FailureMode, FailurePlan
from common.contracts.scenario import SimulationOptions
from engine.run import simulate
from failure.rules.selection import candidates

OFTEN = 0.5


def often(mode: FailureMode) -> FailureMode:
    """The same mode at a rate that a short run cannot miss."""
    likelihood = mode.likelihood.model_copy(update={"simulated_per_opportunity": OFTEN})
    return mode.model_copy(update={"likelihood": likelihood})


@pytest.mark.parametrize("name", ["claims", "research", "drafting"])
def test_every_mode_that_can_strike_here_strikes_in_the_engine(name: str, built: Any) -> None:
    network, interpretation = built(name)
    one_each = {
        c.mode.mode_id: often(c.mode) for c in reversed(candidates(network, interpretation))
    }

    run = simulate(
        network, FailurePlan(modes=tuple(one_each.values())), SimulationOptions(tasks=40)
    )

    # A window of an outage may fall between the arrivals of so short a run.
    lasting = {m.id for m in one_each.values() if m.effect != "outage"}
    missed = [o.failure_id for o in run.failures if o.tasks_hit == 0 and o.failure_id in lasting]
    assert missed == []
