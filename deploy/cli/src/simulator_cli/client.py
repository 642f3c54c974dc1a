"""The gateway over HTTP and websocket, as this command uses it."""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

import httpx2

from common.contracts.stream import Frame
from simulator_cli.errors import CommandError

FINAL_EVENTS = frozenset({"simulation_completed", "simulation_failed", "simulation_cancelled"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HOPELESS_CLOSE = frozenset({1003, 1007, 1008, 4004, 4400})
"""Close codes that say that asking again will not help: bad data, policy, no such simulation, bad parameter."""


class Refused(CommandError):
    """The gateway answered with a problem document."""

    def __init__(self, status: int, code: str, message: str, hint: str | None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code


class Unreachable(CommandError):
    """No answer from the gateway."""


@dataclass
class Gateway:
    """One gateway. Close it, or use it as a context.

    `timeout_s` bounds each HTTP exchange; the exchange itself is not repeated here.
    """

    base_url: str
    timeout_s: float = 30.0
    _http: httpx2.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        # A proxy of the environment must not stand between this command and its own machine.
        is_local = urlsplit(self.base_url).hostname in _LOOPBACK
        self._http = httpx2.Client(
            base_url=self.base_url, timeout=self.timeout_s, trust_env=not is_local
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(self, body: dict[str, Any], *, wait: str | None = None) -> dict[str, Any]:
        """Ask for a rehearsal. `wait="none"` answers at once, null as soon as the network is mapped.

        Raises:
            Refused: the scenario or an option is not accepted.
            Unreachable: no answer.
        """
        return self._json("POST", "/simulate", params={"wait": wait} if wait else {}, body=body)

    def simulations(self, limit: int) -> list[dict[str, Any]]:
        """The newest simulations, newest first."""
        answer = self._send("GET", "/simulations", params={"limit": str(limit)})
        return list(answer.json())

    def simulation(self, simulation_id: str) -> dict[str, Any]:
        """State of one simulation."""
        return self._json("GET", self._path(simulation_id))

    def report(self, simulation_id: str) -> dict[str, Any]:
        """All parts of a simulation in one document."""
        return self._json("GET", self._path(simulation_id, "report"))

    def trace(self, simulation_id: str) -> dict[str, Any]:
        """The sampled task's spans."""
        return self._json("GET", self._path(simulation_id, "trace"))

    def export(self, simulation_id: str, format_name: str) -> str:
        """The simulation in a foreign form, as text."""
        path = self._path(simulation_id, "export")
        return self._send("GET", path, params={"format": format_name}).text

    def cancel(self, simulation_id: str) -> None:
        """End a running simulation."""
        self._send("POST", self._path(simulation_id, "cancel"))

    def frames(
        self, simulation_id: str, *, after: int = 0, resume: "Resume | None" = None
    ) -> Iterator[Frame]:
        """Every event after sequence number `after`, each once and in order, until the simulation is over.

        Raises:
            Unreachable: no new event could be had for `resume.give_up_after_s` seconds of trying.
            Refused: the gateway closed the socket for good.
        """
        follower = _Follower(self._socket_url(simulation_id), after, resume or Resume())
        return follower.frames()

    def _json(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: Any = None
    ) -> dict[str, Any]:
        answer = self._send(method, path, params=params, body=body)
        try:
            found = answer.json()
        except ValueError as error:
            raise Unreachable(f"{self.base_url} does not answer like the gateway.") from error
        if not isinstance(found, dict):
            raise Unreachable(f"{self.base_url} does not answer like the gateway.")
        return found

    def _send(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: Any = None
    ) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, params=params or {}, json=body)
        except httpx2.TransportError as error:
            raise Unreachable(
                f"The gateway at {self.base_url} does not answer ({type(error).__name__}).",
                "Start it with `simulator up`, or look at `simulator status` and `simulator logs`.",
            ) from error
        if answer.is_success:
            return answer
        raise refusal(answer)

    def _path(self, simulation_id: str, *rest: str) -> str:
        return "/".join(("/simulations", quote(simulation_id, safe=""), *rest))

    def _socket_url(self, simulation_id: str) -> str:
        parts = urlsplit(self.base_url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        path = f"{parts.path.rstrip('/')}/ws/{quote(simulation_id, safe='')}"
        return urlunsplit((scheme, parts.netloc, path, "", ""))


def refusal(answer: httpx2.Response) -> Refused:
    """A problem document (RFC 9457) as an error for a person; tolerates answers of something else."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    message = problem.get("message") or problem.get("detail") or problem.get("title")
    hint = problem.get("suggestion")
    if answer.is_server_error and problem.get("trace_id"):
        hint = (
            f"{hint or 'Look for it with `simulator logs gateway`.'} trace_id={problem['trace_id']}"
        )
    return Refused(
        answer.status_code,
        str(problem.get("error") or f"http_{answer.status_code}"),
        str(message or f"The gateway answered with status {answer.status_code}."),
        hint,
    )


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


class _Follower:
    """Holds the last sequence number over as many connections as it takes."""

    def __init__(self, url: str, after: int, resume: Resume) -> None:
        self._url = url
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
                proxy=None if host in _LOOPBACK else True,
                compression=None,
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
        frame = Frame.model_validate(message)
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
