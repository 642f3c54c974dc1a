"""A conversation on the bus: the floor is given (`turn.due`), a turn is taken (`turn.taken`).

The whole state of the deliberation travels with the event, so the worker keeps nothing. To everyone but the worker
`state` is opaque JSON: it is stored and sent back.
"""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid5

from pydantic import Field

from common.contracts.values import ID_PATTERN, ConversationId, Provenance, Share, Value

MIN_GOAL_CHARS, MAX_GOAL_CHARS = 10, 2_000
MAX_MESSAGE_CHARS = 4_000

Phase = Literal["initialization", "exploration", "discussion", "consensus"]
PHASES: tuple[Phase, ...] = ("initialization", "exploration", "discussion", "consensus")
ConversationStatus = Literal["active", "paused", "completed", "failed"]
MessageType = Literal[
    "discussion",
    "question_to_user",
    "user_response",
    "proposal",
    "vote",
    "consensus",
    "summary",
]
QuestionPolicy = Literal["wait", "skip", "default"]
"""What a question does when its deadline passes: go on waiting, go on without, go on with the default answer."""


class Persona(Value):
    """Who speaks. `criteria` maps a criterion to its weight for this role; weights need not sum to 1."""

    id: str = Field(pattern=ID_PATTERN)
    name: str = Field(min_length=1, max_length=80)
    role: str = Field(min_length=1, max_length=80)
    personality_traits: tuple[str, ...] = ()
    expertise_areas: tuple[str, ...] = ()
    criteria: dict[str, float] = Field(default_factory=dict)
    communication_style: str = ""
    response_format: str = ""
    system_prompt: str = ""
    model_class: Literal["small", "medium", "large", "reasoning"] = "medium"
    vote_weight: float = Field(default=1.0, gt=0, le=10)
    version: int = Field(default=1, ge=1)


class Bounds(Value):
    """What a deliberation may use. Shares are of the whole ballot weight."""

    max_turns: int = Field(default=40, ge=6, le=200)
    max_discussion_rounds: int = Field(default=3, ge=1, le=10)
    max_ballots: int = Field(default=3, ge=1, le=5)
    quorum: Share = 0.6
    """Weight that must be cast; an abstention counts as not cast."""
    majority: Share = 0.5
    """An option wins with more than this share of the weight that was cast."""
    turn_timeout_s: float = Field(default=60.0, gt=0, le=600)
    conversation_timeout_s: float = Field(default=3_600.0, gt=0)
    """Time in which the agents have the floor; waiting for the user does not count."""
    budget_usd: float | None = Field(default=None, ge=0)
    summary_every: int = Field(default=12, ge=4, le=100)
    max_questions: int = Field(default=2, ge=0, le=10)
    question_policy: QuestionPolicy = "wait"
    question_deadline_s: float | None = Field(default=None, gt=0)


class UserInput(Value):
    """What came from outside since the last turn. `skipped` and `defaulted`: the deadline of a question passed."""

    kind: Literal["message", "answer", "skipped", "defaulted"]
    message_id: str | None = None
    content: str = ""
    question_id: str | None = None
    user_id: str = "user"


class QuestionAsked(Value):
    """A question to the user: with its answer unknown the ranking of the options is open.

    `default` is what is assumed when nobody answers; `options` are answers to choose from, and may be empty.
    """

    id: str
    message_id: str
    text: str
    why: str
    asked_by: str
    addressee: str = "user"
    policy: QuestionPolicy = "wait"
    deadline_s: float | None = None
    default: str | None = None
    options: tuple[str, ...] = ()


class Said(Value):
    """One message of an agent. `message_id` follows from the conversation and the place in it."""

    message_id: str
    sender_id: str
    agent_name: str
    content: str
    message_type: MessageType
    parent_message_id: str | None = None
    requires_user_response: bool = False
    phase: Phase
    metadata: dict[str, Any] = Field(default_factory=dict)


class NextSpeaker(Value):
    agent_id: str
    name: str
    reason: str


class CriterionScore(Value):
    """A score 0…1 (1 is good: cheap, fast, safe) with what it rests on."""

    criterion: str
    score: Share
    evidence: tuple[str, ...] = ()


class OptionScored(Value):
    option_id: str
    name: str
    summary: str
    proposed_by: str
    total: Share
    scores: tuple[CriterionScore, ...] = ()
    safeguards: tuple[str, ...] = ()


class VoteCast(Value):
    """A ballot paper. `choice` is an option's id, null for an abstention."""

    ballot: int
    agent_id: str
    choice: str | None
    weight: float
    reason: str
    changed_from: str | None = None


class Dissent(Value):
    agent_id: str
    preferred: str
    reason: str


class ActionItem(Value):
    """`estimate_days` are working days, assumed where the text gives no figure."""

    text: str
    owner: str
    estimate_days: float
    basis: str = "assumed"


class RiskNoted(Value):
    text: str
    criterion: str
    raised_by: str
    answer: str | None = None


class Decision(Value):
    """What was decided, for programs.

    `rule` says how: `majority`, `unanimous`, `compromise` or the deadlock rule.
    """

    option_id: str
    option: str
    summary: str
    rule: Literal["unanimous", "majority", "compromise", "deadlock_highest_score"]
    agreement: Share
    """Share of the cast weight that chose it."""
    turnout: Share
    options: tuple[OptionScored, ...]
    votes: tuple[VoteCast, ...]
    dissents: tuple[Dissent, ...] = ()
    risks: tuple[RiskNoted, ...] = ()
    actions: tuple[ActionItem, ...] = ()
    open_questions: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    evidence_event_ids: tuple[str, ...] = ()


class PersonaAsked(Value):
    """How would this persona speak on a problem? Core NATS request; nothing is stored."""

    persona: Persona
    goal: str = Field(min_length=MIN_GOAL_CHARS, max_length=MAX_GOAL_CHARS)


class PersonaAnswered(Value):
    """Its first own contributions in a whole team; `error` is a stable code when there are none."""

    messages: tuple[Said, ...] = ()
    provenance: Provenance = Provenance()
    error: str | None = None
    reason: str | None = None


class ConversationEvent(Value):
    """A fact about one conversation; ids as in `common.contracts.events.Event`."""

    subject: ClassVar[str]

    event_id: UUID
    cause_id: UUID | None = None
    conversation_id: ConversationId = Field(pattern=ID_PATTERN)
    turn: int = Field(ge=1)
    attempt: int = Field(default=0, ge=0)
    occurred_at: datetime
    provenance: Provenance = Provenance()

    @property
    def address(self) -> str:
        return f"{self.subject}.{self.conversation_id}"

    @property
    def message_id(self) -> str:
        return f"{self.event_id}.{self.attempt}" if self.attempt else str(self.event_id)


class TurnDue(ConversationEvent):
    """The floor is given. `state` is what the last turn left, null for the first."""

    subject: ClassVar[str] = "conv.v1.turn.due"
    goal: str = Field(min_length=MIN_GOAL_CHARS, max_length=MAX_GOAL_CHARS)
    state: dict[str, Any] | None = None
    inputs: tuple[UserInput, ...] = ()
    personas: tuple[Persona, ...] = ()
    bounds: Bounds = Bounds()
    simulation_id: str | None = None
    facts: dict[str, Any] | None = None
    """The report of the linked simulation; needed on the first turn only."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Part of the report → id of the stream event that showed it."""
    spent_s: float = Field(default=0.0, ge=0)
    """Time the agents have had the floor so far."""
    spent_usd: float = Field(default=0.0, ge=0)


class TurnTaken(ConversationEvent):
    """What was said, and what is left to say. `question` stops the conversation until it is answered."""

    subject: ClassVar[str] = "conv.v1.turn.taken"
    speaker: str
    messages: tuple[Said, ...]
    phase: Phase
    state: dict[str, Any]
    next_speaker: NextSpeaker | None = None
    question: QuestionAsked | None = None
    is_over: bool = False
    decision: Decision | None = None
    final_summary: str | None = None
    cost_usd: float | None = None
    duration_s: float = Field(default=0.0, ge=0)


class TurnFailed(ConversationEvent):
    """The worker gave up on a turn; the conversation ends as failed with this reason."""

    subject: ClassVar[str] = "conv.v1.turn.failed"
    worker: str = "conversation"
    error: str
    reason: str


class TurnDelta(Value):
    """More of a message while it is written, on core NATS: not numbered, not stored, may be lost.

    `reset` (a stable code) says that what was shown of this message is void; `content` is then empty. The message as
    it counts comes with the turn, under the same `message_id`.
    """

    conversation_id: ConversationId = Field(pattern=ID_PATTERN)
    turn: int = Field(ge=1)
    agent_id: str = Field(pattern=ID_PATTERN)
    message_id: str = Field(max_length=64)
    index: int = Field(ge=1)
    """Counts the deltas of this message."""
    content: str = Field(default="", max_length=MAX_MESSAGE_CHARS)
    reset: str | None = Field(default=None, max_length=200)


CONVERSATION_EVENTS: tuple[type[ConversationEvent], ...] = (TurnDue, TurnTaken, TurnFailed)


def turn_event_id(cause: ConversationEvent, event: type[ConversationEvent]) -> UUID:
    """The id of the one `event` that `cause` leads to."""
    return uuid5(cause.event_id, event.subject)
