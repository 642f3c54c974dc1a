"""What stands between this layer and one server: a call to make, chunks that come back, faults and nothing else."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from common.llm.port import Ask, Message, Usage

Rung = Literal["schema", "object", "words"]
"""How a shape is asked for: enforced by the server, any JSON object, or only in the prompt."""
RUNGS: tuple[Rung, ...] = ("schema", "object", "words")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to one server, with the shape in the form of its rung."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float
    seed: int | None
    schema_name: str = ""
    schema: dict[str, Any] | None = None
    rung: Rung = "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of the answer. `reasoning` is progress but no text; `pause_s` is told by rate-limit headers."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    response_id: str | None = None
    pause_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The model a provider will be asked for. Prices in USD per token as decimal strings; null: not known."""

    name: str
    digest: str = ""
    context_tokens: int | None = None
    price_input: str | None = None
    price_output: str | None = None
    price_cached: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    """What the provider adds to every request; part of the key an answer is kept under."""


class Upstream(Protocol):
    """One provider. `name` is stable and public; `is_paid` puts its calls under the budget."""

    name: str
    is_paid: bool
    address: str

    async def prepare(self) -> None:
        """What the first call needs and its timers should not pay for."""
        ...

    async def choose(self, ask: Ask, *, needs_schema: bool) -> Chosen:
        """The model for this ask.

        Raises:
            Fault: none fits, or the server did not tell.
        """
        ...

    def stream(self, call: Call) -> AsyncGenerator[Chunk]:
        """Make the call. Closing the generator cancels it.

        Raises:
            Fault: whatever went wrong.
        """
        ...

    async def is_alive(self) -> bool:
        """A cheap sign of life, within a second."""
        ...

    async def aclose(self) -> None: ...
