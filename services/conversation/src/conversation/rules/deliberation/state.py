"""The whole state of a deliberation. It is JSON between turns; nothing else is remembered anywhere."""

from typing import Literal

from pydantic import Field

from common.contracts.conversations import (
    ActionItem,
    Bounds,
    Decision,
    Persona,
    Phase,
    QuestionAsked,
    VoteCast,
)
from common.contracts.values import Value
from conversation.rules.deliberation.problem import Problem

Source = Literal["lever", "wording", "text", "simulation", "user", "debate", "persona"]


class Argument(Value):
    """Speaks for (`delta` > 0) or against an option on one criterion. Unvoiced ones are known to their expert only."""

    id: str
    option_id: str
    criterion: str
    delta: float
    text: str
    source: Source
    by: str = ""
    is_voiced: bool = False
    event_id: str | None = None


class Option(Value):
    """One way to go. `proposer` is the agent who brings it in; it is on the table once introduced."""

    id: str
    name: str
    summary: str
    proposer: str
    origin: Literal["named", "lever", "simulation", "user", "compromise", "persona"]
    actions: tuple[ActionItem, ...] = ()
    safeguards: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    """Options it was made of."""
    is_introduced: bool = False


class Objection(Value):
    """Must be answered before a ballot. `conceded`: nobody had an answer, and the score fell."""

    id: str
    option_id: str
    criterion: str
    by: str
    to: str
    text: str
    message_id: str
    status: Literal["open", "answered", "conceded"] = "open"
    answer: str | None = None


class Spoken(Value):
    """What was done in a turn; `key` names the move, so that a repetition is seen."""

    agent_id: str
    key: str
    message_id: str
    is_new: bool = True
    """Whether it brought an argument, an option or an answer that was not there before."""


class State(Value):
    conversation_id: str
    problem: Problem
    personas: tuple[Persona, ...]
    bounds: Bounds
    phase: Phase = "initialization"
    turn: int = 0
    messages: int = 0
    options: tuple[Option, ...] = ()
    arguments: tuple[Argument, ...] = ()
    objections: tuple[Objection, ...] = ()
    votes: tuple[VoteCast, ...] = ()
    ballot: int = 0
    candidates: tuple[str, ...] = ()
    """Options on the next ballot paper."""
    spoken: tuple[Spoken, ...] = ()
    leans: dict[str, str] = Field(default_factory=dict)
    """Agent → the option it would choose now, as it last said."""
    leaders: tuple[str, ...] = ()
    """The leading option after each turn of the discussion."""
    emphasis: dict[str, float] = Field(default_factory=dict)
    """Criterion → how much the problem itself stresses it."""
    questions: tuple[QuestionAsked, ...] = ()
    pending: str | None = None
    """Id of the question the conversation waits for."""
    answers: dict[str, str] = Field(default_factory=dict)
    heard: tuple[str, ...] = ()
    """Ids of user messages taken in; a repeat is not counted twice."""
    to_address: tuple[str, ...] = ()
    """User messages that nobody has replied to yet: `message_id|content`."""
    assumptions: tuple[str, ...] = ()
    evidence_event_ids: tuple[str, ...] = ()
    summarised_at: int = 0
    remedies: tuple[str, ...] = ()
    """What was done against standing still, and why."""
    decision: Decision | None = None
    is_over: bool = False

    def option(self, option_id: str) -> Option:
        """Raises KeyError when there is none."""
        for option in self.options:
            if option.id == option_id:
                return option
        raise KeyError(option_id)

    def persona(self, agent_id: str) -> Persona:
        """Raises KeyError when there is none."""
        for persona in self.personas:
            if persona.id == agent_id:
                return persona
        raise KeyError(agent_id)

    @property
    def on_table(self) -> tuple[Option, ...]:
        return tuple(option for option in self.options if option.is_introduced)
