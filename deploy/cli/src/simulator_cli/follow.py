"""Follows a simulation to its end and shows how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

from simulator_cli.client import Gateway
from simulator_cli.errors import CommandError
from simulator_cli.render.progress import Progress, ProgressView, line


def follow(gateway: Gateway, simulation_id: str, console: Console | None) -> Progress:
    """Hear all events of the simulation; returns how it ended.

    A terminal gets a live view, a pipe one line per finished stage, no console nothing.

    Raises:
        CommandError: the live connection is lost for good.
    """
    state = Progress()
    with _display(console) as show:
        show(state)
        for frame in gateway.frames(simulation_id):
            state = state.hear(frame)
            show(state)
    return state


def check_completed(state: Progress, simulation_id: str) -> None:
    """Raises CommandError with the reason when the simulation did not complete."""
    if state.outcome == "completed":
        return
    ended, hint = _ENDED.get(state.outcome, _UNKNOWN_END)
    reason = f": {state.reason.rstrip('.')}" if state.reason else ""
    raise CommandError(f"Simulation {simulation_id} {ended}{reason}.", hint)


_ENDED = {
    "failed": ("failed", "See why with ./simulator logs, then run it again."),
    "cancelled": ("was cancelled", "./simulator report shows how far it got."),
}
_UNKNOWN_END = ("is not over", "./simulator watch shows it from the beginning.")


@contextmanager
def _display(console: Console | None) -> Iterator[Callable[[Progress], None]]:
    if console is None:
        yield lambda _state: None
    elif console.is_terminal:
        spinner = Spinner("dots")
        with Live(console=console, refresh_per_second=12) as live:
            yield lambda state: live.update(ProgressView(state, spinner))
    else:
        yield _LinePrinter(console)


class _LinePrinter:
    """Prints each stage once, when it is done and what it found is known (or the next one is done too)."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: set[tuple[int, str]] = set()

    def __call__(self, state: Progress) -> None:
        is_over = state.outcome != "running"
        for entry in state.done:
            key = (state.revision, entry.stage)
            is_told = bool(entry.note) or entry is not state.done[-1] or is_over
            if is_told and key not in self._printed:
                self._printed.add(key)
                self._console.print(line(entry, self._console.width))
