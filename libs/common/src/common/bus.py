"""How a worker hears and says: acknowledgement, retries, dead letters, heartbeats and traces in one place.

Handlers decide nothing about delivery. They return, and the message is acknowledged; they raise, and `verdict`
says what that means. Rules B6 and B7 of the reliability reference stand behind the numbers.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid5

from faststream import BaseMiddleware
from faststream.nats import (
    ConsumerConfig,
    JStream,
    NatsBroker,
    NatsMessage,
    NatsRouter,
    PullSub,
)
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from common import telemetry
from common.codec import decode, encode, unfolded
from common.contracts.conversations import (
    ConversationEvent,
    TurnDue,
    TurnFailed,
    TurnTaken,
    turn_event_id,
)
from common.contracts.events import (
    Event,
    SimulationRequested,
    Stage,
    StageCompleted,
    StageFailed,
    StageProgressed,
    StageStarted,
)
from common.contracts.stream import StreamEvent
from common.contracts.values import Value
from common.durations import Durations
from common.errors import MalformedMessage, SimulatorError, TransientError
from common.streams import CONSUMERS, CONVERSATIONS, DLQ, SIMULATIONS, WORKER_SAYS, dlq_subject

logger = logging.getLogger(__name__)

type Handler = Callable[[NatsMessage], Awaitable[None]]

RETRY_DELAYS_S = (1.0, 2.0, 4.0, 8.0)
"""Delays before deliveries 2 to 5; an exception on delivery 5 is final, and the sixth is left for crashes."""
HEARTBEAT_S = 4.0
"""`ack_wait` is 15 s: three heartbeats may be lost before a living worker's job is given to another."""
ACK_TIMEOUT_S = 2.0
PUBLISH_TIMEOUT_S = 5.0
"""FastStream's 0.5 s reports failure for messages that were stored."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Deliver again after `delay_s` seconds (jitter is added)."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Report the stage as failed, keep the message in the DLQ, never deliver it again."""


def verdict(error: Exception, *, delivery: int) -> Retry | GiveUp:
    """What an exception in a handler means. `delivery` counts from 1, as JetStream does.

    Only what is known to pass is tried again; a bus or connection error is.
    """
    passing = isinstance(error, TransientError | NatsError | ConnectionError | TimeoutError)
    if not passing or delivery > len(RETRY_DELAYS_S):
        return GiveUp()
    return Retry(RETRY_DELAYS_S[delivery - 1])


@dataclass(slots=True, kw_only=True)
class Counters:
    """What this process did, for heartbeats and metrics."""

    handled: int = 0
    in_flight: int = 0
    retried: int = 0
    given_up: int = 0
    malformed: int = 0
    redelivered: int = 0
    busy_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Bus:
    """One worker's mouth and ears. `now` and `chance` are given so that tests can hold them still."""

    worker: str
    instance: str
    broker: NatsBroker
    slots: int = 4
    inbox_prefix: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: random.Random = field(default_factory=random.Random)
    counters: Counters = field(default_factory=Counters)
    durations: Durations = field(default_factory=Durations)
    started_after_s: float = 1.0

    def ears(self, router: NatsRouter) -> Callable[[Handler], object]:
        """Decorator: have the handler hear the worker's durable, as the provisioning step declared it."""
        spec = next(consumer for consumer in CONSUMERS if consumer.durable == self.worker)
        subscribe: Callable[[Handler], object] = router.subscriber(
            "",
            config=ConsumerConfig(filter_subjects=list(spec.filters)),
            durable=spec.durable,
            stream=JStream(spec.stream, declare=False),
            pull_sub=PullSub(batch_size=1, timeout=5),
            max_workers=self.slots,
            inbox_prefix=f"{self.inbox_prefix}.".encode(),
        )
        return subscribe

    def questions(self, router: NatsRouter, subject: str) -> Callable[[Handler], object]:
        """Decorator: have the handler hear requests on core NATS; replicas share them. It answers by `answer`."""
        subscribe: Callable[[Handler], object] = router.subscriber(
            subject, queue=self.worker, max_workers=self.slots, no_reply=True
        )
        return subscribe

    async def answer[A: Value](
        self, message: NatsMessage, shape: type[A], act: Callable[[A], Awaitable[Value]]
    ) -> None:
        """Answer one request. Without an answer the asker sees a timeout, so the agent turns errors into outcomes.

        Raises:
            MalformedMessage: the request is no `shape`.
        """
        raw = message.raw_message
        answered = await act(decode(shape, raw.data, raw.headers))
        if raw.reply:
            body, headers = encode(answered)
            telemetry.inject(headers)
            await self.broker.publish(body, raw.reply, headers=headers)
        self.counters.handled += 1

    async def stage[H: SimulationRequested | StageCompleted, R: StageCompleted](
        self,
        message: NatsMessage,
        shapes: Sequence[type[H]],
        act: Callable[[H], Awaitable[R]],
    ) -> R:
        """Hear one event, do the work, say its result and give it back; work that takes long is announced.

        Raises:
            MalformedMessage: the message fits none of `shapes`.
        """
        heard = hear(message.raw_message, shapes)
        async with self._announced(self._started(heard)):
            result = await act(heard)
        await self.say(result)
        return result

    @asynccontextmanager
    async def _announced(self, started: StageStarted) -> AsyncIterator[None]:
        """Say who began once the work has taken `started_after_s`.

        Most stages are over within milliseconds. Six messages per simulation that nobody reads cost the bus six writes
        to its disk, in the way of the results that somebody waits for.
        """
        later = asyncio.create_task(self._mention_later(started))
        try:
            yield
        finally:
            later.cancel()

    async def _mention_later(self, started: StageStarted) -> None:
        await asyncio.sleep(self.started_after_s)
        with suppress(NatsError, TimeoutError):
            await self.mention(started)

    async def turn(
        self, message: NatsMessage, act: Callable[[TurnDue], Awaitable[TurnTaken]]
    ) -> None:
        """Hear that a turn is due, take it, say it.

        Raises:
            MalformedMessage: the message is no `TurnDue`.
        """
        await self.say(await act(hear(message.raw_message, (TurnDue,))))

    async def say(self, event: Event | ConversationEvent) -> None:
        """Publish and wait until the stream has it on disk. A repeat is dropped there by its message id.

        Raises:
            NatsError, TimeoutError: it may or may not be stored; saying it again is safe.
        """
        body, headers = encode(event)
        headers["Nats-Msg-Id"] = event.message_id
        with telemetry.publishing(event.subject, **_ids(event)):
            telemetry.inject(headers)
            await self.broker.publish(
                body,
                event.address,
                headers=headers,
                stream=_stream_of(event),
                timeout=PUBLISH_TIMEOUT_S,
            )

    async def mention(self, event: Event) -> None:
        """Publish without waiting: good to know, and no harm if it is lost."""
        body, headers = encode(event)
        headers["Nats-Msg-Id"] = event.message_id
        telemetry.inject(headers)
        await self.broker.publish(body, event.address, headers=headers)

    async def progressed(
        self,
        cause: SimulationRequested | StageCompleted,
        index: int,
        done: float,
        shown: StreamEvent,
    ) -> None:
        """Mention how far the job is (`done`, 0…1) and show one event; `index` counts from 1 in the job."""
        stage = _stage_of(self.worker)
        await self.mention(
            StageProgressed(
                event_id=uuid5(cause.event_id, f"{StageProgressed.subject}.{self.worker}.{index}"),
                cause_id=cause.event_id,
                simulation_id=cause.simulation_id,
                revision=cause.revision,
                attempt=cause.attempt,
                occurred_at=self.now(),
                stage=stage,
                worker=self.worker,
                index=index,
                done=done,
                stream=(
                    shown.model_copy(update={"event_id": f"r{cause.revision}.{stage}.p{index}"}),
                ),
            )
        )

    async def give_up(self, message: Msg, error: Exception) -> None:
        """Keep the message in the DLQ and, where it can be told which record it is about, fail its stage or turn."""
        await self._bury(message, error)
        cause = _cause(message)
        if isinstance(cause, ConversationEvent):
            await self.say(self._turn_failed(cause, error))
        elif cause is not None and self.worker in WORKER_SAYS:
            await self.say(self._failed(cause, error))

    async def _bury(self, message: Msg, error: Exception) -> None:
        metadata = message.metadata
        headers = {
            **(message.headers or {}),
            "Nats-Msg-Id": f"dlq-{metadata.stream}-{metadata.sequence.stream}",
            "Sim-Subject": message.subject,
            "Sim-Error": error_code(error),
            "Sim-Deliveries": str(metadata.num_delivered),
        }
        await self.broker.publish(
            message.data,
            dlq_subject(self.worker),
            headers=headers,
            stream=DLQ.name,
            timeout=PUBLISH_TIMEOUT_S,
        )

    def _started(self, cause: SimulationRequested | StageCompleted) -> StageStarted:
        return StageStarted(
            event_id=uuid5(cause.event_id, f"{StageStarted.subject}.{self.worker}"),
            cause_id=cause.event_id,
            simulation_id=cause.simulation_id,
            revision=cause.revision,
            attempt=cause.attempt,
            occurred_at=self.now(),
            stage=_stage_of(self.worker),
            worker=self.worker,
            instance=self.instance,
        )

    def _turn_failed(self, cause: ConversationEvent, error: Exception) -> TurnFailed:
        return TurnFailed(
            event_id=turn_event_id(cause, TurnFailed),
            cause_id=cause.event_id,
            conversation_id=cause.conversation_id,
            turn=cause.turn,
            attempt=cause.attempt,
            occurred_at=self.now(),
            error=error_code(error),
            reason=public_reason(error),
        )

    def _failed(self, cause: Event, error: Exception) -> StageFailed:
        return StageFailed(
            event_id=uuid5(cause.event_id, f"{StageFailed.subject}.{self.worker}"),
            cause_id=cause.event_id,
            simulation_id=cause.simulation_id,
            revision=cause.revision,
            attempt=cause.attempt,
            occurred_at=self.now(),
            stage=_stage_of(self.worker),
            worker=self.worker,
            error=error_code(error),
            reason=public_reason(error),
        )


class Outcome(BaseMiddleware):
    """Around every handler: keep the job alive, then ack, delay or give up. Core NATS messages pass through."""

    def __init__(self, msg: Any | None, /, *, context: Any, bus: Bus) -> None:
        super().__init__(msg, context=context)
        self._bus = bus

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: Any) -> Any:
        raw: Msg = msg.raw_message
        if not raw.reply.startswith("$JS.ACK"):
            with telemetry.processing(raw.subject, raw.headers):
                return await call_next(msg)
        counters = self._bus.counters
        counters.in_flight += 1
        counters.redelivered += raw.metadata.num_delivered > 1
        began = asyncio.get_running_loop().time()
        alive = asyncio.create_task(_keep_alive(raw))
        try:
            await self._deliver(call_next, msg, raw)
        finally:
            alive.cancel()
            counters.in_flight -= 1
            taken_s = asyncio.get_running_loop().time() - began
            counters.busy_s += taken_s
            self._bus.durations.add(taken_s)
        return None

    async def _deliver(
        self, call_next: Callable[[Any], Awaitable[Any]], msg: Any, raw: Msg
    ) -> None:
        template, record_id = raw.subject.rsplit(".", 1)
        kind = "conversation" if raw.subject.startswith("conv.") else "simulation"
        attributes: dict[str, str | int] = {
            f"sim.{kind}_id": record_id,
            "sim.delivery": raw.metadata.num_delivered,
        }
        with telemetry.processing(template, raw.headers, **attributes) as span:
            try:
                await call_next(msg)
            except asyncio.CancelledError:  # shutting down: another worker may have it at once
                with suppress(Exception):
                    await raw.nak()
                raise
            except Exception as error:
                telemetry.failed(span, error_code(error))
                span.record_exception(error)
                await self._settle(raw, error)
            else:
                self._bus.counters.handled += 1
                await _acknowledge(raw)

    async def _settle(self, raw: Msg, error: Exception) -> None:
        facts = {"subject": raw.subject, "delivery": raw.metadata.num_delivered}
        counters = self._bus.counters
        counters.malformed += isinstance(error, MalformedMessage)
        match verdict(error, delivery=raw.metadata.num_delivered):
            case Retry(delay_s):
                counters.retried += 1
                logger.warning("will try again", extra=facts, exc_info=error)
                await raw.nak(delay=delay_s * (1 + self._bus.chance.random() / 2))
            case GiveUp():
                counters.given_up += 1
                logger.error("gave up", extra=facts, exc_info=error)
                await self._bus.give_up(raw, error)
                await _acknowledge(raw)


def hear[H: Event | ConversationEvent](message: Msg, shapes: Sequence[type[H]]) -> H:
    """Read a message as the one of `shapes` whose subject it came on.

    Raises:
        MalformedMessage: none fits, or the body names another record than the subject.
    """
    template, record_id = message.subject.rsplit(".", 1)
    for shape in shapes:
        if shape.subject == template:
            event = decode(shape, message.data, message.headers)
            if _record_id(event) != record_id:
                raise MalformedMessage("the body names another record than the subject")
            return event
    raise MalformedMessage(f"not a subject of this worker: {template}")


def _stage_of(worker: str) -> Stage:
    said = WORKER_SAYS[worker][0]
    if not issubclass(said, StageCompleted):
        raise TypeError(f"{worker} says no stage")
    return said.stage


def error_code(error: Exception) -> str:
    """A stable code: ours, or `internal_error` for what nobody foresaw."""
    return error.code if isinstance(error, SimulatorError) else "internal_error"


def public_reason(error: Exception) -> str:
    """A sentence for the user. Errors of other libraries may hold addresses or secrets: they are only logged."""
    if isinstance(error, SimulatorError):
        return str(error)[:500]
    return (
        f"An unexpected {type(error).__name__} ended this stage; the worker's log has the details."
    )


async def _acknowledge(message: Msg) -> None:
    """Confirmed by the server where it can be; a lost ack means one redelivery, which repeats and does no harm."""
    with suppress(NatsError, TimeoutError):
        await message.ack_sync(timeout=ACK_TIMEOUT_S)


async def _keep_alive(message: Msg) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        with suppress(NatsError):
            await message.in_progress()


def _cause(message: Msg) -> Event | ConversationEvent | None:
    """The envelope of a message whose payload may be broken; null when not even that can be read."""
    headers: Mapping[str, str] | None = message.headers
    is_turn = message.subject.startswith(f"{TurnDue.subject}.")
    shape: type[Event | ConversationEvent] = ConversationEvent if is_turn else Event
    try:
        event = shape.model_validate_json(unfolded(message.data, headers))
    except (ValueError, MalformedMessage):
        return None
    return event if message.subject.endswith(f".{_record_id(event)}") else None


def _record_id(event: Event | ConversationEvent) -> str:
    return event.conversation_id if isinstance(event, ConversationEvent) else event.simulation_id


def _stream_of(event: Event | ConversationEvent) -> str:
    is_turn = isinstance(event, ConversationEvent)
    return CONVERSATIONS.name if is_turn else SIMULATIONS.name


def _ids(event: Event | ConversationEvent) -> dict[str, str | int]:
    if isinstance(event, ConversationEvent):
        return {"sim.conversation_id": event.conversation_id, "sim.turn": event.turn}
    return {"sim.simulation_id": event.simulation_id, "sim.revision": event.revision}
