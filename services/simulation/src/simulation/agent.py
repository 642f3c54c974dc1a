"""The simulation worker's decision: rehearse the network and show what happened."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime

from common.contracts.comparing import CompareAnswered, CompareAsked
from common.contracts.events import FailuresSelected, RunCompleted, follow
from common.contracts.run import RunResult
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from common.errors import DomainError
from simulation import rules
from simulation.pace import Pace

type Show = Callable[[FailuresSelected, int, float, StreamEvent], Coroutine[None, None, None]]
"""Shows one event of a job under way: the job, its count from 1, the share done, the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationAgent:
    """`show` shows figures as they form; `clock` (s, monotonic) only paces that."""

    now: Callable[[], datetime]
    show: Show | None = None
    clock: Callable[[], float] = time.monotonic

    async def run(self, heard: FailuresSelected) -> RunCompleted:
        """Run the engine in a thread, so that the worker's heartbeat goes on.

        Raises:
            DomainError: the network cannot be walked, or an override names nothing the engine knows.
        """
        pace = Pace(clock=self.clock, loop=asyncio.get_running_loop(), job=heard, show=self.show)
        result = await asyncio.to_thread(_simulate, heard, pace)
        await pace.settled()
        return follow(
            heard,
            RunCompleted,
            now=self.now(),
            provenance=Provenance(agent=rules.SOURCE, version=result.engine_version),
            stream=rules.stream(heard.network, result),
            interpretation=heard.interpretation,
            network=heard.network,
            failures=heard.failures,
            run=result,
        )


@dataclass(frozen=True, slots=True)
class ComparingAgent:
    """Says what differs between two networks; keeps nothing."""

    async def compare(self, asked: CompareAsked) -> CompareAnswered:
        """The difference; what cannot be compared is answered with the problem."""
        try:
            return await asyncio.to_thread(_difference, asked)
        except DomainError as error:
            return CompareAnswered(problem=str(error))


def _difference(asked: CompareAsked) -> CompareAnswered:
    from engine.difference import difference  # as below

    return difference(asked.a, asked.b)


def _simulate(heard: FailuresSelected, pace: Pace) -> RunResult:
    # Loaded here: numpy and SimPy take 0.2 s and 30 MB, which the worker's start should not pay.
    from engine.run import simulate

    return simulate(
        heard.network,
        heard.failures,
        heard.request.options,
        volume_per_min=rules.volume_per_min(heard.interpretation),
        watch=pace.watch,
    )
