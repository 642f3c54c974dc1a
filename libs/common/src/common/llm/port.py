"""The port agents ask models through, and the shapes that cross it. Pure: no transport is imported here."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

from pydantic import BaseModel

Role = Literal["system", "user", "assistant"]
Task = Literal["structure", "plan", "prose", "chat"]
"""What kind of work it is; a model can be set for each (`structure` reads and chooses, `plan` designs)."""
Check = Callable[[BaseModel], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question to a model. `deadline_s` bounds everything: waiting, retries, other providers, re-asks.

    `job` names the piece of work (the id of the event that caused it): the same question of the same job is answered
    from the first answer, whatever the temperature. Without a job only deterministic questions are.
    """

    agent: str
    messages: tuple[Message, ...]
    task: Task = "structure"
    model_class: str = ""
    """small, medium, large or reasoning, where a model is set for it; empty: as the task."""
    prompt_version: str = ""
    simulation_id: str = ""
    job: str = ""
    max_tokens: int = 1_024
    temperature: float = 0.0
    seed: int | None = None
    deadline_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money of all attempts of one answer. Null is unknown, never free."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """The sum of what is known; a sum with an unknown cost is unknown."""
        unknown_cost = self.cost_usd is None or other.cost_usd is None
        return Usage(
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=_sum(self.reasoning_tokens, other.reasoning_tokens),
            cost_usd=None if unknown_cost else _money(self) + _money(other),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: `finish_reason` is `stop` or `length`. `is_reused`: no provider was called for it."""

    text: str
    provider: str
    model: str
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    latency_s: float = 0.0
    attempts: int = 1
    is_reused: bool = False
    prompt_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured[T: BaseModel]:
    """An answer that fits its schema and passed the rules."""

    value: T
    answer: Answer


@dataclass(frozen=True, slots=True)
class Delta:
    """More text."""

    text: str


@dataclass(frozen=True, slots=True)
class Reset:
    """What was shown so far is void: `reason` (a stable code) ended it and another provider starts anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """The stream is whole; `answer.text` is all of it."""

    answer: Answer


Part = Delta | Reset | Done


class ModelPort(Protocol):
    """Raises nothing but `common.llm.errors.ModelError` (and passes cancellation on)."""

    prompt_tokens: int
    """How long a prompt should be at most, so that it fits every configured model."""
    answer_tokens: int
    """How long an answer may be at most, for the same reason."""

    async def complete(self, ask: Ask) -> Answer:
        """The whole text, from the first provider that answers."""
        ...

    def stream(self, ask: Ask) -> AsyncGenerator[Part]:
        """The text as it comes, ended by `Done`. Close it (`contextlib.aclosing`) to cancel the call."""
        ...

    async def structured[T: BaseModel](
        self, ask: Ask, schema: type[T], check: Callable[[T], Sequence[str]] | None = None
    ) -> Structured[T]:
        """An answer that fits `schema` and for which `check` names no problem; re-asked at most twice.

        Raises:
            AnswerInvalid: it still did not.
        """
        ...


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _money(usage: Usage) -> Decimal:
    return usage.cost_usd or Decimal(0)
