"""A gateway to talk to: one given by address, one already running here, or one started for this command."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console

from simulator_cli.client import Gateway
from simulator_cli.console import busy
from simulator_cli.errors import CommandError
from simulator_cli.leases import Leases

if TYPE_CHECKING:
    from simulator_cli.stack.control import Running


@dataclass(frozen=True)
class Session:
    """The gateway, and whether its stack ends with this command."""

    gateway: Gateway
    stops_after: bool


@contextmanager
def open_session(notices: Console, *, url: str | None, keep: bool = False) -> Iterator[Session]:
    """Attach or start; afterwards stop what was started here, however the command ends.

    Args:
        notices: told what happens.
        url: address of a gateway to use instead of a stack on this machine.
        keep: leave a stack that was started here running.

    Raises:
        CommandError: the stack does not start.
    """
    if url:
        with Gateway(url) as gateway:
            yield Session(gateway, stops_after=False)
        return
    with _terminations_as_interrupts(), _stack(notices, keep=keep) as session:
        yield session


@contextmanager
def _stack(notices: Console, *, keep: bool) -> Iterator[Session]:
    from simulator_cli.stack import control

    data_dir = control.default_data_dir()
    leases = Leases(data_dir)
    stops_after = False
    try:
        with leases.hold():
            with leases.starting():
                # Until `ensure` has answered, what it may have begun is ours to stop.
                stops_after = control.status(data_dir).base_url is None
                running = _ensure(notices, data_dir, is_running=not stops_after, keep=keep)
            stops_after = running.started_here and not keep
            with Gateway(running.base_url) as gateway:
                yield Session(gateway, stops_after)
    finally:
        if stops_after:
            _wait_for_others(notices, leases)
            _stop(notices, data_dir)


def _wait_for_others(notices: Console, leases: Leases) -> None:
    """Commands that attached meanwhile finish first; Ctrl-C ends the wait."""
    if not leases.others():
        return
    with busy(notices, "Another command still uses the stack; waiting for it (Ctrl-C: stop now)…"):
        try:
            while leases.others():
                time.sleep(0.2)
        except KeyboardInterrupt:
            return


def _ensure(notices: Console, data_dir: Path, *, is_running: bool, keep: bool) -> "Running":
    from simulator_cli.stack import control

    try:
        if is_running:
            return control.ensure(data_dir)
        began_s = time.monotonic()
        with busy(notices, "Starting NATS, PostgreSQL, the gateway and the workers…"):
            running = control.ensure(data_dir, tied=not keep)
    except control.StackError as error:
        raise CommandError(error.message, error.hint) from error
    notices.print(f"Ready after {time.monotonic() - began_s:.1f} s.")
    return running


def _stop(notices: Console, data_dir: Path) -> None:
    """Not to be interrupted: a second Ctrl-C would leave processes behind."""
    from simulator_cli.stack import control

    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with busy(notices, "Stopping what was started…"):
            control.stop(data_dir)
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def _terminations_as_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP end the command the way Ctrl-C does, so that it cleans up."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {s: signal.signal(s, interrupt) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for which, handler in previous.items():
            signal.signal(which, handler)
