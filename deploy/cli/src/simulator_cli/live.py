"""Live events of a simulation over its websocket: each once and in order, over as many connections as it takes."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from common.contracts.stream import Frame
from common.visible import all_visible
from simulator_cli.errors import Refused, Unreachable

FINAL_EVENTS = frozenset({"simulation_completed", "simulation_failed", "simulation_cancelled"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HOPELESS_CLOSE = frozenset({1003, 1007, 1008, 4001, 4003, 4004, 4400})
"""Close codes after which asking again does not help: bad data, policy, no (such) key, no simulation, bad parameter."""


@dataclass(frozen=True)
class Resume:
    """How to come back after a lost connection: full jitter over a doubling pause.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    first_pause_s: float = 0.2
    longest_pause_s: float = 3.0
    give_up_after_s: float = 30.0
    """Seconds without any new event while the connection keeps failing."""
    silence_s: float = 60.0
    """A connection on which nothing comes for so long is made anew; the events are in the record."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def pause_s(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure in a row, from 1."""
        ceiling = min(self.longest_pause_s, self.first_pause_s * 2.0 ** (failures - 1))
        return ceiling * self.chance()


class _Lost(Exception):
    """The connection broke, or events are missing on it."""


class Follower:
    """Holds the last sequence number over as many connections as it takes."""

    def __init__(
        self, url: str, after: int, resume: Resume, headers: Mapping[str, str] | None = None
    ) -> None:
        self._url = url
        self._headers = headers or {}
        self._seq = after
        self._resume = resume
        self._is_final = False
        self._is_caught_up = False

    def frames(self) -> Iterator[Frame]:
        failures = 0
        broken_since = 0.0
        while not self._is_over:
            before = self._seq
            try:
                yield from self._connection()
                failures = 0 if self._seq > before else failures + 1
            except _Lost:
                failures = 1 if self._seq > before else failures + 1
            if self._is_over:
                return
            if failures <= 1:
                broken_since = self._resume.clock()
            elif self._resume.clock() - broken_since > self._resume.give_up_after_s:
                raise Unreachable(
                    f"The live connection was lost after event {self._seq} and does not come back.",
                    "The simulation goes on; `simulator watch ID` shows it again.",
                )
            self._resume.sleep(self._resume.pause_s(max(1, failures)))

    @property
    def _is_over(self) -> bool:
        """A record may hold an earlier end (of an older revision), so the replay is read to its end."""
        return self._is_final and self._is_caught_up

    def _connection(self) -> Iterator[Frame]:
        from websockets.exceptions import ConnectionClosed, InvalidHandshake
        from websockets.sync.client import connect

        self._is_caught_up = False
        host = urlsplit(self._url).hostname
        try:
            with connect(
                f"{self._url}?after={self._seq}",
                proxy=None if host in LOOPBACK else True,
                compression=None,
                additional_headers=self._headers,
                max_size=None,
                close_timeout=1,
            ) as socket:
                while not self._is_over:
                    message = socket.recv(timeout=self._resume.silence_s)
                    yield from self._heard(json.loads(message))
        except ConnectionClosed as error:
            self._check_close(error)
            raise _Lost from error
        except (OSError, InvalidHandshake, ValueError) as error:
            # TimeoutError is an OSError; a ValueError is a frame cut short by a dying server.
            raise _Lost from error

    def _heard(self, message: Any) -> Iterator[Frame]:
        """Yields the frame when it is the next one; drops repeats; a gap asks for the record again."""
        if not isinstance(message, dict) or "seq" not in message or "event_type" not in message:
            self._controlled(message)
            return
        frame = Frame.model_validate(all_visible(message))
        if frame.seq <= self._seq:
            return
        if frame.seq > self._seq + 1:
            raise _Lost
        self._seq = frame.seq
        self._is_final = frame.event_type in FINAL_EVENTS
        yield frame

    def _controlled(self, message: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "caught_up":
            self._is_caught_up = True
        elif kind == "resync":
            # Another record under this id is shorter than what was seen: it is read from its start.
            self._seq = 0

    def _check_close(self, error: Any) -> None:
        close = error.rcvd
        if self._is_final and close is not None:
            self._is_caught_up = True
        elif close is not None and close.code in _HOPELESS_CLOSE:
            raise Refused(
                close.code, "socket_closed", close.reason or f"Closed with {close.code}.", None
            )
