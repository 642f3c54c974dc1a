"""A worker process: connect, hear until told to stop, leave in good order; die rather than hang."""

import asyncio
import faulthandler
import logging
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop
from faststream import AckPolicy, FastStream
from faststream.nats import NatsBroker, NatsRouter
from faststream.security import SASLPlaintext
from nats.errors import Error as NatsError

from common import logs, telemetry
from common.bus import Bus, Outcome
from common.heartbeat import HEARTBEAT_EVERY_S, Heartbeat
from common.permissions import inbox
from common.settings import WorkerSettings
from common.streams import heartbeat_subject

logger = logging.getLogger(__name__)

STALLED_AFTER_S = 20
"""An event loop that stood still this long will not come back: the process ends with a traceback."""
REARM_EVERY_S = 5


def run(worker: str, settings: WorkerSettings, make_router: Callable[[Bus], NatsRouter]) -> None:
    """Run one worker until SIGTERM or SIGINT; running jobs get `stop_within_s` seconds to finish."""
    logs.setup(worker, settings.log_level)
    telemetry.setup(f"simulator-{worker}", settings.instance)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(worker, settings, make_router))


async def _serve(
    worker: str, settings: WorkerSettings, make_router: Callable[[Bus], NatsRouter]
) -> None:
    bus = connect(worker, settings)
    bus.broker.include_router(make_router(bus))
    app = FastStream(bus.broker, logger=None)
    background: list[asyncio.Task[None]] = []
    if settings.metrics_port is not None:
        # Imported here: most runs on one machine have no port, and it costs memory.
        from common import exposition

        await exposition.serve(bus, settings.metrics_host, settings.metrics_port, _rss_bytes)

    @app.after_startup
    async def announce() -> None:
        background.append(asyncio.create_task(_watchdog()))
        background.append(asyncio.create_task(_beat(bus, settings)))
        logger.info("ready", extra={"instance": settings.instance, "slots": settings.slots})

    try:
        await app.run()
    finally:
        for task in background:
            task.cancel()
        logger.info("stopped", extra={"handled": bus.counters.handled})


def connect(worker: str, settings: WorkerSettings) -> Bus:
    """The worker's bus; nothing is sent before the broker starts."""
    broker = NatsBroker(
        settings.nats_url,
        security=_security(settings),
        inbox_prefix=inbox(worker),
        name=f"{worker}-{settings.instance}",
        max_reconnect_attempts=-1,  # with a limit, FastStream's pull loop spins at 100 % CPU once it is used up
        reconnect_time_wait=1,
        ping_interval=5,
        max_outstanding_pings=2,
        graceful_timeout=settings.stop_within_s,
        ack_policy=AckPolicy.MANUAL,
        decoder=_raw,
        logger=None,
        error_cb=_log_error,
    )
    bus = Bus(
        worker=worker,
        instance=settings.instance,
        broker=broker,
        slots=settings.slots,
        inbox_prefix=inbox(worker),
    )
    broker.add_middleware(partial(Outcome, bus=bus))
    return bus


def _security(settings: WorkerSettings) -> SASLPlaintext | None:
    if settings.nats_user is None or settings.nats_password is None:
        return None
    return SASLPlaintext(settings.nats_user, settings.nats_password.get_secret_value())


async def _raw(message: object) -> object:
    """Bodies are read by `common.codec`, which knows about compression."""
    return getattr(message, "body", message)


async def _log_error(error: Exception) -> None:
    logger.warning("bus: %s", error)


async def _watchdog() -> None:
    while True:
        faulthandler.dump_traceback_later(STALLED_AFTER_S, exit=True)
        await asyncio.sleep(REARM_EVERY_S)


async def _beat(bus: Bus, settings: WorkerSettings) -> None:
    started_at = datetime.now(UTC)
    subject = heartbeat_subject(bus.worker, bus.instance)
    while True:
        beat = Heartbeat(
            worker=bus.worker,
            instance=bus.instance,
            pid=os.getpid(),
            started_at=started_at,
            sent_at=datetime.now(UTC),
            slots=settings.slots,
            rss_bytes=_rss_bytes(),
            tasks=len(asyncio.all_tasks()),
            **asdict(bus.counters),
        )
        with suppress(NatsError, TimeoutError):
            await bus.broker.publish(beat.model_dump_json().encode(), subject)
        await asyncio.sleep(HEARTBEAT_EVERY_S)


def _rss_bytes() -> int:
    """Resident memory now; where /proc is not there, the peak."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
