"""Options that several commands share."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator_cli.errors import CommandError

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="SIMULATOR_URL",
        help="Use this gateway instead of a stack on this machine.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Same seed, same figures.")]
Tasks = Annotated[int | None, typer.Option(min=1, help="How many tasks to run.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Tasks arriving per minute.")]
Failures = Annotated[
    str | None,
    typer.Option(help='Failure modes to inject, by id with commas; "none" injects none.'),
]
Engine = Annotated[str | None, typer.Option(help="auto, rules or llm.")]
MaxAgents = Annotated[int | None, typer.Option("--max-agents", min=1, help="Size limit.")]


Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Replace an engine default: agent.<id>.concurrency=3. Repeatable."),
]


@dataclass(frozen=True)
class Choices:
    """How to rehearse, as given on the command line; null leaves it to the gateway."""

    seed: int | None = None
    tasks: int | None = None
    rate: float | None = None
    failures: str | None = None
    engine: str | None = None
    max_agents: int | None = None
    overrides: tuple[str, ...] = ()

    def body(self, scenario: str) -> dict[str, Any]:
        """The body of `POST /simulate`."""
        options = {
            "seed": self.seed,
            "tasks": self.tasks,
            "arrival_rate_per_min": self.rate,
            "failures": failure_ids(self.failures),
            "engine": self.engine,
            "max_agents": self.max_agents,
            "overrides": dict(map(override, self.overrides)) or None,
        }
        chosen = {name: value for name, value in options.items() if value is not None}
        return {"scenario": scenario, "options": chosen} if chosen else {"scenario": scenario}


def override(given: str) -> tuple[str, float | int | bool | str]:
    """`agent.x.concurrency=3` as name and value; numbers and true/false are taken as such.

    Raises:
        CommandError: it has no name or no value.
    """
    name, _, text = given.partition("=")
    if not name.strip() or not text.strip():
        raise CommandError(f"{given!r} is not NAME=VALUE.", "--set agent.<id>.concurrency=3")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    is_scalar = isinstance(value, bool | int | float)
    return name.strip(), value if is_scalar else text.strip()


def failure_ids(given: str | None) -> list[str] | None:
    """Ids from a comma-separated list; `none` is an empty list, null leaves the choice to the agent."""
    if given is None:
        return None
    if given.strip().casefold() == "none":
        return []
    return [part.strip() for part in given.split(",") if part.strip()]


def read_scenario(text: str | None, file: Path | None) -> str:
    """The scenario from the argument, from a file, or (`-`) from standard input.

    Raises:
        CommandError: none or both were given, the file cannot be read, or it is blank.
    """
    if (text is None) == (file is None):
        raise CommandError(
            "Give the scenario either as text or with --file.",
            'simulator simulate "Support tickets are triaged and answered…"',
        )
    scenario = text if file is None else _read_file(file)
    if scenario is None or not scenario.strip():
        raise CommandError(
            "The scenario is blank.", "Describe in a few sentences what should happen."
        )
    return scenario


def _read_file(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from error
