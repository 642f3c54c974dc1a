"""Schema changes, packaged with the gateway and run by it at start."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def config(database_url: str) -> Config:
    """Alembic's configuration without an ini file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    # Alembic interpolates percent signs, and a socket directory in the URL is percent-encoded.
    made.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return made


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; several gateways starting at once take turns.

    Blocks and starts an event loop of its own: call it from a thread when a loop is running.
    """
    command.upgrade(config(database_url), revision)


def downgrade(database_url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`. Loses what the removed tables held."""
    command.downgrade(config(database_url), revision)
