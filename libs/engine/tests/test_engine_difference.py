"""Two networks compared on the same tasks."""

import itertools

from common.contracts.comparing import CompareSide
from common.contracts.network import AgentSpec, Connection, Network
from common.contracts.scenario import SimulationOptions
from engine.difference import difference


def chain(*model_classes: str) -> Network:
    agents = tuple(
        AgentSpec(id=f"a{n}", name=f"A{n}", role="works", model_class=model_class)
        for n, model_class in enumerate(model_classes)
    )
    links = tuple(
        Connection(source=one.id, target=two.id) for one, two in itertools.pairwise(agents)
    )
    return Network(
        agents=agents,
        connections=links,
        pattern="sequential",
        pattern_reason="fixed order",
        entry=(agents[0].id,),
        exit=(agents[-1].id,),
    )


OPTIONS = SimulationOptions(tasks=100, seed=4)


def side(*model_classes: str) -> CompareSide:
    return CompareSide(network=chain(*model_classes), options=OPTIONS, volume_per_min=1.0)


def test_a_network_does_not_differ_from_itself_at_all() -> None:
    same = difference(side("medium", "small"), side("medium", "small"))

    for band in (same.success, same.latency_p50_s, same.latency_p95_s, same.cost_usd_per_task):
        assert band is not None
        assert (band.low, band.value, band.high) == (0.0, 0.0, 0.0)


def test_one_more_agent_costs_time_and_money_beyond_chance_and_its_absence_saves_them() -> None:
    longer = difference(side("medium"), side("medium", "large"))
    shorter = difference(side("medium", "large"), side("medium"))

    assert longer.latency_p50_s is not None
    assert longer.cost_usd_per_task is not None
    assert shorter.latency_p50_s is not None
    assert longer.latency_p50_s.low > 0
    assert longer.cost_usd_per_task.low > 0
    assert shorter.latency_p50_s.high < 0


def test_the_arrivals_are_those_of_the_first() -> None:
    found = difference(side("medium"), side("large", "large", "large"))

    assert found.arrival_rate_per_min == 1.0
    assert found.tasks == 100
