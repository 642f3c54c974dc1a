"""The projector: hears everything workers say and has the ledger judge it. Ears only; the ledger decides."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

import nats.errors
import nats.js.errors
from nats.aio.msg import Msg

from common import telemetry
from common.codec import decode
from common.contracts.events import (
    Event,
    StageCompleted,
    StageFailed,
    StageProgressed,
    StageStarted,
)
from common.errors import MalformedMessage, TransientError
from common.streams import DLQ, PROJECTED, PROJECTOR, ConsumerSpec, dlq_subject
from gateway.bus import Bus, BusAway
from gateway.metrics import ACCEPT_SECONDS, MALFORMED
from gateway.pipeline import Verdict
from gateway.pull import PullLoop
from gateway.services.ledger import Ledger

SERVICE = "gateway"
RETRY_S = 0.5
MAX_DELIVERIES = 6
"""After as many an unknown error is believed: the message goes to the DLQ."""
MAX_EARLY_DELIVERIES = 20
EARLY_DELAY_S = 0.1

_SHAPES: dict[str, type[Event]] = {shape.subject: shape for shape in PROJECTED}

log = logging.getLogger(__name__)


class Projector:
    """Several may run: they share the durable consumer, and the row lock keeps them apart."""

    consumer: ClassVar[ConsumerSpec] = PROJECTOR

    def __init__(
        self,
        bus: Bus,
        ledger: Ledger,
        *,
        batch: int,
        concurrency: int,
        declare: Callable[[], Awaitable[None]],
    ) -> None:
        self._bus = bus
        self._ledger = ledger
        self._batch = batch
        self._slots = asyncio.Semaphore(concurrency)
        self._declare = declare

    async def run(self) -> None:
        """Endless; survives the loss of bus, consumer and database."""
        await self._bus.ready()
        while True:
            pull = PullLoop(
                self._bus.client, self.consumer.stream, self.consumer.durable, batch=self._batch
            )
            try:
                await pull.open()
                with self._bus.on_return(pull.reset):
                    await self._consume(pull)
            except nats.js.errors.NotFoundError:
                log.warning("the projector's consumer is gone, declaring it again")
                await self._declare_again()
            except (nats.errors.Error, nats.js.errors.Error) as error:
                log.warning("the projector lost the bus", extra={"error": type(error).__name__})
                await asyncio.sleep(RETRY_S)
            finally:
                await self._close(pull)

    async def _consume(self, pull: PullLoop) -> None:
        while True:
            messages = await pull.next()
            if messages:
                async with asyncio.TaskGroup() as group:
                    for lane in lanes(messages):
                        group.create_task(self._in_order(lane))

    async def _in_order(self, messages: Sequence[Msg]) -> None:
        async with self._slots:
            for message in messages:
                await self.hear(message)

    async def hear(self, message: Msg) -> None:
        """Judge one message and acknowledge it, or ask for it again. A lost ack only repeats the judgement."""
        template = message.subject.rpartition(".")[0]
        with telemetry.processing(template, message.headers) as span:
            try:
                with ACCEPT_SECONDS.time():
                    verdict = await self._judge(template, message)
                span.set_attribute("simulator.verdict", verdict.value)
                await self._answer(message, verdict)
            except MalformedMessage as error:
                await self._bury(message, str(error))
            except TransientError as error:
                telemetry.failed(span, error.code)
                await message.nak(delay=RETRY_S + random.uniform(0, RETRY_S))  # noqa: S311 - jitter
            except Exception as error:
                telemetry.failed(span, type(error).__name__)
                log.exception("a message could not be projected", extra={"template": template})
                await self._again_or_bury(message, error)

    async def _judge(self, template: str, message: Msg) -> Verdict:
        shape = _SHAPES.get(template)
        if shape is None:
            raise MalformedMessage(f"nobody says {template}")
        event = decode(shape, message.data, message.headers)
        if event.simulation_id != message.subject.rpartition(".")[2]:
            raise MalformedMessage("the subject names another simulation than the body")
        match event:
            case StageStarted():
                await self._ledger.started(event)
            case StageProgressed():
                await self._ledger.progress(event)
            case StageFailed():
                await self._ledger.fail(event)
            case StageCompleted():
                return await self._ledger.accept(event)
        return Verdict.ACCEPT

    async def _answer(self, message: Msg, verdict: Verdict) -> None:
        deliveries = message.metadata.num_delivered
        if verdict is Verdict.EARLY and deliveries < MAX_EARLY_DELIVERIES:
            await message.nak(delay=EARLY_DELAY_S * deliveries)
        else:
            await message.ack()

    async def _again_or_bury(self, message: Msg, error: Exception) -> None:
        deliveries = message.metadata.num_delivered
        if deliveries >= MAX_DELIVERIES:
            await self._bury(message, type(error).__name__)
        else:
            await message.nak(delay=RETRY_S * deliveries)

    async def _bury(self, message: Msg, reason: str) -> None:
        """Keep a copy where a person finds it, then forget it; without the copy it stays with us."""
        MALFORMED.inc()
        metadata = message.metadata
        headers = dict(message.headers or {})
        headers["Nats-Msg-Id"] = f"dlq-{metadata.stream}-{metadata.sequence.stream}"
        headers["x-error"] = reason.encode("ascii", "replace").decode()[:200]
        headers["x-subject"] = message.subject
        try:
            await self._bus.promise(dlq_subject(SERVICE), message.data, headers, stream=DLQ.name)
        except BusAway:
            await message.nak(delay=RETRY_S)
        else:
            log.error(
                "a message went to the DLQ", extra={"subject": message.subject, "why": reason}
            )
            await message.ack()

    async def _declare_again(self) -> None:
        try:
            await self._declare()
        except Exception:
            log.exception("the bus could not be declared again")
        await asyncio.sleep(RETRY_S)

    async def _close(self, pull: PullLoop) -> None:
        try:
            await pull.close()
        except (nats.errors.Error, AttributeError):
            log.debug("the pull subscription was gone already")


def lanes(messages: Sequence[Msg]) -> list[list[Msg]]:
    """Messages by simulation, each lane in the order of arrival."""
    by_simulation: dict[str, list[Msg]] = {}
    for message in messages:
        by_simulation.setdefault(message.subject.rpartition(".")[2], []).append(message)
    return list(by_simulation.values())
