"""The course of one ask: where it stands, and the one rule for what comes after a failed attempt."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pydantic import BaseModel

from common.llm.errors import (
    BudgetSpent,
    ContextOverflow,
    ModelError,
    ModelMisused,
    ModelRefused,
    NoModelAnswered,
    Tried,
)
from common.llm.faults import Action, Fault, Meaning, classify
from common.llm.port import Ask, Delta, Message, Part, Reset, Usage
from common.llm.shapes import in_words, portable_schema
from common.llm.upstream import RUNGS, Call, Chosen, Rung

RETRIES_WITH_OTHERS = 1
RETRIES_ALONE = 2
"""How often a passing failure is retried where another provider waits, and where none does."""
BACKOFF_S = 0.25
WAIT_WITH_OTHERS_S = 1.0
"""A longer wait asked for by a provider sends the call to the next one."""
WAITS_WITH_OTHERS = 2
LEAVE_S = 0.5
"""A wait that leaves less than this of the deadline is not worth it."""
_ABOUT_SHAPE = ("grammar", "schema", "json", "response_format", "structured", "format")
_NOT_ABOUT_SHAPE = frozenset({"context_length_exceeded", "content_filter", "quota"})
_SHAPE_STATUS = (400, 404, 422, 500, 501)


@dataclass(slots=True, kw_only=True)
class Course:
    """`deadline` is the event loop's time; `can_restart` is false where the text is shown as it comes."""

    ask: Ask
    deadline: float
    shape: type[BaseModel] | None = None
    show: Callable[[Part], Awaitable[None]] | None = None
    looks_up: bool = True
    first: str = ""
    """The provider to ask first: re-asks stay where the question was understood."""
    tried: list[Tried] = field(default_factory=list)
    usage: Usage | None = None
    attempts: int = 0
    has_others: bool = False
    """Whether another provider can still be asked after this one."""
    shown: list[str] = field(default_factory=list)

    @property
    def left_s(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    async def say(self, text: str) -> None:
        if self.show is not None:
            self.shown.append(text)
            await self.show(Delta(text))

    async def void(self, code: str) -> None:
        """Tell a reader that what it saw of a broken attempt does not count."""
        if self.shown and self.show is not None:
            self.shown.clear()
            await self.show(Reset(code))

    def spend(self, usage: Usage) -> None:
        self.usage = usage if self.usage is None else self.usage + usage
        self.attempts += 1

    def call(self, chosen: Chosen, rung: Rung, *, tells_shape: bool) -> Call:
        """The request for one server: the shape enforced, in words, or both."""
        ask, messages = self.ask, self.ask.messages
        if self.shape is not None and (tells_shape or rung != "schema"):
            messages = with_system(messages, in_words(self.shape))
        return Call(
            model=chosen.name,
            messages=messages,
            max_tokens=ask.max_tokens,
            temperature=ask.temperature,
            seed=ask.seed,
            schema_name=self.shape.__name__ if self.shape else "",
            schema=portable_schema(self.shape) if self.shape else None,
            rung=rung,
        )


class MoveOn(Exception):
    """This provider will not answer this ask; the next one may. Stays inside the layer."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def next_wait(
    meaning: Meaning, *, failures: int, has_others: bool, left_s: float, chance: random.Random
) -> float | None:
    """Seconds before the same provider is asked again; null: not again. `failures` counts from 1."""
    match meaning.action:
        case Action.RETRY:
            most = RETRIES_WITH_OTHERS if has_others else RETRIES_ALONE
            wait_s = chance.random() * BACKOFF_S * 2.0**failures
            return wait_s if failures <= most and wait_s + LEAVE_S < left_s else None
        case Action.WAIT:
            return _patience(meaning.wait_s or 0.0, failures, has_others, left_s, chance)
        case Action.REASK:
            return 0.0 if failures <= 1 else None
        case _:
            return None


def _patience(
    wait_s: float, failures: int, has_others: bool, left_s: float, chance: random.Random
) -> float | None:
    """A wait the provider asked for: short ones where others wait, all that fit the deadline where none does."""
    if has_others and (wait_s > WAIT_WITH_OTHERS_S or failures > WAITS_WITH_OTHERS):
        return None
    wait_s *= 1 + chance.random() / 4
    return wait_s if wait_s + LEAVE_S < left_s else None


def lower_rung(fault: Fault, rung: Rung, *, has_shape: bool) -> Rung | None:
    """The next way to ask for the shape, if the server seems to choke on this one."""
    if not has_shape or rung == RUNGS[-1] or fault.status not in _SHAPE_STATUS:
        return None
    if classify(fault).code in _NOT_ABOUT_SHAPE:
        return None
    told = f"{fault.message} {fault.metadata.get('words', '')}".lower()
    if fault.status in (404, 500, 501) and not any(word in told for word in _ABOUT_SHAPE):
        return None
    return RUNGS[RUNGS.index(rung) + 1]


def failure_of(course: Course, code: str) -> ModelError:
    """The error that ends an ask at once: our own request is wrong, or its content was refused."""
    tried = tuple(course.tried)
    if code == "content_filter":
        return ModelRefused("the model's provider refused the content", tried=tried)
    return ModelMisused(f"the provider found the request invalid ({code})", tried=tried)


def nobody(course: Course) -> ModelError:
    """The error after the last provider."""
    tried = tuple(course.tried)
    codes = {t.code for t in tried}
    if codes == {"context_length_exceeded"}:
        return ContextOverflow("the request is longer than every model's context", tried=tried)
    if codes == {"budget_exceeded"}:
        return BudgetSpent("the budget for paid models is used up", tried=tried)
    return NoModelAnswered("no model answered", tried=tried)


def with_system(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """The messages with `text` at the end of the system message."""
    if messages and messages[0].role == "system":
        return (Message("system", f"{messages[0].content}\n\n{text}"), *messages[1:])
    return (Message("system", text), *messages)
