"""What a model may bring in through a persona: at most one option, argument or objection a turn, within bounds.

The engine names the slot, checks what is put into it, and from then on treats it as the agent's own knowledge. Weights
are the engine's; ballots, turns and phases have no slot.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, Field

from common.contracts.conversations import Persona
from common.llm.asking import strange_numbers
from common.personas import CRITERIA
from conversation.rules.deliberation.floor import Move, done
from conversation.rules.deliberation.levers import MILD, STRONG
from conversation.rules.deliberation.options import first_steps, telling
from conversation.rules.deliberation.state import Argument, Option, State

Slot = Literal["option", "argument", "objection"]

MAX_OPTIONS, MAX_TABLE = 2, 7
"""Options that models may add to one deliberation, and how many there may be with them."""
_ALIKE = 0.6
"""Two options whose names share this part of the shorter one's words are the same option."""
_KINDS: dict[str, Slot] = {"propose": "option", "assess": "argument", "object": "objection"}
_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f“”\"\[\]{}<>|`]+")


class Effect(BaseModel):
    criterion: str = Field(max_length=40)
    direction: Literal["helps", "hurts"]
    reason: str = Field(max_length=200)


class ProposedOption(BaseModel):
    name: str = Field(max_length=90)
    how: str = Field(max_length=260)
    effects: list[Effect] = Field(max_length=5)


class ProposedArgument(BaseModel):
    option_id: str = Field(max_length=2)
    criterion: str = Field(max_length=40)
    direction: Literal["helps", "hurts"]
    strength: Literal["mild", "strong"]
    reason: str = Field(max_length=200)


class ProposedObjection(BaseModel):
    criterion: str = Field(max_length=40)
    strength: Literal["mild", "strong"]
    reason: str = Field(max_length=200)


class Suggestion(BaseModel):
    """At most one is not null."""

    option: ProposedOption | None = None
    argument: ProposedArgument | None = None
    objection: ProposedObjection | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind for kind in ("option", "argument", "objection") if getattr(self, kind))


@dataclass(frozen=True, slots=True)
class Invitation:
    """A move that has a slot."""

    slot: Slot
    move: Move
    persona: Persona


def invitation(state: State, move: Move) -> Invitation | None:
    """The slot of this move; null: it has none, or what models may add is used up."""
    slot = _KINDS.get(move.kind)
    if slot is None:
        return None
    added = [option for option in state.options if option.origin == "persona"]
    has_one = any(option.proposer == move.agent_id for option in added)
    is_full = len(added) >= MAX_OPTIONS or len(state.options) >= MAX_TABLE
    if slot == "option" and (has_one or is_full):
        return None
    return Invitation(slot, move, state.persona(move.agent_id))


def wrong(state: State, asked: Invitation, given: Suggestion) -> tuple[str, ...]:
    """What is wrong with a suggestion; none at all is right too."""
    kinds = given.kinds
    if not kinds:
        return ()
    if kinds != (asked.slot,):
        return (f"only {asked.slot} may be given here, not {' and '.join(kinds)}",)
    if given.option is not None:
        found = _wrong_option(state, given.option)
    elif given.argument is not None:
        found = _wrong_argument(state, asked, given.argument)
    else:
        assert given.objection is not None
        found = _wrong_objection(state, asked, given.objection)
    return tuple(found)


def _wrong_option(state: State, option: ProposedOption) -> list[str]:
    found = [*_wrong_text(state, "name", option.name, 2), *_wrong_text(state, "how", option.how, 4)]
    own = telling(plain(option.name))
    for other in state.options:
        theirs = telling(other.name)
        if len(own & theirs) >= _ALIKE * max(1, min(len(own), len(theirs))):
            found.append(f"name: option {other.id} is the same")
    named = [effect.criterion for effect in option.effects]
    directions = {effect.direction for effect in option.effects}
    if len(set(named)) != len(named):
        found.append("effects: each criterion once")
    if directions != {"helps", "hurts"}:
        found.append("effects: at least one criterion that it helps and one that it hurts")
    for effect in option.effects:
        found += [
            *_unknown(effect.criterion, CRITERIA),
            *_wrong_text(state, "reason", effect.reason, 3),
        ]
    return found


def _wrong_argument(state: State, asked: Invitation, given: ProposedArgument) -> list[str]:
    own = asked.persona.criteria
    found = [*_unknown(given.criterion, own), *_wrong_text(state, "reason", given.reason, 3)]
    if given.option_id not in {option.id for option in state.on_table}:
        found.append(f"option_id: {given.option_id[:2]!r} is not on the table")
    sign = 1 if given.direction == "helps" else -1
    if _is_said(state, given.option_id, given.criterion, sign, given.reason):
        found.append("this was said already")
    return found


def _wrong_objection(state: State, asked: Invitation, given: ProposedObjection) -> list[str]:
    own = asked.persona.criteria
    found = [*_unknown(given.criterion, own), *_wrong_text(state, "reason", given.reason, 3)]
    if given.criterion != asked.move.criterion and done(
        state, f"object:{asked.move.about}:{given.criterion}"
    ):
        found.append("this objection was made already")
    if _is_said(state, asked.move.about, given.criterion, -1, given.reason):
        found.append("this was said already")
    return found


def _unknown(criterion: str, known: Collection[str]) -> list[str]:
    is_known = criterion in known and criterion in CRITERIA
    return [] if is_known else [f"criterion: one of {', '.join(c for c in known if c in CRITERIA)}"]


def _wrong_text(state: State, field: str, text: str, least_words: int) -> list[str]:
    said = plain(text)
    if len(said.split()) < least_words:
        return [f"{field}: too short"]
    strange = strange_numbers(said, _known_text(state))
    return [f"{field}: figures of your own: {', '.join(strange[:3])}"] if strange else []


def _known_text(state: State) -> str:
    return " ".join((state.problem.text, *state.answers.values()))


def _is_said(state: State, option_id: str, criterion: str, sign: int, reason: str) -> bool:
    """One argument by a model per option, criterion and direction, and none in the words of another."""
    same = plain(reason).lower()
    return any(
        a.text.lower() == same
        or (a.source == "persona" and a.criterion == criterion and a.delta * sign > 0)
        for a in state.arguments
        if a.option_id == option_id
    )


def plain(text: str) -> str:
    """A clause that can stand in a sentence: no marks, no quotes, no full stop."""
    return " ".join(_NOT_PLAIN.sub(" ", text).split()).rstrip(" .!?;,")


def taken_in(state: State, asked: Invitation, given: Suggestion) -> tuple[State, Move]:
    """The state with a checked suggestion in it, and the move as it is now."""
    if given.option is not None:
        return _with_option(state, asked, given.option), asked.move
    if (argument := given.argument) is not None:
        sign = 1 if argument.direction == "helps" else -1
        size = STRONG if argument.strength == "strong" else MILD
        reason = argument.reason
        at = (argument.option_id, argument.criterion)
        return _with(state, asked, at, delta=sign * size, reason=reason), asked.move
    if (objection := given.objection) is not None:
        size = STRONG if objection.strength == "strong" else MILD
        move = replace(asked.move, criterion=objection.criterion)
        at = (move.about, objection.criterion)
        return _with(state, asked, at, delta=-size, reason=objection.reason), move
    return state, asked.move


def _with(
    state: State, asked: Invitation, at: tuple[str, str], *, delta: float, reason: str
) -> State:
    """One more argument, at an option and a criterion."""
    option_id, criterion = at
    number = 1 + sum(a.option_id == option_id for a in state.arguments)
    argument = Argument(
        id=f"{option_id}p{number}",
        option_id=option_id,
        criterion=criterion,
        delta=delta,
        text=plain(reason),
        source="persona",
        by=asked.persona.id,
    )
    return state.model_copy(update={"arguments": (*state.arguments, argument)})


def _with_option(state: State, asked: Invitation, given: ProposedOption) -> State:
    """The option waits for its proposer to bring it in; its effects are mild until others speak to them."""
    name = plain(given.name)
    option = Option(
        id=chr(ord("A") + len(state.options)),
        name=name,
        summary=plain(given.how),
        proposer=asked.persona.id,
        origin="persona",
        actions=first_steps(name),
    )
    state = state.model_copy(update={"options": (*state.options, option)})
    for effect in given.effects:
        delta = MILD if effect.direction == "helps" else -MILD
        at = (option.id, effect.criterion)
        state = _with(state, asked, at, delta=delta, reason=effect.reason)
    return state


def table(state: State) -> tuple[str, ...]:
    """The options as a model is shown them, with what is known for and against each."""
    return tuple(
        f"{option.id} {option.name}: {option.summary}"
        + "".join(
            f"\n  {'+' if a.delta > 0 else '-'} {CRITERIA[a.criterion]}: {a.text}"
            for a in state.arguments
            if a.option_id == option.id and a.is_voiced
        )
        for option in state.options
    )
