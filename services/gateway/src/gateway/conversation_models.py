"""Tables of conversations, agents and chat, beside those of the simulations."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.models import metadata

OVER = ("completed", "failed")
"""States a conversation never leaves."""


def _timestamp(name: str, *, nullable: bool = False) -> Column[object]:
    default = None if nullable else func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def _tenant(*, primary_key: bool = False) -> Column[str]:
    return Column("tenant", Text, nullable=False, server_default="public", primary_key=primary_key)


def _of_conversation(*, primary_key: bool = False) -> Column[object]:
    owner = ForeignKey("conversations.id", ondelete="CASCADE")
    return Column("conversation_id", Text, owner, nullable=False, primary_key=primary_key)


conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    _tenant(),
    Column("goal_description", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("phase", Text, nullable=False, server_default="initialization"),
    Column("request_hash", Text, nullable=False, server_default=""),
    Column("simulation_id", Text),
    Column("bounds", JSONB, nullable=False, server_default="{}"),
    Column("personas", JSONB, nullable=False, server_default="[]"),
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    Column("turn", Integer, nullable=False, server_default="0"),
    Column("state", JSONB),
    Column("inbox", JSONB, nullable=False, server_default="[]"),
    Column("due_event_id", Uuid),
    Column("due_inputs", JSONB, nullable=False, server_default="[]"),
    _timestamp("due_at", nullable=True),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("reemissions", Integer, nullable=False, server_default="0"),
    Column("spent_s", Float, nullable=False, server_default="0"),
    Column("spent_usd", Float, nullable=False, server_default="0"),
    Column("next_speaker", JSONB),
    Column("pending_question", Text),
    Column("decision", JSONB),
    Column("final_summary", Text),
    Column("next_seq", BigInteger, nullable=False, server_default="1"),
    Column("message_count", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("reason", Text),
    _timestamp("created_at"),
    _timestamp("updated_at"),
    _timestamp("finished_at", nullable=True),
    _timestamp("archived_at", nullable=True),
    Index("conversations_newest", "tenant", text("created_at DESC"), "id"),
    Index("conversations_due", "due_at", postgresql_where=text("due_event_id IS NOT NULL")),
)
"""`turn` is the number of the turn given last, 0 before the start. `due_event_id` is the turn that is awaited, null
while nobody has the floor. `inbox` holds what users said since the floor was given; `due_inputs` what went with it,
so that the turn can be asked for again."""

messages = Table(
    "conversation_messages",
    metadata,
    _tenant(primary_key=True),
    Column("id", Text, primary_key=True),
    _of_conversation(),
    Column("number", BigInteger, nullable=False),
    Column("sender_type", Text, nullable=False),
    Column("sender_id", Text, nullable=False),
    Column("agent_name", Text),
    Column("content", Text, nullable=False),
    Column("message_type", Text, nullable=False),
    Column("parent_message_id", Text),
    Column("requires_user_response", Boolean, nullable=False, server_default="false"),
    Column("phase", Text, nullable=False),
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    _timestamp("created_at"),
    Index("messages_in_order", "conversation_id", "number", unique=True),
    Index("messages_newest", "tenant", text("created_at DESC"), "id"),
)

questions = Table(
    "conversation_questions",
    metadata,
    _of_conversation(primary_key=True),
    Column("id", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("addressee", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("default_answer", Text),
    Column("options", JSONB, nullable=False, server_default="[]"),
    Column("status", Text, nullable=False, server_default="open"),
    Column("answer_message_id", Text),
    _timestamp("asked_at"),
    _timestamp("deadline_at", nullable=True),
    _timestamp("answered_at", nullable=True),
    Index("questions_expiring", "deadline_at", postgresql_where=text("status = 'open'")),
)

conversation_events = Table(
    "conversation_events",
    metadata,
    _of_conversation(primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("event_type", Text, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("frame", Text, nullable=False),
)

persona_versions = Table(
    "persona_versions",
    metadata,
    _tenant(primary_key=True),
    Column("agent_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("persona", JSONB),
    _timestamp("created_at"),
)
"""`persona` null: back to the default. The highest version counts."""

interaction_logs = Table(
    "interaction_logs",
    metadata,
    Column("id", Text, primary_key=True),
    _tenant(),
    Column("kind", Text, nullable=False),
    Column("session_id", Text),
    Column("user_id", Text),
    Column("simulation_id", Text),
    Column("conversation_id", Text),
    Column("request", Text, nullable=False),
    Column("response", Text),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("topic", Text),
    Column("provenance", JSONB, nullable=False, server_default="{}"),
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    _timestamp("started_at"),
    Column("first_byte_ms", Float),
    Column("duration_ms", Float, nullable=False),
    Index("interactions_of_session", "session_id", text("started_at DESC")),
    Index("interactions_newest", "tenant", text("started_at DESC")),
)
