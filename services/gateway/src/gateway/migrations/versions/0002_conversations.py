"""Conversations, their messages, questions and events; agents' versions; the log of chat exchanges."""

from alembic import op

from gateway.conversation_models import (
    conversation_events,
    conversations,
    interaction_logs,
    messages,
    persona_versions,
    questions,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    conversations,
    messages,
    questions,
    conversation_events,
    persona_versions,
    interaction_logs,
)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    for table in TABLES:
        table.create(op.get_bind())
    # Generated and vector columns are PostgreSQL's own; the tables in Python do without them.
    op.execute(
        "ALTER TABLE conversation_messages ADD COLUMN search tsvector"
        " GENERATED ALWAYS AS (to_tsvector('english', content)) STORED"
    )
    op.execute("CREATE INDEX messages_search ON conversation_messages USING gin (search)")
    op.execute("ALTER TABLE conversations ADD COLUMN embedding vector(256)")
    op.execute(
        "CREATE INDEX conversations_alike ON conversations USING hnsw (embedding vector_cosine_ops)"
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        table.drop(op.get_bind())
    op.execute("DROP EXTENSION IF EXISTS vector")
