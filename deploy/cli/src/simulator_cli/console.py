"""The two streams of the command: results on stdout, everything else on stderr."""

import codecs
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from simulator_cli.errors import CommandError

_NEAREST = {
    "-": "─━—–−…",
    "|": "│┃",
    "+": "╭╮╰╯┏┓┗┛┼┤├┴┬┘└┐┌",
    ">": "→",
    "=": "⇄",
    "<": "↺",
    "v": "▼✓☑",
    "x": "✗×",
    "*": "●◆⚙☻·",
    "#": "█",
    ".": "░",
}
_ASCII = {ord(symbol): plain for plain, symbols in _NEAREST.items() for symbol in symbols}


def _plain(error: UnicodeError) -> tuple[str, int]:
    """A codec error handler: the nearest ASCII character of the same width, else `?`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end].translate(_ASCII)
    return "".join(symbol if symbol.isascii() else "?" for symbol in lost), error.end


codecs.register_error("simulator-plain", _plain)


def prepare_streams() -> None:
    """Make sure that no symbol of ours can break an output that is not UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="simulator-plain")


def make_console(*, is_error: bool = False) -> Console:
    """A console for results (stdout) or notices (stderr); in pipes without colour and control codes."""
    stream = sys.stderr if is_error else sys.stdout
    return Console(file=stream, stderr=is_error, highlight=False, markup=False)


@contextmanager
def busy(notices: Console, message: str) -> Iterator[None]:
    """Says what is being waited for: a spinner on a terminal, one plain line elsewhere."""
    if notices.is_terminal:
        with notices.status(message):
            yield
        return
    notices.print(message)
    yield


def print_json(value: Any) -> None:
    """One JSON document on stdout and nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_json_line(value: Any) -> None:
    """One line of JSON Lines, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_error(error: CommandError) -> None:
    """What went wrong and what to do, on stderr."""
    console = make_console(is_error=True)
    console.print(Text.assemble(("Error: ", "bold red"), error.message))
    if error.hint:
        console.print(Text.assemble(("Try: ", "bold"), error.hint))
