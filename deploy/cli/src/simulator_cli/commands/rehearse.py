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
from simulator_cli.render.report import report_view
from simulator_cli.render.units import duration, shorten
from simulator_cli.session import open_session


def rehearse(body: dict[str, Any], *, as_json: bool, keep: bool, url: str | None) -> None:
    """Submit, follow, draw, and leave the machine as it was.

    Raises:
        CommandError: the scenario is refused, the simulation fails, or the stack does not start.
    """
    notices = make_console(is_error=True)
    with open_session(notices, url=url, keep=keep) as session:
        if as_json:
            print_json(_completed_report(session.gateway, body, None))
            return
        console = make_console()
        began_s = time.monotonic()
        console.print(Text(shorten(str(body["scenario"]), 400), style="italic"), "", sep="\n")
        report = _completed_report(session.gateway, body, console)
        took = duration(time.monotonic() - began_s)
        console.print(Text(f"Completed in {took}.", style="dim"), "", sep="\n")
        rehearsal = read_rehearsal(report)
        console.print(report_view(rehearsal))
        console.print(
            next_steps(
                rehearsal.simulation_id,
                base_url=session.gateway.base_url,
                stops_after=session.stops_after,
                is_remote=url is not None,
            )
        )


def _completed_report(
    gateway: Gateway, body: dict[str, Any], console: Console | None
) -> dict[str, Any]:
    simulation_id = str(gateway.submit(body, wait="none")["simulation_id"])
    try:
        check_completed(follow(gateway, simulation_id, console), simulation_id)
    except KeyboardInterrupt:
        # Nobody waits for it any more; where the stack goes on running it would only cost.
        with suppress(CommandError):
            gateway.cancel(simulation_id)
        raise
    return gateway.report(simulation_id)
