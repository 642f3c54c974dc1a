"""Who may say and hear what on the bus: one user per service, each with only what it needs.

A denied JetStream call shows up as a client timeout, so the server's log is what to read when one hangs.
"""

from dataclasses import dataclass

from common.contracts.conversations import TurnFailed, TurnTaken
from common.contracts.events import StageFailed, StageProgressed, StageStarted
from common.streams import (
    BUCKETS,
    CHAT_ASK,
    COMPARE_ASK,
    CONSUMERS,
    CONVERSATION,
    EDIT_ASK,
    MODEL_LEDGER,
    PERSONA_ASK,
    PROJECTOR,
    REVIEW_ASK,
    SIMULATIONS,
    STREAMS,
    TURN_PROJECTOR,
    WORKER_SAYS,
    WORKERS,
    StreamSpec,
    dlq_subject,
    heartbeat_subject,
)

_ANSWERS = {
    "planner": (EDIT_ASK, REVIEW_ASK),
    "simulation": (COMPARE_ASK,),
    "conversation": (CHAT_ASK, PERSONA_ASK),
}
"""Request-reply subjects a worker serves."""
_MAX_REPLIES = {"conversation": 5_000}
"""A chat answer arrives piece by piece, with signs of life between; see `common.contracts.chat`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Subjects a user may publish to and subscribe to.

    `may_reply` allows up to `max_replies` messages to the inbox of each request received.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    may_reply: bool = False
    max_replies: int = 1


def inbox(user: str) -> str:
    """A private inbox prefix per user stops one service from reading another's replies."""
    return f"_INBOX_{user}"


def permissions() -> dict[str, Permissions]:
    """Every user of the bus: `admin` provisions, `gateway`, and one per worker kind."""
    return {
        "admin": Permissions(publish=("$JS.API.>",), subscribe=(f"{inbox('admin')}.>",)),
        "gateway": _gateway(),
        **{worker: _worker(worker) for worker in WORKERS},
    }


def _consumer_access(durable: str, stream: str = SIMULATIONS.name) -> tuple[str, ...]:
    return (
        f"$JS.API.CONSUMER.INFO.{stream}.{durable}",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
        f"$JS.ACK.{stream}.{durable}.>",
    )


def _reads(bucket: StreamSpec) -> tuple[str, ...]:
    return (
        f"$JS.API.STREAM.INFO.{bucket.name}",
        f"$JS.API.DIRECT.GET.{bucket.name}.{bucket.subjects[0]}",
    )


def _bucket_access() -> tuple[str, ...]:
    """What workers share about models: read and write values; never purge, delete or change a bucket."""
    return tuple(subject for bucket in BUCKETS for subject in (*_reads(bucket), *bucket.subjects))


def _worker(worker: str) -> Permissions:
    says = tuple(f"{event.subject}.*" for event in WORKER_SAYS.get(worker, ()))
    told = (StageStarted, StageProgressed, StageFailed)
    stages = tuple(f"{event.subject}.*" for event in told) if says else ()
    hears = _consumer_access(worker) if says else ()
    if worker == CONVERSATION.durable:
        says = tuple(f"{event.subject}.*" for event in (TurnTaken, TurnFailed))
        hears = _consumer_access(worker, CONVERSATION.stream)
    return Permissions(
        publish=(
            *says,
            *stages,
            *hears,
            *_bucket_access(),
            dlq_subject(worker),
            heartbeat_subject(worker, "*"),
            "live.v1.progress.*",
        ),
        subscribe=(f"{inbox(worker)}.>", *_ANSWERS.get(worker, ())),
        may_reply=worker in _ANSWERS,
        max_replies=_MAX_REPLIES.get(worker, 1),
    )


def _gateway() -> Permissions:
    """The gateway may create what is missing (a wiped bus must come back without a person), never delete or purge."""
    names = tuple(stream.name for stream in STREAMS)
    return Permissions(
        publish=(
            "sim.v1.>",
            "conv.v1.>",
            "live.v1.>",
            dlq_subject("gateway"),
            EDIT_ASK,
            PERSONA_ASK,
            REVIEW_ASK,
            COMPARE_ASK,
            CHAT_ASK,
            PERSONA_ASK,
            "$JS.API.INFO",
            *(
                f"$JS.API.STREAM.{verb}.{name}"
                for name in names
                for verb in ("INFO", "CREATE", "UPDATE")
            ),
            *(
                f"$JS.API.CONSUMER.DURABLE.CREATE.{spec.stream}.{spec.durable}"
                for spec in CONSUMERS
            ),
            "$JS.API.CONSUMER.INFO.*.*",
            *_reads(MODEL_LEDGER),
            *_consumer_access(PROJECTOR.durable),
            *_consumer_access(TURN_PROJECTOR.durable, TURN_PROJECTOR.stream),
        ),
        subscribe=(f"{inbox('gateway')}.>", "live.v1.>", "worker.v1.heartbeat.>"),
    )
