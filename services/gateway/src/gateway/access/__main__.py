"""`python -m gateway.access create|list|revoke`: keys, made where the database is. Prints JSON."""

import argparse
import asyncio
import re
import sys
from datetime import datetime
from typing import Any

import orjson

from common.contracts.values import ID_PATTERN
from gateway.access.keys import SCOPES, USUAL, make_key
from gateway.database import Database
from gateway.migrations import upgrade
from gateway.repositories.keys import KeyRepository
from gateway.settings import GatewaySettings


def main(arguments: list[str] | None = None) -> int:
    """0: done; 1: there is no such key; 2: not understood."""
    given = _parser().parse_args(arguments)
    settings = GatewaySettings()
    upgrade(settings.dsn)
    result = asyncio.run(_run(given, settings))
    sys.stdout.buffer.write(
        orjson.dumps(result, default=_plain, option=orjson.OPT_INDENT_2) + b"\n"
    )
    return 1 if result is None else 0


async def _run(given: argparse.Namespace, settings: GatewaySettings) -> Any:
    database = Database(settings)
    try:
        match given.command:
            case "create":
                return await create(
                    database, given.tenant, given.name, scopes=given.scopes, days=given.days
                )
            case "list":
                async with database.statements() as connection:
                    return await KeyRepository(connection).all()
            case _:
                return await revoke(database, given.id)
    finally:
        await database.close()


async def create(
    database: Database, tenant: str, name: str, *, scopes: tuple[str, ...], days: float | None
) -> dict[str, Any]:
    """Make a key and store its hash; `key` is shown here and nowhere again."""
    made = make_key()
    async with database.transaction() as connection:
        await KeyRepository(connection).add(
            made.id,
            tenant=tenant,
            name=name,
            secret_hash=made.secret_hash,
            scopes=scopes,
            days=days,
        )
    return {"id": made.id, "key": made.text, "tenant": tenant, "name": name, "scopes": scopes}


async def revoke(database: Database, key_id: str) -> dict[str, Any] | None:
    """Revoke it; a second time changes nothing. None when there is no such key."""
    async with database.transaction() as connection:
        moment = await KeyRepository(connection).revoke(key_id)
    return None if moment is None else {"id": key_id, "revoked_at": moment}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway.access")
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("create", help="make a key; it is shown once")
    new.add_argument("--tenant", required=True, type=_id)
    new.add_argument("--name", required=True, help="what it is for")
    new.add_argument("--scopes", type=_scopes, default=USUAL, help=f"of {','.join(SCOPES)}")
    new.add_argument("--days", type=_days, default=None, help="until it expires; else never")
    commands.add_parser("list", help="all keys, without their secrets")
    gone = commands.add_parser("revoke", help="end it, also on open streams, within 5 s")
    gone.add_argument("id")
    return parser


def _id(value: str) -> str:
    if not re.fullmatch(ID_PATTERN, value):
        raise argparse.ArgumentTypeError("1 to 64 letters, digits, _ or -")
    return value


def _scopes(value: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in value.split(",") if part.strip())
    unknown = sorted(set(chosen) - set(SCOPES))
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(f"of {', '.join(SCOPES)}; not {', '.join(unknown)}")
    return chosen


def _days(value: str) -> float:
    days = float(value)
    if not 0 < days <= 3_650:
        raise argparse.ArgumentTypeError("above 0, at most 3650")
    return days


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    sys.exit(main())
