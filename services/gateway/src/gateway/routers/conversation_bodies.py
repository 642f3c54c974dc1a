"""What callers may send about conversations and agents, checked and put in one form."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
)

from common.contracts.conversations import (
    MAX_GOAL_CHARS,
    MAX_MESSAGE_CHARS,
    MIN_GOAL_CHARS,
    Bounds,
    QuestionPolicy,
)
from common.contracts.values import ID_PATTERN
from gateway.routers.bodies import Moment, clean_text
from gateway.services.conversing import Beginning, Changes, Utterance

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Goal = Annotated[
    str, AfterValidator(clean_text), Field(min_length=MIN_GOAL_CHARS, max_length=MAX_GOAL_CHARS)
]
Words = Annotated[str, AfterValidator(clean_text), Field(max_length=MAX_MESSAGE_CHARS)]
MAX_METADATA_KEYS = 50


class BoundsBody(BaseModel):
    """Limits of the deliberation; shares 0…1, times in seconds."""

    model_config = ConfigDict(extra="forbid")

    max_turns: int = Field(default=40, ge=6, le=200)
    max_discussion_rounds: int = Field(default=3, ge=1, le=10)
    max_ballots: int = Field(default=3, ge=1, le=5)
    quorum: float = Field(default=0.6, ge=0, le=1)
    majority: float = Field(default=0.5, ge=0, le=1)
    conversation_timeout_s: float = Field(default=3_600, gt=0, le=30 * 24 * 3_600)
    budget_usd: float | None = Field(default=None, ge=0, le=10_000)
    max_questions: int = Field(default=2, ge=0, le=10)
    question_policy: QuestionPolicy = "wait"
    question_deadline_s: float | None = Field(default=None, gt=0, le=365 * 24 * 3_600)


class ConversationBody(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "goal_description": "Our library loses young readers. How can we attract students within a year "
                    "for under 20,000 euros?",
                    "auto_start": True,
                }
            ]
        }
    )

    goal_description: Goal = Field(
        validation_alias=AliasChoices("goal_description", "goalDescription", "goal")
    )
    id: Id | None = None
    simulation_id: Id | None = None
    agents: list[Id] | None = Field(default=None, min_length=1, max_length=5)
    settings: BoundsBody = Field(default_factory=BoundsBody)
    metadata: dict[str, Any] = Field(default_factory=dict, max_length=MAX_METADATA_KEYS)
    auto_start: StrictBool = False

    def beginning(self) -> Beginning:
        return Beginning(
            goal=self.goal_description,
            id=self.id,
            simulation_id=self.simulation_id,
            agents=tuple(self.agents) if self.agents else None,
            bounds=Bounds.model_validate(self.settings.model_dump()),
            metadata=self.metadata,
        )


class ChangeBody(BaseModel):
    """`paused` and `active` pause and resume; `completed` ends it without a decision."""

    status: Literal["active", "paused", "completed"] | None = None
    archived: StrictBool | None = None
    metadata: dict[str, Any] | None = Field(default=None, max_length=MAX_METADATA_KEYS)

    def changes(self) -> Changes:
        return Changes(status=self.status, is_archived=self.archived, metadata=self.metadata)


class UtteranceBody(BaseModel):
    """Without `parent_message_id` it answers the open question, if there is one."""

    content: Words
    id: Id | None = None
    parent_message_id: Id | None = None
    user_id: Id = "user"

    def utterance(self) -> Utterance:
        return Utterance(
            content=self.content,
            id=self.id,
            parent_message_id=self.parent_message_id,
            user_id=self.user_id,
        )


class ImportedHead(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: Id
    goal_description: Goal
    status: Literal["active", "paused", "completed", "failed"]
    phase: Literal["initialization", "exploration", "discussion", "consensus"]
    created_at: Moment


class ImportedMessage(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: Id
    sender_type: Literal["agent", "user"]
    sender_id: Id
    content: Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE_CHARS)]
    message_type: Literal[
        "discussion",
        "question_to_user",
        "user_response",
        "proposal",
        "vote",
        "consensus",
        "summary",
    ]
    created_at: Moment


class ImportBody(BaseModel):
    """What `GET …/export?format=json` answered."""

    model_config = ConfigDict(extra="allow")

    format: Literal["scenario-simulator/conversation/1"]
    conversation: ImportedHead
    messages: list[ImportedMessage] = Field(max_length=10_000)

    def given(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class AgentBody(BaseModel):
    """Only what is to change; `reset` goes back to the default."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, AfterValidator(clean_text), Field(max_length=80)] | None = None
    role: Annotated[str, AfterValidator(clean_text), Field(max_length=80)] | None = None
    personality_traits: list[Annotated[str, Field(max_length=80)]] | None = Field(
        default=None, max_length=20
    )
    expertise_areas: list[Annotated[str, Field(max_length=80)]] | None = Field(
        default=None, max_length=20
    )
    criteria: dict[str, float] | None = Field(default=None, min_length=1, max_length=20)
    communication_style: Annotated[str, Field(max_length=1_000)] | None = None
    response_format: Annotated[str, Field(max_length=1_000)] | None = None
    system_prompt: Annotated[str, Field(max_length=8_000)] | None = None
    model_class: Literal["small", "medium", "large", "reasoning"] | None = None
    vote_weight: float | None = Field(default=None, gt=0, le=10)
    reset: StrictBool = False

    def changes(self) -> dict[str, Any] | None:
        if self.reset:
            return None
        return self.model_dump(exclude={"reset"}, exclude_none=True)


class TrialBody(BaseModel):
    """A problem to hear the agent on; without one a short example is used."""

    message: Goal = Field(
        default="Should we repair the old delivery van, lease a new one, or send parcels by courier?",
        validation_alias=AliasChoices("message", "goal_description", "content"),
    )


class ResetBody(BaseModel):
    confirm: Literal[True]
    scope: Literal["all", "conversations", "simulations", "agents", "logs"] = "all"
