"""`simulator keys`: who may call the gateway. Keys live in the database, so it must run or be named."""

import json
import subprocess
import sys
from typing import Annotated, Any

import typer

from simulator_cli.commands.options import Json
from simulator_cli.errors import CommandError

Tenant = Annotated[str, typer.Option(help="Whose records the key opens; it sees nobody else's.")]
Name = Annotated[str, typer.Option(help="What the key is for, so that you know it again.")]
Scopes = Annotated[
    str, typer.Option(help="What it may: read, write, stream; metrics and admin for operators.")
]
Days = Annotated[float | None, typer.Option(help="Until it expires; without it, never.")]


def create(
    tenant: Tenant = "public",
    name: Name = "made by ./simulator keys create",
    scopes: Scopes = "read,write,stream",
    days: Days = None,
    *,
    as_json: Json = False,
) -> None:
    """Make an API key. It is shown now and never again: only its hash is kept."""
    arguments = ["create", "--tenant", tenant, "--name", name, "--scopes", scopes]
    made = _ask([*arguments, *(["--days", str(days)] if days is not None else [])])
    if as_json:
        _print_json(made)
        return
    typer.echo(f"{made['key']}\n", nl=False)
    typer.echo(
        f"Key {made['id']} of tenant {tenant}: {', '.join(made['scopes'])}. Keep it; it is not shown again.\n"
        "Send it as `Authorization: Bearer …`, or set SIMULATOR_API_KEY for this command.",
        err=True,
    )


def show(*, as_json: Json = False) -> None:
    """List the keys, without their secrets."""
    found = _ask(["list"])
    if as_json:
        _print_json(found)
        return
    for key in found:
        state = "good" if key["is_valid"] else "revoked" if key["revoked_at"] else "expired"
        until = f"until {key['expires_at'][:10]}" if key["expires_at"] else "no end"
        scopes = ",".join(key["scopes"])
        typer.echo(
            f"{key['id']}  {state:<8} {key['tenant']:<16} {scopes:<26} {until:<17} {key['name']}"
        )
    if not found:
        typer.echo("There are no keys. `./simulator keys create` makes one.")


def revoke(key_id: Annotated[str, typer.Argument(help="The id, as in `keys list`.")]) -> None:
    """End a key within 5 s, also on the streams it has open."""
    gone = _ask(["revoke", key_id])
    if gone is None:
        raise CommandError(f"There is no key {key_id!r}.", "`./simulator keys list` shows them.")
    typer.echo(f"Key {key_id} is revoked.")


def _ask(arguments: list[str]) -> Any:
    """What the gateway's own program answers; it alone knows the tables."""
    from common.embedded import postgres
    from simulator_cli.stack.control import default_data_dir
    from simulator_cli.stack.layout import Layout
    from simulator_cli.stack.programs import DATABASE_URL_VARIABLE, this_environment

    environment = dict(this_environment())
    layout = Layout(default_data_dir().resolve())
    url = environment.get(DATABASE_URL_VARIABLE) or postgres.url(layout.postgres)
    done = subprocess.run(
        [sys.executable, "-m", "gateway.access", *arguments],
        env=environment | {"GATEWAY_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stdout:
        return json.loads(done.stdout)
    if done.returncode == 2:
        raise CommandError(done.stderr.strip().rpartition("error: ")[2])
    raise CommandError(
        "The database does not answer.",
        f"Start the stack with `./simulator up --detach`, or set {DATABASE_URL_VARIABLE}.",
    )


def _print_json(value: Any) -> None:
    from simulator_cli.console import print_json

    print_json(value)
