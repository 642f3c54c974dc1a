"""The running gateway: its parts, made from settings, started and stopped in order."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from common.errors import TransientError
from common.provision import declare
from common.streams import live_subject
from gateway.bus import Bus
from gateway.database import Database
from gateway.fanout import LIVE_KIND, Fanout
from gateway.hub import Hub
from gateway.projector import Projector
from gateway.relay import Relay
from gateway.services.health import HealthService
from gateway.services.ledger import Ledger
from gateway.services.reader import StreamReader
from gateway.services.submission import SubmissionService
from gateway.settings import GatewaySettings

RESTART_S = 1.0

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Gateway:
    """Everything routes and roles need. `now` and `new_id` are given, so that tests can choose them."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        now: Callable[[], datetime] = utc_now,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self.settings = settings
        self.now = now
        self.wake = asyncio.Event()
        notify = "relay" not in settings.roles
        self.database = Database(settings)
        self.bus = Bus(settings)
        self.hub = Hub(max_frames=settings.feed_frames, max_bytes=settings.feed_bytes)
        self.fanout = Fanout(self.hub, self.bus)
        self.ledger = Ledger(self.database, self.fanout, self.wake, notify=notify)
        self.submissions = SubmissionService(
            self.database,
            self.hub,
            self.fanout,
            self.wake,
            new_id,
            deadline_s=settings.deadline_s,
            max_outbox_rows=settings.max_outbox_rows,
            notify=notify,
        )
        self.reader = StreamReader(self.database, self.hub)
        self.health = HealthService(self.database, self.bus)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_draining(self) -> bool:
        return self.health.is_draining

    async def start(self) -> None:
        self.bus.start()
        if "http" in self.settings.roles:
            self._run("live", self._hear_live)
            self._run("heads", self._notice_heads)
        if "relay" in self.settings.roles:
            self._run("relay", self._relay().run)
        if "projector" in self.settings.roles:
            self._run("projector", self._projector().run)

    def drain(self) -> None:
        """Take no new work and send readers away; they resume at another process."""
        self.health.is_draining = True
        self.hub.close()

    async def stop(self) -> None:
        self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.bus.close()
        await self.database.close()

    async def declare(self) -> None:
        """Create the streams and consumers that are missing on the bus."""
        await declare(self.bus.jetstream)

    def _relay(self) -> Relay:
        return Relay(
            self.database,
            self.bus,
            self.wake,
            batch=self.settings.relay_batch,
            poll_s=self.settings.relay_poll_s,
        )

    def _projector(self) -> Projector:
        return Projector(
            self.bus,
            self.ledger,
            batch=self.settings.projector_batch,
            concurrency=self.settings.projector_concurrency,
            declare=self.declare,
        )

    async def _hear_live(self) -> None:
        await self.bus.ready()
        await self.bus.client.subscribe(live_subject(LIVE_KIND, "*"), cb=self.fanout.hear)
        await asyncio.Event().wait()

    async def _notice_heads(self) -> None:
        while True:
            await asyncio.sleep(self.settings.head_poll_s)
            with contextlib.suppress(TransientError):
                await self.reader.notice_heads()

    def _run(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.append(asyncio.create_task(_for_ever(name, work), name=name))


async def _for_ever(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A role that fails is started again; only cancelling ends it."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("a role failed and is started again", extra={"role": name})
        await asyncio.sleep(RESTART_S)
