"""`simulator test` and `simulator check`: the project's own tests and checks, with this interpreter."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from simulator_cli.errors import CommandError

_SOURCES = ("libs", "services", "deploy", "tests")
PassedThrough = Annotated[
    list[str] | None, typer.Argument(metavar="[ARGUMENTS]", help="Passed on as they are.")
]


def run_tests(arguments: PassedThrough = None) -> None:
    """Run the tests; arguments go to pytest."""
    root = project_root()
    command = [sys.executable, "-m", "pytest", *(arguments or ())]
    raise typer.Exit(subprocess.run(command, cwd=root, check=False).returncode)


def run_checks(paths: PassedThrough = None) -> None:
    """Check form, lint, types and the direction of imports; paths narrow the first three."""
    root = project_root()
    failed = [
        title for title, command in checks(root, paths or ()) if not _passes(title, command, root)
    ]
    if failed:
        raise CommandError(
            f"Not clean: {', '.join(failed)}.", "ruff format and ruff check --fix mend most."
        )


def checks(root: Path, paths: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The commands of `check`: title and arguments, in order."""
    where = list(paths) or [name for name in _SOURCES if (root / name).is_dir()]
    python = [sys.executable, "-m"]
    return [
        ("format", [*python, "ruff", "format", "--check", *where]),
        ("lint", [*python, "ruff", "check", *where]),
        ("types", [*python, "mypy", *where]),
        ("imports", [str(Path(sys.executable).with_name("lint-imports"))]),
    ]


def project_root() -> Path:
    """The repository this command is installed from.

    Raises:
        CommandError: it is installed without its repository.
    """
    for folder in Path(__file__).resolve().parents:
        if (folder / "services").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise CommandError("This needs the repository.", "Run ./simulator from a clone of it.")


def _passes(title: str, command: list[str], root: Path) -> bool:
    began_s = time.monotonic()
    code = subprocess.run(command, cwd=root, check=False).returncode
    verdict = "ok" if code == 0 else f"failed ({code})"
    typer.echo(f"{title}: {verdict}, {time.monotonic() - began_s:.1f} s", err=True)
    return code == 0
