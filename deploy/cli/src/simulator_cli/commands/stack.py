"""`simulator up`, `down`, `status`, `logs` and `scale`: the stack on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from simulator_cli.commands.options import Json
from simulator_cli.errors import CommandError


@contextmanager
def _stack_errors() -> Iterator[None]:
    """The supervisor's errors as the command's."""
    from simulator_cli.stack import control

    try:
        yield
    except control.StackError as error:
        raise CommandError(error.message, error.hint) from error


def up(
    *,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when it is ready.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the gateway; free by default.")
    ] = None,
) -> None:
    """Run NATS, PostgreSQL, the gateway and the workers on this machine."""
    from simulator_cli.console import busy, make_console
    from simulator_cli.stack import control

    data_dir = control.default_data_dir()
    console = make_console()
    with _stack_errors():
        if not detach:
            raise typer.Exit(control.run_foreground(data_dir, port))
        with busy(console, "Starting…"):
            running = control.ensure(data_dir, port=port)
    state = "Running" if running.started_here else "Was running already"
    console.print(f"{state}: {running.base_url} (API: {running.base_url}/docs)")
    console.print("Stop it with: ./simulator down")


def down() -> None:
    """Stop the stack on this machine; its data stay."""
    from simulator_cli.console import busy, make_console
    from simulator_cli.stack import control

    data_dir = control.default_data_dir()
    console = make_console()
    if control.status(data_dir).base_url is None:
        console.print("Nothing is running.")
        return
    with _stack_errors(), busy(console, "Stopping…"):
        control.stop(data_dir)
    console.print("Stopped.")


def status(*, as_json: Json = False) -> None:
    """Show the processes of the stack: state, restarts, memory, uptime. Exit code 3 when it is not running."""
    from simulator_cli.console import make_console, print_json
    from simulator_cli.render.status import status_view
    from simulator_cli.stack import control

    found = control.status(control.default_data_dir())
    if as_json:
        print_json(
            {
                "base_url": found.base_url,
                "nats_port": found.nats_port,
                "services": [service.model_dump(mode="json") for service in found.services],
            }
        )
    else:
        make_console().print(status_view(found))
    if found.base_url is None:
        raise typer.Exit(3)


def logs(
    service: Annotated[str | None, typer.Argument(help="Only this service.")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="As they were written: JSON lines.")] = False,
) -> None:
    """Print the logs of the stack's processes, also when it does not run any more."""
    from simulator_cli.console import make_console
    from simulator_cli.render.logs import log_line
    from simulator_cli.stack import control

    console = make_console()
    is_empty = True
    with _stack_errors():
        for line in control.log_lines(control.default_data_dir(), service, follow):
            is_empty = False
            if raw:
                typer.echo(line.rstrip("\n"))
            else:
                console.print(log_line(line.rstrip("\n")), soft_wrap=True)
    if is_empty:
        named = f" of {service!r}" if service else ""
        raise CommandError(f"There are no logs{named}.", "./simulator status names the services.")


def scale(
    target: Annotated[str, typer.Argument(metavar="WORKER=N", help="For example planner=3.")],
) -> None:
    """Run N processes of one worker kind."""
    from simulator_cli.console import make_console
    from simulator_cli.render.units import count
    from simulator_cli.stack import control

    worker, wanted = parse_target(target)
    with _stack_errors():
        control.scale(control.default_data_dir(), worker, wanted)
    make_console().print(f"{worker} runs with {count(wanted, 'process', 'processes')}.")


def parse_target(target: str) -> tuple[str, int]:
    """`planner=3` as worker and count.

    Raises:
        CommandError: it has another form, or the count is below 1.
    """
    worker, _, wanted = target.partition("=")
    if not worker or not wanted.isascii() or not wanted.isdigit() or int(wanted) < 1:
        raise CommandError(
            f"{target!r} is not WORKER=N with N of at least 1.", "simulator scale planner=3"
        )
    return worker, int(wanted)
