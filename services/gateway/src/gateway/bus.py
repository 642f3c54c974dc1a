"""The gateway's own connection to NATS: promised messages, live frames, questions to workers."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from common.errors import TransientError
from common.streams import SIMULATIONS
from gateway.settings import GatewaySettings

CONNECT_TIMEOUT_S = 2
RECONNECT_WAIT_S = 0.5
PING_EVERY_S = 5
"""With two unanswered pings a dead line is noticed within 15 s."""

log = logging.getLogger(__name__)


class BusAway(TransientError):
    """NATS cannot be reached, or did not answer in time."""

    code = "bus_unavailable"


class Publisher(Protocol):
    """Where the outbox goes."""

    async def promise(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *, stream: str
    ) -> None:
        """Return once the stream has stored the message.

        Raises:
            BusAway: it is not known to be stored; the same message id may be sent again.
        """
        ...


class Bus:
    """Connects in the background, so that the gateway serves the record also while the bus is away."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._client = Client()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._on_return: set[Callable[[], None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._connect(), name="bus-connect")

    async def ready(self) -> None:
        """Wait until the first connection stands."""
        await self._ready.wait()

    @property
    def client(self) -> Client:
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        return self._client.jetstream(timeout=self._settings.publish_timeout_s)

    @property
    def is_connected(self) -> bool:
        return self._ready.is_set() and self._client.is_connected

    async def promise(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *, stream: str
    ) -> None:
        if not self.is_connected:
            raise BusAway("not connected to NATS")
        try:
            await self.jetstream.publish(
                subject,
                payload,
                timeout=self._settings.publish_timeout_s,
                stream=stream,
                headers=dict(headers),
            )
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusAway(f"the bus did not take the message: {type(error).__name__}") from error

    async def tell(self, subject: str, payload: bytes) -> None:
        """Core publish: whoever listens now hears it. Silent when the bus is away."""
        if not self.is_connected:
            return
        try:
            await self._client.publish(subject, payload)
        except nats.errors.Error as error:
            log.warning("live frames not told", extra={"error": type(error).__name__})

    async def ask(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *, timeout_s: float
    ) -> tuple[bytes, Mapping[str, str]]:
        """A question and its answer.

        Raises:
            BusAway: nobody is there, or nobody answered within `timeout_s` seconds.
        """
        if not self.is_connected:
            raise BusAway("not connected to NATS")
        try:
            answer = await self._client.request(
                subject, payload, timeout=timeout_s, headers=dict(headers)
            )
        except (nats.errors.Error, TimeoutError) as error:
            raise BusAway("no worker answered") from error
        return answer.data, answer.headers or {}

    async def store_id(self) -> str | None:
        """Tells one life of the SIMULATIONS stream from the next; None when it is missing.

        Raises:
            BusAway: the bus cannot be asked.
        """
        if not self.is_connected:
            raise BusAway("not connected to NATS")
        try:
            info = await self.jetstream.stream_info(SIMULATIONS.name)
        except nats.js.errors.NotFoundError:
            return None
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusAway("JetStream did not answer") from error
        return str(info.created)

    async def lags(self, consumers: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """What waits at each (stream, durable).

        Raises:
            BusAway: the bus cannot be asked.
        """
        if not self.is_connected:
            raise BusAway("not connected to NATS")
        try:
            found = await asyncio.gather(
                *(self.jetstream.consumer_info(stream, name) for stream, name in consumers)
            )
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusAway("JetStream did not answer") from error
        return [
            {
                "stream": info.stream_name,
                "consumer": info.name,
                "pending": info.num_pending,
                "unacknowledged": info.num_ack_pending,
                "redelivered": info.num_redelivered,
            }
            for info in found
        ]

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if not self._client.is_closed and self._ready.is_set():
            try:
                await asyncio.wait_for(self._client.close(), CONNECT_TIMEOUT_S)
            except (TimeoutError, nats.errors.Error):
                log.warning("the connection to NATS did not close in time")

    async def _connect(self) -> None:
        while True:
            try:
                await self._client.connect(self._settings.nats_url, **self._options())
            except (OSError, nats.errors.Error, TimeoutError) as error:
                log.warning("NATS is away", extra={"error": type(error).__name__})
                await asyncio.sleep(RECONNECT_WAIT_S)
                self._client = Client()
            else:
                self._ready.set()
                return

    def _options(self) -> dict[str, Any]:
        password = self._settings.nats_password
        options: dict[str, Any] = {
            "name": "gateway",
            "connect_timeout": CONNECT_TIMEOUT_S,
            "reconnect_time_wait": RECONNECT_WAIT_S,
            "max_reconnect_attempts": -1,
            "ping_interval": PING_EVERY_S,
            "max_outstanding_pings": 2,
            "inbox_prefix": self._settings.nats_inbox_prefix,
            "error_cb": self._on_error,
            "reconnected_cb": self._on_reconnect,
            # What this process tells, it has already handed to its own hub.
            "no_echo": True,
        }
        if self._settings.nats_user is not None and password is not None:
            options |= {"user": self._settings.nats_user, "password": password.get_secret_value()}
        return options

    async def _on_error(self, error: Exception) -> None:
        log.warning("NATS", extra={"error": f"{type(error).__name__}: {error}"})

    async def _on_reconnect(self) -> None:
        log.info("NATS is back")
        for callback in tuple(self._on_return):
            callback()

    @contextmanager
    def on_return(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` whenever a lost connection stands again, for the length of the block."""
        self._on_return.add(callback)
        try:
            yield
        finally:
            self._on_return.discard(callback)
