"""Reads the scenario a person asked to rehearse."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.events import ScenarioInterpreted, SimulationRequested, follow
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from interpreter.rules.reading import interpret

NAME = "ScenarioInterpreterAgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterAgent:
    """Says what the text says; `now` is the clock."""

    now: Callable[[], datetime]

    async def interpret(self, heard: SimulationRequested) -> ScenarioInterpreted:
        """Read the request's text; a text that is no scenario is answered with questions, not refused."""
        interpretation = await asyncio.to_thread(interpret, heard.request.text)
        return follow(
            heard,
            ScenarioInterpreted,
            now=self.now(),
            provenance=Provenance(engine="rules", agent=NAME),
            stream=(
                StreamEvent(
                    event_id="",
                    event_type="scenario_interpreted",
                    source=NAME,
                    payload={"interpretation": interpretation.model_dump(mode="json")},
                ),
            ),
            interpretation=interpretation,
        )
