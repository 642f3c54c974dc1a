"""A worker's sign of life on core NATS, read by the gateway's status page."""

from datetime import datetime

from common.contracts.values import Value

HEARTBEAT_EVERY_S = 2.0
LOST_AFTER_S = 6.0


class Heartbeat(Value):
    """Counters are since the process started; `busy_s` sums the seconds of all jobs."""

    worker: str
    instance: str
    pid: int
    started_at: datetime
    sent_at: datetime
    slots: int = 1
    in_flight: int = 0
    handled: int = 0
    retried: int = 0
    given_up: int = 0
    malformed: int = 0
    redelivered: int = 0
    busy_s: float = 0.0
    rss_bytes: int | None = None
    tasks: int | None = None
    """asyncio tasks that are not done: a number that grows is a leak."""
