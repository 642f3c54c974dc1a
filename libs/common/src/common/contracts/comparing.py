"""What is asked of the simulation worker about two networks, and answered: the difference, with its confidence."""

from common.contracts.network import Network
from common.contracts.scenario import SimulationOptions
from common.contracts.values import Band, Value


class CompareSide(Value):
    network: Network
    options: SimulationOptions = SimulationOptions()
    volume_per_min: float | None = None
    """What the scenario says; the options' rate goes before it."""


class CompareAsked(Value):
    """`b` against `a`, both without failures, with the same random numbers and the same arrivals (a's)."""

    a: CompareSide
    b: CompareSide


class CompareAnswered(Value):
    """Differences are b minus a with 95 % intervals; one that does not hold 0 is more than chance.

    `problem` says why nothing could be compared, and is null otherwise.
    """

    tasks: int = 0
    replications: int = 0
    arrival_rate_per_min: float | None = None
    success: Band | None = None
    latency_p50_s: Band | None = None
    latency_p95_s: Band | None = None
    cost_usd_per_task: Band | None = None
    """Null when the price of neither is known."""
    problem: str | None = None
