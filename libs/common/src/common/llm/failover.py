"""The port, over many providers: one deadline, one retry loop, one order in which they are asked."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from pydantic import BaseModel

from common.llm import circuit, reuse, spans
from common.llm.calling import Caller, Line
from common.llm.course import Course, MoveOn, failure_of, lower_rung, next_wait, nobody
from common.llm.errors import (
    AnswerInvalid,
    DeadlinePassed,
    ModelError,
    NoModelAnswered,
    StreamBroken,
    Tried,
)
from common.llm.faults import Action, Fault, classify
from common.llm.ledger import Ledger, call_of
from common.llm.port import Answer, Ask, Delta, Done, Message, Part, Structured, Usage
from common.llm.shapes import read_value
from common.llm.shared import Stores
from common.llm.tokens import estimate_messages
from common.llm.upstream import Chosen, Rung

logger = logging.getLogger(__name__)

REASKS = 2
_ECHO_CHARS = 6_000
"""How much of its last answer a model is shown again."""
_SHOWN_PARTS = 256
_LISTING = "(listing)"


@dataclass(slots=True, kw_only=True)
class Failover:
    """`lines` in the order they are asked. `now` is Unix time; `chance` only jitters waits."""

    lines: tuple[Line, ...]
    stores: Stores
    ledger: Ledger
    prompt_tokens: int = 6_000
    answer_tokens: int = 4_096
    reuses: bool = True
    captures: bool = False
    now: Callable[[], float] = time.time
    chance: random.Random = field(default_factory=random.Random)
    _rungs: dict[tuple[str, str], Rung] = field(default_factory=dict)
    _flights: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def complete(self, ask: Ask) -> Answer:
        """The whole text.

        Raises:
            ModelError: no provider answered in time, or none may be asked.
        """
        course = self._course(ask)
        async with self._alone(course):
            answer, key = await self._ended(course)
            await self._keep(key, answer)
            return answer

    async def structured[T: BaseModel](
        self, ask: Ask, schema: type[T], check: Callable[[T], Sequence[str]] | None = None
    ) -> Structured[T]:
        """A value that fits `schema` and `check`, re-asked at most twice.

        Raises:
            ModelError: as in `complete`; `AnswerInvalid` if no answer fits.
        """
        course = self._course(ask, shape=schema)
        async with self._alone(course):
            first_key = ""
            problems: tuple[str, ...] = ()
            for _ in range(REASKS + 1):
                answer, key = await self._ended(course)
                first_key = first_key or key
                value, problems = _read(answer, schema, check)
                if value is not None:
                    await self._keep(first_key, answer)
                    return Structured(value=value, answer=answer)
                _correct(course, ask, answer, problems)
            raise AnswerInvalid(f"still wrong after {REASKS} re-asks", problems=problems)

    async def stream(self, ask: Ask) -> AsyncGenerator[Part]:
        """The text as it comes; failover is silent before the first token and a `Reset` after it.

        Raises:
            ModelError: as in `complete`; `StreamBroken` if text was shown and nobody can start anew.
        """
        queue: asyncio.Queue[Part | ModelError] = asyncio.Queue(_SHOWN_PARTS)
        task = asyncio.create_task(self._feed(ask, queue))
        try:
            while True:
                part = await queue.get()
                if isinstance(part, ModelError):
                    raise part
                yield part
                if isinstance(part, Done):
                    return
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def aclose(self) -> None:
        for line in self.lines:
            await line.upstream.aclose()

    async def _feed(self, ask: Ask, queue: asyncio.Queue[Part | ModelError]) -> None:
        course = self._course(ask)
        course.show = queue.put
        try:
            answer, key = await self._ended(course)
            await self._keep(key, answer)
            if answer.is_reused:
                await queue.put(Delta(answer.text))
            await queue.put(Done(answer))
        except ModelError as error:
            shown = "".join(course.shown)
            await queue.put(
                StreamBroken(str(error), partial_text=shown, tried=error.tried) if shown else error
            )

    def _course(self, ask: Ask, shape: type[BaseModel] | None = None) -> Course:
        loop = asyncio.get_running_loop()
        return Course(ask=ask, deadline=loop.time() + ask.deadline_s, shape=shape)

    async def _ended(self, course: Course) -> tuple[Answer, str]:
        """An answer and the key it may be kept under; every way it can fail is one of ours."""
        try:
            async with asyncio.timeout_at(course.deadline):
                return await self._walk(course)
        except ModelError:
            raise
        except TimeoutError:
            spent = f"no whole answer within {course.ask.deadline_s:g} s"
            raise DeadlinePassed(spent, tried=tuple(course.tried)) from None
        except Exception as error:
            logger.exception("model layer")
            raise NoModelAnswered(f"internal: {type(error).__name__}") from error

    async def _walk(self, course: Course) -> tuple[Answer, str]:
        lines = sorted(self.lines, key=lambda line: line.upstream.name != course.first)
        for number, line in enumerate(lines):
            began, model = course.left_s, ""
            try:
                chosen = await self._choose(line, course)
                model = chosen.name
                key = self._key(course, line, chosen)
                if (answer := await self._recall(course, line, chosen, key)) is not None:
                    return answer, ""
                course.has_others = number + 1 < len(lines)
                return await self._ask(line, chosen, course), key
            except MoveOn as moved:
                course.tried.append(
                    Tried(
                        provider=line.upstream.name,
                        model=model,
                        code=moved.code,
                        spent_s=round(began - course.left_s, 3),
                    )
                )
        raise nobody(course)

    async def _choose(self, line: Line, course: Course) -> Chosen:
        """The model to ask here; a server that cannot say which is treated as one that cannot answer."""
        upstream, state = line.upstream, self.stores.state
        verdict, at = await circuit.may_call(state, upstream.name, _LISTING, self.now())
        if verdict == "open" and not (at.gone and await upstream.is_alive()):
            raise MoveOn("circuit_open")
        try:
            chosen = await upstream.choose(course.ask, needs_schema=course.shape is not None)
        except Fault as fault:
            meaning = classify(fault)
            if fault.status != 404:  # a model that is not there may be pulled any moment
                told = circuit.Told(health=meaning.health, code=meaning.code, at=self.now())
                await circuit.report(state, upstream.name, _LISTING, told)
            raise MoveOn(meaning.code) from None
        if at.open_until:
            await circuit.reopen(state, upstream.name, _LISTING)
        self._check_context(chosen, course)
        await upstream.prepare()
        return chosen

    def _check_context(self, chosen: Chosen, course: Course) -> None:
        """Some servers cut a long request silently, so what clearly does not fit is not sent."""
        wanted = estimate_messages(course.ask.messages) + course.ask.max_tokens
        if chosen.context_tokens is not None and wanted > chosen.context_tokens:
            raise MoveOn("context_length_exceeded")

    async def _ask(self, line: Line, chosen: Chosen, course: Course) -> Answer:
        """Ask one provider until it answers or there is no use in asking again."""
        caller = Caller(self.stores.state, self.ledger, line, chosen, self.now, self.captures)
        at = (line.upstream.name, chosen.name)
        rung: Rung = self._rungs.get(at, "schema" if course.shape else "words")
        failures = 0
        while True:
            call = course.call(chosen, rung, tells_shape=line.tells_shape)
            try:
                answer = await caller.once(call, course)
            except Fault as fault:
                code = classify(fault).code
                lower = lower_rung(fault, rung, has_shape=course.shape is not None)
                failures += lower is None
                wait_s = 0.0 if lower else self._after(fault, failures, course)
                rung = lower or rung
                if wait_s is not None or course.has_others:
                    await course.void(code)
                if wait_s is None:
                    raise MoveOn(code) from None
                await asyncio.sleep(wait_s)
            else:
                if course.shape is not None:
                    self._rungs[at] = rung
                return answer

    def _after(self, fault: Fault, failures: int, course: Course) -> float | None:
        """Seconds to wait before the same provider is asked again; null: it is not.

        Raises:
            ModelError: nobody else is asked either.
        """
        meaning = classify(fault)
        if meaning.action is Action.CALLER_BUG or meaning.code == "content_filter":
            raise failure_of(course, meaning.code) from None
        return next_wait(
            meaning,
            failures=failures,
            has_others=course.has_others,
            left_s=course.left_s,
            chance=self.chance,
        )

    def _key(self, course: Course, line: Line, chosen: Chosen) -> str:
        if not self.reuses or not reuse.is_reusable(course.ask):
            return ""
        shape = course.shape
        extra = {"schema": shape.model_json_schema() if shape else None, **chosen.parameters}
        return reuse.key_of(
            course.ask,
            provider=line.upstream.name,
            model=chosen.name,
            digest=chosen.digest,
            parameters=extra,
        )

    async def _recall(self, course: Course, line: Line, chosen: Chosen, key: str) -> Answer | None:
        if not key or not course.looks_up:
            return None
        answer = await reuse.recall(self.stores.answers, key)
        if answer is None:
            return None
        spans.reused(course.ask, line.upstream.name, chosen.name)
        call = call_of(
            course.ask,
            at=self.now(),
            provider=answer.provider,
            model=answer.model,
            usage=Usage(),
            is_reused=True,
        )
        await self.ledger.record(course.ask, call)
        return answer

    async def _keep(self, key: str, answer: Answer) -> None:
        if key and not answer.is_reused:
            await reuse.remember(self.stores.answers, key, answer)

    @contextlib.asynccontextmanager
    async def _alone(self, course: Course) -> AsyncGenerator[None]:
        """The same question asked twice at once waits for the first answer and finds it; its deadline runs."""
        ask, shape = course.ask, course.shape.__name__ if course.shape else ""
        if not self.reuses or not reuse.is_reusable(ask):
            yield
            return
        key = reuse.key_of(ask, provider="", model="", digest=shape, parameters={})
        lock = self._flights.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout_at(course.deadline):
                await lock.acquire()
        except TimeoutError:
            raise DeadlinePassed("the same question was still being answered") from None
        try:
            yield
        finally:
            lock.release()


def _read[T: BaseModel](
    answer: Answer, schema: type[T], check: Callable[[T], Sequence[str]] | None
) -> tuple[T | None, tuple[str, ...]]:
    if answer.finish_reason == "length":
        return None, ("the answer was cut at its token limit: be much shorter",)
    return read_value(answer.text, schema, check)


def _correct(course: Course, ask: Ask, answer: Answer, problems: tuple[str, ...]) -> None:
    """Put only the last answer and what is wrong with it after the question, and do not re-use it."""
    told = "\n".join(f"- {problem}" for problem in problems)
    correction = (
        Message("assistant", answer.text[:_ECHO_CHARS]),
        Message("user", f"That answer cannot be used:\n{told}\nAnswer again, whole and corrected."),
    )
    if not answer.is_reused:
        course.ask = replace(ask, messages=(*ask.messages, *correction))
    course.looks_up, course.first = False, answer.provider
