"""`simulator list`, `watch`, `report` and `trace`: look at simulations that exist."""

from typing import TYPE_CHECKING, Annotated

import typer

from simulator_cli.commands.options import Json, Url
from simulator_cli.errors import CommandError

if TYPE_CHECKING:
    from simulator_cli.client import Gateway

SimulationId = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="The simulation's id; the newest by default.")
]


def list_newest(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many.")] = 20,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """List the newest simulations with their ids."""
    from simulator_cli.console import make_console, print_json
    from simulator_cli.render.listing import listing_view
    from simulator_cli.session import open_session

    with open_session(make_console(is_error=True), url=url) as session:
        found = session.gateway.simulations(limit)
    if as_json:
        print_json(found)
    else:
        make_console().print(listing_view(found))


def watch(simulation_id: SimulationId = None, *, as_json: Json = False, url: Url = None) -> None:
    """Show every event from the first on, live until the simulation is over."""
    from simulator_cli.console import make_console, print_json_line
    from simulator_cli.follow import check_completed
    from simulator_cli.render.events import frame_line
    from simulator_cli.render.progress import Progress
    from simulator_cli.session import open_session

    console = make_console()
    with open_session(make_console(is_error=True), url=url) as session:
        found_id = _found(session.gateway, simulation_id)
        state = Progress()
        for frame in session.gateway.frames(found_id):
            state = state.hear(frame)
            if as_json:
                print_json_line(frame.model_dump(mode="json"))
            else:
                console.print(frame_line(frame), overflow="ellipsis", no_wrap=True)
        check_completed(state, found_id)


def report(
    simulation_id: SimulationId = None,
    *,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help="text, json, or an export: mermaid, dot, markdown, otlp, crewai, langgraph, "
            "openai-agents.",
        ),
    ] = "text",
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Show the report of a simulation, in colour, as JSON, or in a foreign form."""
    from simulator_cli.console import make_console, print_json
    from simulator_cli.rehearsal import read_rehearsal
    from simulator_cli.render.report import report_view
    from simulator_cli.session import open_session

    with open_session(make_console(is_error=True), url=url) as session:
        found_id = _found(session.gateway, simulation_id)
        if as_json or form == "json":
            print_json(session.gateway.report(found_id))
        elif form == "text":
            rehearsal = read_rehearsal(session.gateway.report(found_id))
            console = make_console()
            console.print(f"Simulation {rehearsal.simulation_id}: {rehearsal.status}")
            console.print(report_view(rehearsal))
        else:
            typer.echo(session.gateway.export(found_id, form).rstrip("\n"))


def trace(simulation_id: SimulationId = None, *, as_json: Json = False, url: Url = None) -> None:
    """Show the spans of the sampled task as a tree on its clock."""
    from simulator_cli.console import make_console, print_json
    from simulator_cli.render.trace import SpanTree, read_spans
    from simulator_cli.session import open_session

    with open_session(make_console(is_error=True), url=url) as session:
        found = session.gateway.trace(_found(session.gateway, simulation_id))
        if as_json:
            print_json(found)
        else:
            make_console().print(SpanTree(read_spans(found)))


def _found(gateway: "Gateway", simulation_id: str | None) -> str:
    """The id asked for, known to exist, or the newest.

    Raises:
        CommandError: there is no such simulation, or none at all.
    """
    if simulation_id is not None:
        gateway.simulation(simulation_id)
        return simulation_id
    newest = gateway.simulations(1)
    if not newest:
        raise CommandError("There are no simulations yet.", "./simulator demo makes one.")
    return str(newest[0]["simulation_id"])
