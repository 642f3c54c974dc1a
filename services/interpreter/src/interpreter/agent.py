"""Reads the scenario a person asked to rehearse."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.events import ScenarioInterpreted, SimulationRequested, follow
from common.contracts.scenario import Interpretation
from common.contracts.stream import StreamEvent
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from interpreter.llm import InterpreterModel
from interpreter.rules.reading import interpret

NAME = "ScenarioInterpreterAgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterAgent:
    """Says what the text says; `now` is the clock. Without a `model` the rules read alone."""

    now: Callable[[], datetime]
    model: InterpreterModel | None = None

    async def interpret(self, heard: SimulationRequested) -> ScenarioInterpreted:
        """Read the request's text; a text that is no scenario is answered with questions, not refused."""
        found = await self._read(heard)
        interpretation = found.value
        return follow(
            heard,
            ScenarioInterpreted,
            now=self.now(),
            provenance=found.provenance,
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

    async def _read(self, heard: SimulationRequested) -> Proposed[Interpretation]:
        read = await asyncio.to_thread(interpret, heard.request.text)
        by_rules = Proposed(read, Provenance(engine="rules", agent=NAME))
        model = self.model
        propose = None if model is None else lambda: model.read(heard, read)
        return await proposed_or_rules(heard.request.options.engine, by_rules, propose)
