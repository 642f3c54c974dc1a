"""The `simulator` command: which commands there are, and how each ends.

Imports of a command's body stay inside it, so that `--help` answers at once.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from simulator_cli.commands import (
    chaos,
    converse,
    demo,
    develop,
    doctor,
    evaluate,
    keys,
    models,
    read,
    simulate,
    stack,
)
from simulator_cli.errors import CommandError

FAILED = 1
INTERRUPTED = 130

app = typer.Typer(
    name="simulator",
    help="Rehearse an AI agent network before anyone builds it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_REHEARSE = "Rehearse"
_OPERATE = "Run the stack"
_DEVELOP = "Work on it"
_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}

_COMMANDS: tuple[tuple[str, Callable[..., None], str, dict[str, Any]], ...] = (
    ("demo", demo.demo, _REHEARSE, {}),
    ("simulate", simulate.simulate, _REHEARSE, {}),
    ("list", read.list_newest, _REHEARSE, {}),
    ("watch", read.watch, _REHEARSE, {}),
    ("report", read.report, _REHEARSE, {}),
    ("trace", read.trace, _REHEARSE, {}),
    ("evaluate", evaluate.evaluate, _REHEARSE, {}),
    ("converse", converse.converse, _REHEARSE, {}),
    ("chat", converse.chat, _REHEARSE, {}),
    ("up", stack.up, _OPERATE, {}),
    ("down", stack.down, _OPERATE, {}),
    ("status", stack.status, _OPERATE, {}),
    ("logs", stack.logs, _OPERATE, {}),
    ("scale", stack.scale, _OPERATE, {}),
    ("doctor", doctor.doctor, _OPERATE, {}),
    ("chaos", chaos.chaos, _DEVELOP, {}),
    ("test", develop.run_tests, _DEVELOP, _PASS_THROUGH),
    ("check", develop.run_checks, _DEVELOP, _PASS_THROUGH),
)


def _ending(command: Callable[..., None]) -> Callable[..., None]:
    """Turns what a command raises into words on stderr and an exit code."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        from simulator_cli.console import prepare_streams, print_error

        prepare_streams()
        try:
            command(*args, **kwargs)
        except CommandError as error:
            print_error(error)
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return wrapped


for _name, _function, _panel, _settings in _COMMANDS:
    app.command(_name, rich_help_panel=_panel, context_settings=_settings)(_ending(_function))

_models = typer.Typer(help="Language models: providers, health, models.", no_args_is_help=False)
_models.callback(invoke_without_command=True)(_ending(models.list_unless_pulling))
_models.command("pull")(_ending(models.pull))
app.add_typer(_models, name="models", rich_help_panel=_OPERATE)


_keys = typer.Typer(help="API keys: who may call the gateway.", no_args_is_help=True)
_keys.command("create")(_ending(keys.create))
_keys.command("list")(_ending(keys.show))
_keys.command("revoke")(_ending(keys.revoke))
app.add_typer(_keys, name="keys", rich_help_panel=_OPERATE)


def run() -> None:
    """The entry point: what people type is the script in the repository's root."""
    app(prog_name="./simulator")
