"""`simulator simulate`: submit a scenario; with `--watch` follow it to its report."""

from pathlib import Path
from typing import Annotated, Any

import typer

from simulator_cli.commands.options import (
    Choices,
    Engine,
    Failures,
    Json,
    MaxAgents,
    Overrides,
    Rate,
    Seed,
    Tasks,
    Url,
    read_scenario,
)


def simulate(
    text: Annotated[str | None, typer.Argument(help="The scenario in plain words.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read it from a file; - for stdin.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to the report.")] = False,
    as_json: Json = False,
    seed: Seed = None,
    tasks: Tasks = None,
    rate: Rate = None,
    failures: Failures = None,
    engine: Engine = None,
    max_agents: MaxAgents = None,
    overrides: Overrides = None,
    url: Url = None,
) -> None:
    """Submit a scenario and print its network; with --watch its whole report."""
    from simulator_cli.commands.rehearse import rehearse

    choices = Choices(seed, tasks, rate, failures, engine, max_agents, tuple(overrides or ()))
    body = choices.body(read_scenario(text, file))
    if watch:
        rehearse(body, as_json=as_json, keep=False, url=url)
    else:
        _submit(body, as_json=as_json, url=url)


def _submit(body: dict[str, Any], *, as_json: bool, url: str | None) -> None:
    from simulator_cli.console import make_console, print_json
    from simulator_cli.follow import follow
    from simulator_cli.session import open_session

    with open_session(make_console(is_error=True), url=url) as session:
        answer = session.gateway.submit(body)
        if as_json:
            print_json(answer)
        else:
            _show(answer)
        if session.stops_after:
            # A stack that ends with this command finishes what it was given first.
            follow(session.gateway, str(answer["simulation_id"]), None)


def _show(answer: dict[str, Any]) -> None:
    from common.contracts.network import Network
    from simulator_cli.console import make_console
    from simulator_cli.render.report import network_view

    console = make_console()
    if answer.get("agents"):
        console.print(network_view(Network.model_validate(answer)), "", sep="\n")
    console.print(f"Simulation {answer['simulation_id']}: {answer.get('status', 'accepted')}")
    console.print(f"Follow it with: ./simulator watch {answer['simulation_id']}")
