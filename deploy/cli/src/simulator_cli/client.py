"""The gateway as this command uses it: over HTTP here, its live events in `live`."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

import httpx2

from common.contracts.stream import Frame
from common.visible import all_visible
from simulator_cli.errors import Refused, Unreachable
from simulator_cli.live import LOOPBACK, Follower, Resume

API_KEY = "SIMULATOR_API_KEY"
"""Where a key is found, for a gateway that asks for one."""


def authorization(api_key: str | None = None) -> dict[str, str]:
    """The header for `api_key`, or for the key of the environment; empty when there is none."""
    key = api_key or os.environ.get(API_KEY)
    return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass
class Gateway:
    """One gateway. Close it, or use it as a context.

    `timeout_s` bounds each HTTP exchange; the exchange itself is not repeated here.
    """

    base_url: str
    timeout_s: float = 30.0
    api_key: str | None = field(default_factory=lambda: os.environ.get(API_KEY), repr=False)
    _http: httpx2.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.base_url = self.base_url.rstrip("/")
        # A proxy of the environment must not stand between this command and its own machine.
        is_local = urlsplit(self.base_url).hostname in LOOPBACK
        self._http = httpx2.Client(
            base_url=self.base_url,
            timeout=self.timeout_s,
            trust_env=not is_local,
            headers=self._headers,
        )

    @property
    def _headers(self) -> dict[str, str]:
        return authorization(self.api_key)

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
        return list(all_visible(answer.json()))

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
        self, simulation_id: str, *, after: int = 0, resume: Resume | None = None
    ) -> Iterator[Frame]:
        """Every event after sequence number `after`, each once and in order, until the simulation is over.

        Raises:
            Unreachable: no new event could be had for `resume.give_up_after_s` seconds of trying.
            Refused: the gateway closed the socket for good.
        """
        follower = Follower(
            self._socket_url(simulation_id), after, resume or Resume(), headers=self._headers
        )
        return follower.frames()

    def begin_conversation(self, body: dict[str, Any]) -> dict[str, Any]:
        """Have the agents discuss a problem; they begin at once.

        Raises:
            Refused: the problem or a setting is not accepted.
        """
        return self._json("POST", "/api/conversations", body={**body, "auto_start": True})

    def conversation(self, conversation_id: str) -> dict[str, Any]:
        """How a conversation stands."""
        return self._json("GET", _conversation(conversation_id))

    def messages(self, conversation_id: str, after: int) -> list[dict[str, Any]]:
        """What was said after message number `after`."""
        path = _conversation(conversation_id, "messages")
        return list(self._json("GET", path, params={"after": str(after)})["messages"])

    def pending(self, conversation_id: str) -> list[dict[str, Any]]:
        """Questions that wait for the user."""
        return list(
            self._json("GET", _conversation(conversation_id, "messages/pending"))["messages"]
        )

    def say(self, conversation_id: str, content: str, parent: str | None = None) -> dict[str, Any]:
        """Say something in a conversation, or answer the question in message `parent`."""
        body = {"content": content, "parent_message_id": parent}
        return self._json("POST", _conversation(conversation_id, "messages"), body=body)

    def exported_conversation(self, conversation_id: str) -> dict[str, Any]:
        """The whole conversation."""
        return self._json("GET", _conversation(conversation_id, "export"))

    def chat(self, content: str, metadata: dict[str, str]) -> Iterator[dict[str, Any]]:
        """The assistant's answer in frames as they come; the last has status `complete` or `error`.

        Raises:
            Refused: the question is not accepted.
            Unreachable: no answer.
        """
        body = {"message": {"content": content, "metadata": metadata}}
        try:
            with self._http.stream("POST", "/chat-stream", json=body) as answer:
                if not answer.is_success:
                    answer.read()
                    raise refusal(answer)
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        yield all_visible(json.loads(line.removeprefix("data: ")))
        except httpx2.TransportError as error:
            raise Unreachable(f"The gateway at {self.base_url} broke off.") from error

    def _json(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: Any = None
    ) -> dict[str, Any]:
        answer = self._send(method, path, params=params, body=body)
        try:
            found = all_visible(answer.json())
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


def _conversation(conversation_id: str, *rest: str) -> str:
    return "/".join(("/api/conversations", quote(conversation_id, safe=""), *rest))


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
