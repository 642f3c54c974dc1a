"""The running gateway: its parts, made from settings, started and stopped in order."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import nats.errors
import nats.js.errors

from common.errors import TransientError
from common.provision import declare
from common.streams import LIVE_WORDS, heartbeat_subject, live_subject
from gateway.access.keyring import KeyRing
from gateway.bus import Bus, BusAway
from gateway.conversations.fanout import LIVE_KIND as LIVE_CONVERSATIONS
from gateway.conversations.fanout import ConversationFanout
from gateway.database import Database, TenantDatabase
from gateway.fanout import LIVE_KIND, Fanout
from gateway.hub import Hub
from gateway.listening import OutboxListener
from gateway.projector import Projector
from gateway.reaper import Reaper
from gateway.relay import Relay
from gateway.services.agents import AgentService
from gateway.services.asking import Asking
from gateway.services.chatting import ChatService
from gateway.services.comparison import ComparisonService
from gateway.services.conversation_reader import ConversationReader
from gateway.services.conversing import ConversationService
from gateway.services.exporting import ExportService
from gateway.services.floor import Floor
from gateway.services.heads import Heads
from gateway.services.health import HealthService
from gateway.services.history import HistoryService
from gateway.services.ledger import Ledger
from gateway.services.minding import Minder
from gateway.services.model_usage import ModelUsageService
from gateway.services.reader import StreamReader
from gateway.services.records import RecordService
from gateway.services.rerunning import RerunService
from gateway.services.resetting import ResetService
from gateway.services.revising import RevisingService
from gateway.services.status import StatusService, WorkerDirectory
from gateway.services.submission import SubmissionService
from gateway.services.trials import TrialService
from gateway.settings import GatewaySettings
from gateway.tenancy import EVERYONE, acting_for
from gateway.turns import TurnProjector

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
        self.tenants = TenantDatabase(settings)
        self.bus = Bus(settings)
        self.keys = KeyRing(self.database)
        self.hub = Hub(max_frames=settings.feed_frames, max_bytes=settings.feed_bytes)
        self.fanout = Fanout(self.hub, self.bus)
        self.ledger = Ledger(self.database, self.fanout, self.wake, notify=notify)
        self.submissions = SubmissionService(
            self.tenants,
            self.hub,
            self.fanout,
            self.wake,
            new_id,
            deadline_s=settings.deadline_s,
            max_outbox_rows=settings.max_outbox_rows,
            notify=notify,
        )
        self.model_usage = ModelUsageService(self.bus)
        asking = Asking(self.bus, settings.ask_timeout_s)
        self.records = RecordService(self.tenants, self.ledger)
        self.comparisons = ComparisonService(self.records, asking)
        self.reruns = RerunService(
            self.tenants, self.ledger, new_id, deadline_s=settings.deadline_s
        )
        self.revising = RevisingService(
            self.tenants,
            asking,
            self.submissions,
            self.ledger,
            new_id=new_id,
            deadline_s=settings.deadline_s,
        )
        self.exports = ExportService(self.records)
        self.reader = StreamReader(self.tenants, self.hub)
        self.chats = ChatService(
            self.tenants, self.bus, new_id=new_id, now=now, timeout_s=settings.chat_timeout_s
        )
        self.conversation_fanout = ConversationFanout(self.hub, self.bus)
        self.floor = Floor(self.database, self.conversation_fanout, self.wake, notify=notify)
        self.agents = AgentService(self.tenants)
        self.conversations = ConversationService(
            self.tenants,
            Floor(self.tenants, self.conversation_fanout, self.wake, notify=notify),
            self.agents,
            new_id,
        )
        self.conversation_reader = ConversationReader(self.tenants, self.hub)
        self.history = HistoryService(self.tenants, self.database, new_id)
        self.heads = Heads(self.database, self.hub)
        self.trials = TrialService(self.bus, self.agents, timeout_s=settings.chat_timeout_s)
        self.resets = ResetService(self.tenants, settings)
        self.health = HealthService(self.database, self.bus)
        self.directory = WorkerDirectory()
        self.status = StatusService(self.tenants, self.database, self.bus, self.hub, self.directory)
        self._alarm = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_draining(self) -> bool:
        return self.health.is_draining

    async def start(self) -> None:
        """Begin the roles, which work for every tenant.

        Raises:
            UnsafeDatabase: row-level security would not hold on the tenants' connections.
        """
        with acting_for(EVERYONE):
            await self._start()

    async def _start(self) -> None:
        self.bus.start()
        if "http" in self.settings.roles:
            self._run("live", self._hear_live)
            self._run("heads", self._notice_heads)
            self._run("keys", self.keys.run)
        if "relay" in self.settings.roles:
            self._run("relay", self._relay().run)
            if "http" not in self.settings.roles:
                self._run("listener", OutboxListener(self.settings.dsn, self.wake).run)
        if "projector" in self.settings.roles:
            self._run("projector", self._projector().run)
            self._run("turn-projector", self._turn_projector().run)
        if "reaper" in self.settings.roles:
            self._run("reaper", self._reap)
            self._run("minder", Minder(self.database, self.floor, self.bus, self.settings).run)

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
        await self.tenants.close()

    async def declare(self) -> None:
        """Create the streams and consumers that are missing on the bus.

        Raises:
            BusAway: the bus did not answer.
        """
        try:
            await declare(self.bus.jetstream, replicas=self.settings.bus_replicas)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusAway("the streams could not be declared") from error
        self._alarm.set()

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

    def _turn_projector(self) -> TurnProjector:
        return TurnProjector(
            self.bus,
            self.ledger,
            self.floor,
            batch=self.settings.projector_batch,
            concurrency=self.settings.projector_concurrency,
            declare=self.declare,
        )

    async def _reap(self) -> None:
        self._alarm.set()
        reaper = Reaper(
            self.database,
            self.ledger,
            self.bus,
            declare=self.declare,
            alarm=self._alarm,
            settings=self.settings,
        )
        with self.bus.on_return(self._alarm.set):
            await reaper.run()

    async def _hear_live(self) -> None:
        await self.bus.ready()
        client = self.bus.client
        await client.subscribe(live_subject(LIVE_KIND, "*"), cb=self.fanout.hear)
        await client.subscribe(
            live_subject(LIVE_CONVERSATIONS, "*"), cb=self.conversation_fanout.hear
        )
        words = live_subject(LIVE_WORDS, "*")
        await client.subscribe(words, cb=self.conversation_fanout.hear_words)
        await client.subscribe(heartbeat_subject("*", "*"), cb=self.directory.hear)
        await asyncio.Event().wait()

    async def _notice_heads(self) -> None:
        while True:
            await asyncio.sleep(self.settings.head_poll_s)
            with contextlib.suppress(TransientError):
                await self.heads.notice()

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
