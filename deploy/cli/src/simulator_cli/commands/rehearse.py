"""From a scenario to its report: what `demo` and `simulate --watch` share."""

import time
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.text import Text

from simulator_cli.client import Gateway
from simulator_cli.console import make_console, print_json
from simulator_cli.errors import CommandError
from simulator_cli.follow import check_completed, follow
from simulator_cli.rehearsal import read_rehearsal
from simulator_cli.render.next_steps import next_steps
from simulator_cli.render.progress import Progress
from simulator_cli.render.report import report_view
from simulator_cli.render.units import duration, shorten
from simulator_cli.session import open_session


def rehearse(body: dict[str, Any], *, as_json: bool, keep: bool, url: str | None) -> None:
    """Submit, follow, draw, and leave the machine as it was. A failed one is drawn as far as it got.

    Raises:
        CommandError: the scenario is refused, the simulation fails, or the stack does not start.
    """
    console = None if as_json else make_console()
    with open_session(make_console(is_error=True), url=url, keep=keep) as session:
        began_s = time.monotonic()
        if console:
            console.print(Text(shorten(str(body["scenario"]), 400), style="italic"), "", sep="\n")
        simulation_id, ending = _followed(session.gateway, body, console)
        if console:
            told = f"{ending.outcome.capitalize()} after {duration(time.monotonic() - began_s)}."
            console.print(Text(told, style="dim"), "", sep="\n")
        # Why it ended comes before why it cannot be shown.
        with suppress(*([] if ending.outcome == "completed" else [CommandError])):
            _show(session.gateway.report(simulation_id), console)
        check_completed(ending, simulation_id)
        if console:
            console.print(
                next_steps(
                    simulation_id,
                    base_url=session.gateway.base_url,
                    stops_after=session.stops_after,
                    is_remote=url is not None,
                )
            )


def _show(report: dict[str, Any], console: Console | None) -> None:
    if console is None:
        print_json(report)
    else:
        console.print(report_view(read_rehearsal(report)))


def _followed(
    gateway: Gateway, body: dict[str, Any], console: Console | None
) -> tuple[str, Progress]:
    simulation_id = str(gateway.submit(body, wait="none")["simulation_id"])
    try:
        return simulation_id, follow(gateway, simulation_id, console)
    except KeyboardInterrupt:
        # Nobody waits for it any more; where the stack goes on running it would only cost.
        with suppress(CommandError):
            gateway.cancel(simulation_id)
        raise
