"""How an agent asks: its prompts, one deadline, and the rules' own result when no model answers. Pure."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from common.contracts.events import Event
from common.contracts.scenario import EngineChoice
from common.contracts.values import Provenance
from common.llm.errors import ModelError
from common.llm.port import Ask, ModelPort, Task
from common.llm.prompts import choose

NOT_CONFIGURED = "no model is configured"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Proposed[T]:
    """A result and what answered: a model whose proposal the rules took, or the rules alone."""

    value: T
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whose work a question belongs to. `job` is the cause's id: a redelivery asks the same again."""

    simulation_id: str = ""
    job: str = ""
    seed: int | None = None

    @classmethod
    def of(cls, event: Event, seed: int | None = None) -> "About":
        return cls(simulation_id=event.simulation_id, job=str(event.event_id), seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One agent's way to the models. `package` holds its prompts; `agent` is the name models are set by."""

    port: ModelPort
    package: str
    agent: str
    name: str
    """The agent's public name, for provenance."""
    deadline_s: float = 60.0

    async def structured[P: BaseModel](
        self,
        prompt: str,
        fields: BaseModel,
        shape: type[P],
        check: Callable[[P], Sequence[str]],
        *,
        about: About,
        task: Task = "structure",
        max_tokens: int = 2_048,
    ) -> Proposed[P]:
        """A proposal that fits `shape` and for which `check` (the agent's rules) names no problem.

        Raises:
            ModelError: there is none, whatever the reason.
        """
        chosen = choose(self.package, prompt, about.simulation_id)
        ask = Ask(
            agent=self.agent,
            messages=chosen.render(fields),
            task=task,
            prompt_version=chosen.id,
            simulation_id=about.simulation_id,
            job=about.job,
            seed=about.seed,
            max_tokens=min(max_tokens, self.port.answer_tokens),
            deadline_s=self.deadline_s,
        )
        found = await self.port.structured(ask, shape, check)
        answer = found.answer
        origin = Provenance(
            engine="llm",
            agent=self.name,
            provider=answer.provider,
            model=answer.model,
            prompt_version=chosen.id,
        )
        return Proposed(found.value, origin)


async def proposed_or_rules[T](
    choice: EngineChoice,
    by_rules: Proposed[T],
    propose: Callable[[], Awaitable[Proposed[T]]] | None,
) -> Proposed[T]:
    """The model's proposal where one is wanted and comes; else the rules' result, with the reason why."""
    if choice == "rules" or (choice == "auto" and propose is None):
        return by_rules
    if propose is None:
        return _fallen_back(by_rules, NOT_CONFIGURED)
    try:
        return await propose()
    except ModelError as error:
        return _fallen_back(by_rules, error.because)


def _fallen_back[T](by_rules: Proposed[T], because: str) -> Proposed[T]:
    origin = by_rules.provenance.model_copy(update={"fallback_reason": because})
    return Proposed(by_rules.value, origin)


def strange_numbers(said: str, known: str) -> tuple[str, ...]:
    """Numbers in a model's text that the text it was given does not hold: a model invents none."""
    given = set(_NUMBER.findall(known))
    return tuple(dict.fromkeys(n for n in _NUMBER.findall(said) if n not in given))
