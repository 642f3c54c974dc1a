"""The tables. The record in PostgreSQL is the only truth; everything else can be made again from it."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

TERMINAL = ("completed", "failed", "cancelled")
"""States a revision never leaves."""


def _timestamp(name: str, *, nullable: bool = False) -> Column[object]:
    default = None if nullable else func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


scenarios = Table(
    "scenarios",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False, server_default="public"),
    _timestamp("created_at"),
    Column("scenario_text", Text, nullable=False),
    Column("scenario_type", Text),
    Column("name", Text),
    Column("description", Text),
    Index("scenarios_newest", "tenant", text("created_at DESC"), "id"),
)

simulations = Table(
    "simulations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False, server_default="public"),
    Column("scenario_id", Text, ForeignKey("scenarios.id", ondelete="CASCADE"), nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("next_seq", BigInteger, nullable=False, server_default="1"),
    Column("request_hash", Text, nullable=False),
    Column("rerun_of", Text),
    _timestamp("created_at"),
    _timestamp("updated_at"),
    _timestamp("finished_at", nullable=True),
    Column("error", Text),
    Column("reason", Text),
    Index("simulations_newest", "tenant", text("created_at DESC"), "id"),
    Index("simulations_of_scenario", "scenario_id"),
    Index(
        "simulations_open",
        "id",
        postgresql_where=text("status IN ('queued', 'running')"),
    ),
)
"""`status`, `error` and `finished_at` are those of the current revision; `next_seq` numbers the stream."""

revisions = Table(
    "revisions",
    metadata,
    Column(
        "simulation_id", Text, ForeignKey("simulations.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("revision", Integer, primary_key=True),
    Column("origin", Text, nullable=False, server_default="requested"),
    Column("options", JSONB, nullable=False),
    Column("stage", Text),
    Column("accepted_event_id", Uuid, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("reemissions", Integer, nullable=False, server_default="0"),
    _timestamp("created_at"),
    _timestamp("progressed_at"),
    Column("deadline_at", DateTime(timezone=True), nullable=False),
    Column("started_stages", JSONB, nullable=False, server_default="{}"),
    Column("command", Text),
    Column("base_revision", Integer),
    Column("restores", Integer),
    Column("interpretation", JSONB),
    Column("network", JSONB),
    Column("failures", JSONB),
    Column("run", JSONB),
    Column("narrative", JSONB),
    Column("provenance", JSONB, nullable=False, server_default="{}"),
    Column("timings", JSONB, nullable=False, server_default="{}"),
)
"""One attempt at a network. `stage` is the last accepted result, `accepted_event_id` the cause the next must name.

`origin` says which event began it: requested, edited (command,
base_revision), restored (by undo or redo: the network of revision `restores`) or rerun (network copied).
`attempt` only grows (it is part of message ids); `reemissions` counts those since the last progress.
"""

events = Table(
    "events",
    metadata,
    Column("simulation_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("sim_time_s", Float),
    Column("event_type", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("frame", Text, nullable=False),
    ForeignKeyConstraint(["simulation_id"], ["simulations.id"], ondelete="CASCADE"),
)
"""What clients see, `frame` as it goes on the wire, so that a replay is a plain read."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("simulation_id", Text),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("message_id", Text, nullable=False),
    _timestamp("created_at"),
    Index("outbox_of_simulation", "simulation_id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("status", Integer),
    Column("headers", JSONB),
    Column("response", LargeBinary),
    _timestamp("created_at"),
    Index("idempotency_oldest", "created_at"),
)
"""`status` is null while the first request is still at work."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    _timestamp("created_at"),
    _timestamp("expires_at", nullable=True),
    _timestamp("revoked_at", nullable=True),
)
"""The secret is not in it: SHA-256 of 256 random bits cannot be turned back."""

tickets = Table(
    "tickets",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("key_id", Text, ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("origin", Text),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
"""Each opens one stream, once, for the page it was given to."""

marks = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Small facts that outlive a process: which bus store the outbox last spoke to."""
