"""The record: scenarios, simulations, revisions, events, outbox, idempotency keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    default = None if nullable else sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def upgrade() -> None:
    _scenarios()
    _simulations()
    _revisions()
    _events()
    _outbox()
    _idempotency()
    op.create_table(
        "marks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _scenarios() -> None:
    op.create_table(
        "scenarios",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False, server_default="public"),
        _moment("created_at"),
        sa.Column("scenario_text", sa.Text, nullable=False),
        sa.Column("scenario_type", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("description", sa.Text),
    )
    op.create_index("scenarios_newest", "scenarios", ["tenant", sa.text("created_at DESC"), "id"])


def _simulations() -> None:
    op.create_table(
        "simulations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False, server_default="public"),
        sa.Column(
            "scenario_id",
            sa.Text,
            sa.ForeignKey("scenarios.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
        sa.Column("next_seq", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("request_hash", sa.Text, nullable=False),
        sa.Column("rerun_of", sa.Text),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("finished_at", nullable=True),
        sa.Column("error", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_index(
        "simulations_newest", "simulations", ["tenant", sa.text("created_at DESC"), "id"]
    )
    op.create_index("simulations_of_scenario", "simulations", ["scenario_id"])
    op.create_index(
        "simulations_open",
        "simulations",
        ["id"],
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )


def _revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column(
            "simulation_id",
            sa.Text,
            sa.ForeignKey("simulations.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("origin", sa.Text, nullable=False, server_default="requested"),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("stage", sa.Text),
        sa.Column("accepted_event_id", sa.Uuid, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reemissions", sa.Integer, nullable=False, server_default="0"),
        _moment("created_at"),
        _moment("progressed_at"),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_stages", JSONB, nullable=False, server_default="{}"),
        sa.Column("command", sa.Text),
        sa.Column("base_revision", sa.Integer),
        sa.Column("restores", sa.Integer),
        *(
            sa.Column(name, JSONB)
            for name in ("interpretation", "network", "failures", "run", "narrative")
        ),
        sa.Column("provenance", JSONB, nullable=False, server_default="{}"),
        sa.Column("timings", JSONB, nullable=False, server_default="{}"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column(
            "simulation_id",
            sa.Text,
            sa.ForeignKey("simulations.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sim_time_s", sa.Float),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("frame", sa.Text, nullable=False),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("simulation_id", sa.Text),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        _moment("created_at"),
    )
    op.create_index("outbox_of_simulation", "outbox", ["simulation_id"])
    # Rows live for milliseconds: leave room on the pages and clean them up early.
    op.execute(
        "ALTER TABLE outbox SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0,"
        " autovacuum_vacuum_threshold = 2000)"
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", JSONB),
        sa.Column("response", sa.LargeBinary),
        _moment("created_at"),
    )
    op.create_index("idempotency_oldest", "idempotency", ["created_at"])


def downgrade() -> None:
    for table in (
        "marks",
        "idempotency",
        "outbox",
        "events",
        "revisions",
        "simulations",
        "scenarios",
    ):
        op.drop_table(table)
