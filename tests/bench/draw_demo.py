"""Draws docs/demo.svg: what `./simulator demo` shows in a terminal, from its real output.

Usage: draw_demo.py [TARGET [CAPTURED]]   (default docs/demo.svg; CAPTURED: a file with raw output, else the demo runs)

The whole output has about 270 lines. Shown are the stages, the network, the figures and the beginning of the story;
what is left out is said in its place. The demo runs in a pseudo-terminal, in a data directory of its own.
"""

import os
import pty
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
COLUMNS = 110
LINES = 60
_TOKEN = re.compile(
    r"\x1b\[(?P<up>\d*)A|(?P<clear>\x1b\[2K)|(?P<style>\x1b\[[0-9;]*m)|(?P<next>\n)"
    r"|\x1b\[\?\d+[hl]|\r|(?P<text>[^\x1b\r\n]+)|\x1b"
)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_HEADING = re.compile(r"([A-Z][A-Z' ]+) ─{20,}")
_REMOTE_FONT = re.compile(r" *@font-face \{.*?\}\n", re.DOTALL)
_FONTS = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
"""A picture in a page loads no fonts, and ours should ask nobody."""
_END_OF_PART = {"NETWORK": " Tool ", "RUN": "Bottleneck ", "STORY": "What broke first"}
"""The parts that are shown, and the words with which the rest of each begins."""


def run() -> str:
    """The demo's raw output in a terminal `COLUMNS` wide. Raises RuntimeError unless it succeeds."""
    with tempfile.TemporaryDirectory() as data:
        child, terminal = pty.fork()
        if child == 0:
            size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES)}
            colour = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            environment = os.environ | size | colour | {"SIMULATOR_DATA_DIR": data}
            os.execve(ROOT / "simulator", ["./simulator", "demo"], environment)
        raw = _read(terminal)
        _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"./simulator demo ended with {os.waitstatus_to_exitcode(status)}")
    return raw.decode()


def _read(terminal: int) -> bytes:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux ends a pseudo-terminal with EIO
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def screen(raw: str) -> list[str]:
    """The lines that stay on the screen, with their colours: progress is drawn again and again over itself."""
    lines, row = [""], 0
    for token in _TOKEN.finditer(raw):
        match token.lastgroup:
            case "up":
                row = max(0, row - int(token["up"] or 1))
            case "clear":
                lines[row] = ""
            case "next":
                row += 1
                lines += [""] * (row == len(lines))
            case "style" | "text":
                lines[row] += token[0]
    return [line.rstrip() for line in lines]


def excerpt(lines: list[str]) -> list[str]:
    """The stages and the parts of `_END_OF_PART`, each up to those words."""
    shown, part, is_hidden, hidden = ["$ ./simulator demo"], "", False, 0
    for line in lines:
        plain = _STYLE.sub("", line)
        if heading := _HEADING.match(plain):
            part = heading[1]
            is_hidden = part not in _END_OF_PART
        elif part in _END_OF_PART and plain.startswith(_END_OF_PART[part]):
            is_hidden = True
        if is_hidden:
            hidden += 1
            continue
        if hidden:
            shown += [_left_out(hidden), ""]
            hidden = 0
        shown.append(line)
    return [*shown, _left_out(hidden)]


def _left_out(lines: int) -> str:
    return f"\x1b[2m… {lines} lines more …\x1b[0m"


def draw(lines: list[str]) -> str:
    """The lines as SVG; the same lines give the same bytes."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, color_system="truecolor")
        for line in lines:
            console.print(Text.from_ansi(line), soft_wrap=True)
        drawn = console.export_svg(title="./simulator demo", unique_id="demo")
    return _REMOTE_FONT.sub("", drawn).replace("Fira Code, monospace", _FONTS)


def main(arguments: list[str]) -> None:
    target = Path(arguments[0]) if arguments else ROOT / "docs/demo.svg"
    raw = Path(arguments[1]).read_bytes().decode() if len(arguments) > 1 else run()
    lines = excerpt(screen(raw))
    target.write_text(draw(lines))
    sys.stdout.write(f"{target}: {len(lines)} lines\n")


if __name__ == "__main__":
    main(sys.argv[1:])
