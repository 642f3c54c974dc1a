"""What the interpreter asks of a model: its own reading of the text, in quotes."""

from dataclasses import dataclass

from pydantic import BaseModel

from common.contracts.events import SimulationRequested
from common.contracts.scenario import Interpretation
from common.llm.asking import About, Asking, Proposed
from common.llm.context import cut, shorten
from common.llm.port import ModelPort
from common.llm.prompts import UserText
from interpreter.rules.proposal import ProposedReading, joined, problems

_SCENARIO_SHARE, _STEPS_SHARE = 0.7, 0.15
"""Of the prompt's room."""


class ReadFields(BaseModel):
    """Fields of `prompts/read`."""

    scenario: UserText
    steps: UserText


@dataclass(frozen=True, slots=True)
class InterpreterModel:
    """Reads with a model; what it claims is located in the text or dropped."""

    asking: Asking

    async def read(
        self, heard: SimulationRequested, by_rules: Interpretation
    ) -> Proposed[Interpretation]:
        """The joint reading.

        Raises:
            ModelError: no model gave a reading that can be joined.
        """
        text, options = heard.request.text, heard.request.options
        found = await self.asking.structured(
            "read",
            fields(text, by_rules, self.asking.port.prompt_tokens),
            ProposedReading,
            lambda reading: problems(text, by_rules, reading),
            about=About.of(heard, options.seed),
            max_tokens=3_000,
        )
        return Proposed(joined(text, by_rules, found.value), found.provenance)


def fields(text: str, by_rules: Interpretation, room_tokens: int) -> ReadFields:
    """The prompt's fields; a text that is too long for the model loses its middle."""
    steps = tuple(f"{step.name}" for step in by_rules.steps) or ("(none)",)
    return ReadFields(
        scenario=cut(text, int(room_tokens * _SCENARIO_SHARE)),
        steps=shorten(steps, int(room_tokens * _STEPS_SHARE)),
    )


def interpreter_model(port: ModelPort | None, deadline_s: float) -> InterpreterModel | None:
    """Null without a port: the rules read alone."""
    if port is None:
        return None
    asking = Asking(
        port=port,
        package="interpreter",
        agent="interpreter",
        name="ScenarioInterpreterAgent",
        deadline_s=deadline_s,
    )
    return InterpreterModel(asking)
