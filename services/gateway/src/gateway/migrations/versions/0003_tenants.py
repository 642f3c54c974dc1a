"""Tenants: every record names its tenant, row-level security keeps them apart; API keys and tickets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROLE = "simulator_tenant"
ACTING = "current_setting('app.tenant', true)"

OWNED = (
    "scenarios",
    "simulations",
    "conversations",
    "conversation_messages",
    "persona_versions",
    "interaction_logs",
    "idempotency",
)
"""Tables with a column `tenant`."""
BELONGING = {
    "revisions": ("simulations", "simulation_id"),
    "events": ("simulations", "simulation_id"),
    "conversation_questions": ("conversations", "conversation_id"),
    "conversation_events": ("conversations", "conversation_id"),
}
"""Tables whose rows are their parent's: (parent, column that names it)."""
NEWLY_OWNED = ("conversations", "conversation_messages", "persona_versions", "interaction_logs")


def upgrade() -> None:
    _columns()
    _keys()
    _role()
    for table in OWNED:
        _wall(table, f"tenant = {ACTING}")
    for table, (parent, column) in BELONGING.items():
        # The parent's own policy decides which of its rows are seen here.
        _wall(table, f"EXISTS (SELECT FROM {parent} p WHERE p.id = {table}.{column})")
    # Requests promise messages to the bus and count how many wait; what they say is nobody's to read.
    op.execute(f"GRANT INSERT, SELECT (id) ON outbox TO {ROLE}")


def _columns() -> None:
    for table in NEWLY_OWNED:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS tenant text NOT NULL DEFAULT 'public'"
        )
    for table, columns in (
        ("persona_versions", "tenant, agent_id, version"),
        ("conversation_messages", "tenant, id"),
    ):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({columns})")
    for name, table, columns in (
        ("conversations_newest", "conversations", "tenant, created_at DESC, id"),
        ("messages_newest", "conversation_messages", "tenant, created_at DESC, id"),
        ("interactions_newest", "interaction_logs", "tenant, started_at DESC"),
    ):
        op.execute(f"DROP INDEX {name}")
        op.execute(f"CREATE INDEX {name} ON {table} ({columns})")


def _keys() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", moment),
        sa.Column("revoked_at", moment),
    )
    op.create_table(
        "tickets",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column(
            "key_id", sa.Text, sa.ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("origin", sa.Text),
        sa.Column("expires_at", moment, nullable=False),
    )


def _role() -> None:
    # Roles belong to the whole server: another database of it may have made this one, even at this moment.
    op.execute(
        f"""
        DO $$ BEGIN
            CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute(
        f"""
        DO $$ BEGIN
            IF NOT pg_has_role(current_user, '{ROLE}', 'MEMBER') THEN
                GRANT {ROLE} TO CURRENT_USER;
            END IF;
        END $$
        """
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")


def _wall(table: str, condition: str) -> None:
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE}")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenants ON {table} TO {ROLE} USING ({condition})")


def downgrade() -> None:
    for table in (*OWNED, *BELONGING):
        op.execute(f"DROP POLICY tenants ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {table} FROM {ROLE}")
    op.execute(f"REVOKE ALL ON outbox FROM {ROLE}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {ROLE}")
    op.drop_table("tickets")
    op.drop_table("api_keys")
    for name, table, columns in (
        ("conversations_newest", "conversations", "created_at DESC, id"),
        ("messages_newest", "conversation_messages", "created_at DESC, id"),
        ("interactions_newest", "interaction_logs", "started_at DESC"),
    ):
        op.execute(f"DROP INDEX {name}")
        op.execute(f"CREATE INDEX {name} ON {table} ({columns})")
    # Versions of other tenants cannot stay: without the column they would be everybody's.
    op.execute("DELETE FROM persona_versions WHERE tenant <> 'public'")
    for table, columns in (
        ("persona_versions", "agent_id, version"),
        ("conversation_messages", "id"),
    ):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({columns})")
    for table in NEWLY_OWNED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN tenant")
