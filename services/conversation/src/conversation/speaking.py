"""What the deliberation asks of a model: a thought before a turn, and the turn's messages in the personas' voices."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pydantic import BaseModel

from common.contracts.conversations import Persona, Said, TurnDelta, TurnDue
from common.contracts.values import Provenance
from common.llm.context import cut, shorten
from common.llm.errors import AnswerInvalid, DeadlinePassed, ModelError
from common.llm.port import Answer, Ask, Delta, Done, Message, ModelPort, Reset, Task
from common.llm.prompts import UserText, choose
from common.personas import CRITERIA
from conversation.rules.deliberation.state import State
from conversation.rules.deliberation.suggestions import Invitation, Suggestion, table, wrong
from conversation.rules.deliberation.turn import Turn, invited
from conversation.rules.deliberation.voicing import ACTS, Script, meanings, script, voice

NAME = "DeliberationEngine"
PACKAGE = "conversation"
TURN_S, THOUGHT_S = 20.0, 7.0
"""A turn's models, and of that the thought before it. The gateway asks for a turn again after 30 s of silence."""
FRAME_S = 0.05
"""Deltas are sent at most this often."""
REASKS = 2
_SPEAK_TOKENS, _SUGGEST_TOKENS = 700, 500
_GOAL_SHARE, _TABLE_SHARE = 0.25, 0.4
_ECHO_CHARS = 2_000

type Show = Callable[[TurnDelta], Awaitable[None]]


class SpeakFields(BaseModel):
    """Fields of `prompts/speak`."""

    voice: UserText
    goal: UserText
    act: str
    marks: UserText
    message: UserText


class SuggestFields(BaseModel):
    """Fields of `prompts/suggest`."""

    voice: UserText
    goal: UserText
    options: UserText
    act: str
    slot: str
    criteria: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What a model brought in before a turn, if anything. `outcome` says how that went: it stands in the record."""

    suggestion: Suggestion | None = None
    outcome: str = ""
    cost_usd: Decimal | None = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A message as it is said, with what said it."""

    said: Said
    provenance: Provenance
    cost_usd: Decimal | None = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Screen:
    """What readers see of one message while it is written: whole marks only, at most one delta per `FRAME_S`."""

    heard: TurnDue
    said: Said
    script: Script
    show: Show
    raw: str = ""
    sent: int = 0
    index: int = 0
    last_s: float = field(default=-FRAME_S)

    async def more(self, text: str) -> None:
        self.raw += text
        now = asyncio.get_running_loop().time()
        if now - self.last_s >= FRAME_S:
            self.last_s = now
            await self.rest()

    async def rest(self) -> None:
        """Send what was not sent yet."""
        new = self.script.shown(self.raw)[self.sent :]
        if new:
            self.sent += len(new)
            await self._send(content=new[:4_000])

    async def void(self, why: str) -> None:
        """What was shown does not count."""
        if self.sent:
            await self._send(reset=why[:200])
        self.raw, self.sent = "", 0

    async def _send(self, content: str = "", reset: str | None = None) -> None:
        self.index += 1
        await self.show(
            TurnDelta(
                conversation_id=self.heard.conversation_id,
                turn=self.heard.turn,
                agent_id=self.said.sender_id,
                message_id=self.said.message_id,
                index=self.index,
                content=content,
                reset=reset,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Speaks turns with a model. What it cannot say well is said by the rules, and the message says so."""

    port: ModelPort
    turn_s: float = TURN_S

    def ends_at(self, heard: TurnDue) -> float:
        """The event loop's time at which the rules take over."""
        return asyncio.get_running_loop().time() + min(self.turn_s, heard.bounds.turn_timeout_s)

    async def think(self, heard: TurnDue, state: State, ends_at: float) -> Thought:
        """A suggestion where the move has a slot for one, checked."""
        asked = invited(state)
        if asked is None:
            return Thought()
        left_s = min(THOUGHT_S, ends_at - asyncio.get_running_loop().time())
        fields = suggest_fields(state, asked, self.port.prompt_tokens)
        ask = self._ask(heard, "suggest", fields, left_s, "plan", _SUGGEST_TOKENS)
        ask = replace(ask, model_class=asked.persona.model_class)
        try:
            found = await self.port.structured(ask, Suggestion, lambda s: wrong(state, asked, s))
        except ModelError as error:
            return Thought(outcome=error.because)
        kind = "".join(found.value.kinds) or "nothing"
        cost_usd = found.answer.usage.cost_usd
        return Thought(suggestion=found.value, outcome=f"{kind} brought in", cost_usd=cost_usd)

    async def speak(
        self, heard: TurnDue, turn: Turn, ends_at: float, show: Show
    ) -> tuple[Spoken, ...]:
        """The turn's messages in the order of the turn, each by a model or by the rules."""
        saying = (self._say(heard, turn, said, ends_at, show) for said in turn.said)
        return tuple(await asyncio.gather(*saying))

    async def _say(
        self, heard: TurnDue, turn: Turn, said: Said, ends_at: float, show: Show
    ) -> Spoken:
        given = script(said, turn)
        if given is None:
            return by_rules(said, "the message cannot be marked")
        screen = Screen(heard=heard, said=said, script=given, show=show)
        try:
            left_s = ends_at - asyncio.get_running_loop().time()
            fields = speak_fields(turn, said, given, self.port.prompt_tokens)
            ask = self._ask(heard, "speak", fields, left_s, "prose", _SPEAK_TOKENS)
            ask = replace(ask, model_class=_class_of(turn.state, said.sender_id))
            return await self._told(
                replace(ask, job=f"{ask.job}.{said.message_id}"), screen, ends_at
            )
        except ModelError as error:
            await screen.void(error.because)
            return by_rules(said, error.because)

    async def _told(self, ask: Ask, screen: Screen, ends_at: float) -> Spoken:
        """The message as a model tells it, re-asked with what was wrong.

        Raises:
            ModelError: no telling came, or none was right.
        """
        first = ask
        problems: tuple[str, ...] = ()
        cost_usd: Decimal | None = Decimal(0)
        for _ in range(REASKS + 1):
            answer = await self._streamed(ask, screen, ends_at)
            spent = answer.usage.cost_usd
            cost_usd = None if spent is None or cost_usd is None else cost_usd + spent
            problems = _problems(answer, screen.script)
            if not problems:
                await screen.rest()
                return _by_model(screen, answer, cost_usd)
            await screen.void("corrected")
            ask = _corrected(first, answer, problems)
        raise AnswerInvalid(f"still wrong after {REASKS} re-asks", problems=problems)

    async def _streamed(self, ask: Ask, screen: Screen, ends_at: float) -> Answer:
        left_s = ends_at - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise DeadlinePassed("the turn's time is over")
        async with aclosing(self.port.stream(replace(ask, deadline_s=left_s))) as parts:
            async for part in parts:
                match part:
                    case Delta(text):
                        await screen.more(text)
                    case Reset(reason):
                        await screen.void(reason)
                    case Done(answer):
                        return answer
        raise DeadlinePassed("the stream ended without an answer")

    def _ask(  # noqa: PLR0917 - what an ask is made of
        self, heard: TurnDue, name: str, fields: BaseModel, left_s: float, task: Task, tokens: int
    ) -> Ask:
        prompt = choose(PACKAGE, name, heard.conversation_id)
        return Ask(
            agent="conversation",
            messages=prompt.render(fields),
            task=task,
            prompt_version=prompt.id,
            simulation_id=f"conversation-{heard.conversation_id}",
            job=str(heard.event_id),
            max_tokens=min(tokens, self.port.answer_tokens),
            deadline_s=max(0.1, left_s),
        )


def _class_of(state: State, agent_id: str) -> str:
    """The model class of a persona; empty when nobody of the team says it."""
    return next((p.model_class for p in state.personas if p.id == agent_id), "")


def by_rules(said: Said, because: str) -> Spoken:
    """The rules' own message, with the reason why no model said it."""
    origin = Provenance(engine="rules", agent=NAME, fallback_reason=because)
    return Spoken(said=said, provenance=origin)


def _by_model(screen: Screen, answer: Answer, cost_usd: Decimal | None) -> Spoken:
    content = screen.script.filled(answer.text)
    origin = Provenance(
        engine="llm",
        agent=NAME,
        provider=answer.provider,
        model=answer.model,
        prompt_version=answer.prompt_version or None,
    )
    said = screen.said.model_copy(update={"content": content})
    return Spoken(said=said, provenance=origin, cost_usd=cost_usd)


def _problems(answer: Answer, given: Script) -> tuple[str, ...]:
    if answer.finish_reason == "length":
        return ("the answer was cut at its token limit: be much shorter",)
    return given.problems(answer.text)


def _corrected(first: Ask, answer: Answer, problems: tuple[str, ...]) -> Ask:
    told = "\n".join(f"- {problem}" for problem in problems)
    words = f"That cannot be said:\n{told}\nSay the message again, whole and corrected."
    more = (Message("assistant", answer.text[:_ECHO_CHARS]), Message("user", words))
    return replace(first, messages=(*first.messages, *more))


def speak_fields(turn: Turn, said: Said, given: Script, room_tokens: int) -> SpeakFields:
    persona = turn.state.persona(said.sender_id)
    return SpeakFields(
        voice=voice(persona),
        goal=cut(turn.state.problem.text, int(room_tokens * _GOAL_SHARE)),
        act=ACTS[turn.kind],
        marks="\n".join(meanings(given)),
        message=given.source,
    )


def suggest_fields(state: State, asked: Invitation, room_tokens: int) -> SuggestFields:
    criteria = CRITERIA if asked.slot == "option" else own_criteria(asked.persona)
    about = f" It is about option {asked.move.about}." if asked.slot == "objection" else ""
    return SuggestFields(
        voice=voice(asked.persona),
        goal=cut(state.problem.text, int(room_tokens * _GOAL_SHARE)),
        options=shorten(table(state), int(room_tokens * _TABLE_SHARE)),
        act=f"{ACTS[asked.move.kind]}.{about}",
        slot=f"`{asked.slot}`",
        criteria=", ".join(criteria),
    )


def own_criteria(persona: Persona) -> tuple[str, ...]:
    return tuple(criterion for criterion in persona.criteria if criterion in CRITERIA)


def speaker(port: ModelPort | None) -> Speaker | None:
    """Null without a port: the rules speak alone."""
    return Speaker(port=port) if port is not None else None
