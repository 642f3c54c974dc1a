"""The bus's secrets: a password for each user of `common.permissions`, and the server's configuration with them.

    python -m bus_keys KEYS_DIR [--host 0.0.0.0] [--store /data/jetstream] [--own UID:GID] [--database-url URL]

Repeating it keeps the passwords and writes the configuration anew, so that a release with other permissions needs no
other step. Each service gets a directory of its own with only its own secrets:

    KEYS_DIR/nats/nats.conf             the server's
    KEYS_DIR/<user>/nats_password       one for each user
    KEYS_DIR/postgres/password          the database's superuser
    KEYS_DIR/gateway/database_url       how the gateway reaches the record
"""

import argparse
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from common.embedded.launch import write_private
from common.embedded.nats import configuration
from common.permissions import permissions

PORT = 4222
MONITOR_PORT = 8222
MAX_CONNECTIONS = 4_096
"""One per process of ours; a laptop's 128 would stop `--scale`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Who may read which files, as (user, group) ids; null leaves them to whoever writes them."""

    services: tuple[int, int] | None = None
    postgres: tuple[int, int] | None = None


def write(keys: Path, *, host: str, store: Path, owners: Owners, database: str) -> None:
    """Write every file; `database` is `HOST/NAME` of the PostgreSQL server."""
    passwords = {user: _kept(keys / user / "nats_password") for user in sorted(permissions())}
    config = configuration(
        store, PORT, passwords, host, max_connections=MAX_CONNECTIONS, monitor_port=MONITOR_PORT
    )
    superuser = _kept(keys / "postgres" / "password")
    files = {keys / user / "nats_password": password for user, password in passwords.items()}
    files[keys / "nats" / "nats.conf"] = config
    files[keys / "gateway" / "database_url"] = (
        f"postgresql+asyncpg://simulator:{superuser}@{database}"
    )
    for path, text in files.items():
        _write(path, text, owners.services)
    _write(keys / "postgres" / "password", superuser, owners.postgres)


def _kept(path: Path) -> str:
    """The password written before, else a new one. It goes into URLs: letters and digits only."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return secrets.token_hex(24)


def _write(path: Path, text: str, owner: tuple[int, int] | None) -> None:
    write_private(path, text)
    if owner is not None:
        os.chown(path, *owner)


def _ids(text: str) -> tuple[int, int]:
    user, group = text.split(":")
    return int(user), int(group)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bus_keys", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("keys", type=Path)
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - the server's own container
    parser.add_argument("--store", type=Path, default=Path("/data/jetstream"))
    parser.add_argument("--own", type=_ids, default=None, help="UID:GID of the services and NATS")
    parser.add_argument("--own-postgres", type=_ids, default=None, help="UID:GID of PostgreSQL")
    parser.add_argument("--database", default="postgres/simulator", help="HOST/NAME of the record")
    parser.add_argument("--give", type=Path, action="append", default=[], help="also give this")
    asked = parser.parse_args(arguments)
    owners = Owners(services=asked.own, postgres=asked.own_postgres)
    write(asked.keys, host=asked.host, store=asked.store, owners=owners, database=asked.database)
    for directory in asked.give if asked.own is not None else []:
        os.chown(directory, *asked.own)


if __name__ == "__main__":
    main(sys.argv[1:])
