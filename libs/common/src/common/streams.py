"""Streams and consumers of the bus, declared once, as data. `common.provision` makes the server agree."""

from dataclasses import dataclass

from common.codec import MAX_MESSAGE_BYTES
from common.contracts.conversations import ConversationEvent, TurnDue, TurnFailed, TurnTaken
from common.contracts.events import (
    ArchitectureEdited,
    ArchitecturePlanned,
    Event,
    FailuresSelected,
    ObservabilityNarrated,
    RunCompleted,
    ScenarioInterpreted,
    SimulationRequested,
    StageFailed,
    StageProgressed,
    StageStarted,
    ToolsMapped,
)

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """A stream; ages and windows in seconds. All are file-backed with fixed limits and explicit discards."""

    name: str
    subjects: tuple[str, ...]
    max_age_s: int
    max_bytes: int
    duplicate_window_s: int
    discard_new: bool = False
    max_msg_bytes: int = MAX_MESSAGE_BYTES
    is_bucket: bool = False
    """A key-value bucket: the last value per key, read directly, written by compare-and-swap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSpec:
    """A durable pull consumer, shared by the replicas of one worker."""

    durable: str
    stream: str
    hears: tuple[type[Event | ConversationEvent], ...]
    ack_wait_s: float = 15.0
    max_deliver: int = 6
    max_ack_pending: int = 256

    @property
    def filters(self) -> tuple[str, ...]:
        return tuple(f"{event.subject}.*" for event in self.hears)


SIMULATIONS = StreamSpec(
    name="SIMULATIONS",
    subjects=("sim.v1.>",),
    max_age_s=DAY_S,
    max_bytes=512 * MIB,
    duplicate_window_s=600,
)
CONVERSATIONS = StreamSpec(
    name="CONVERSATIONS",
    subjects=("conv.v1.>",),
    max_age_s=DAY_S,
    max_bytes=256 * MIB,
    duplicate_window_s=600,
)
DLQ = StreamSpec(
    name="DLQ",
    subjects=("dlq.v1.*",),
    max_age_s=30 * DAY_S,
    max_bytes=64 * MIB,
    duplicate_window_s=HOUR_S,
    discard_new=True,
    # The largest message of the others with the headers that say why it is here; else it could never be buried.
    max_msg_bytes=MAX_MESSAGE_BYTES + 32 * 1024,
)
ADVISORIES = StreamSpec(
    name="ADVISORIES",
    subjects=("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",),
    max_age_s=7 * DAY_S,
    max_bytes=32 * MIB,
    duplicate_window_s=120,
    max_msg_bytes=-1,
)


def _bucket(name: str, *, max_age_s: int, max_bytes: int, discard_new: bool) -> StreamSpec:
    return StreamSpec(
        name=f"KV_{name}",
        subjects=(f"$KV.{name}.>",),
        max_age_s=max_age_s,
        max_bytes=max_bytes,
        duplicate_window_s=120,
        discard_new=discard_new,
        max_msg_bytes=512 * 1024,
        is_bucket=True,
    )


MODEL_STATE = _bucket("MODEL_STATE", max_age_s=HOUR_S, max_bytes=8 * MIB, discard_new=False)
"""Circuits and limits of model providers."""
MODEL_ANSWERS = _bucket("MODEL_ANSWERS", max_age_s=DAY_S, max_bytes=64 * MIB, discard_new=False)
"""Finished answers of models, re-used by redelivered jobs and equal questions."""
MODEL_LEDGER = _bucket("MODEL_LEDGER", max_age_s=35 * DAY_S, max_bytes=64 * MIB, discard_new=True)
"""Money and usage per day and simulation; a full ledger refuses, it does not forget."""
BUCKETS = (MODEL_STATE, MODEL_ANSWERS, MODEL_LEDGER)
STREAMS = (SIMULATIONS, CONVERSATIONS, DLQ, ADVISORIES, *BUCKETS)

WORKER_EARS: dict[str, tuple[type[Event], ...]] = {
    "interpreter": (SimulationRequested,),
    "planner": (ScenarioInterpreted, ArchitectureEdited),
    "mapper": (ArchitecturePlanned,),
    "failure": (ToolsMapped,),
    "simulation": (FailuresSelected,),
    "narrator": (RunCompleted,),
}
"""What each pipeline worker hears."""

WORKER_SAYS: dict[str, tuple[type[Event], ...]] = {
    "interpreter": (ScenarioInterpreted,),
    "planner": (ArchitecturePlanned,),
    "mapper": (ToolsMapped,),
    "failure": (FailuresSelected,),
    "simulation": (RunCompleted,),
    "narrator": (ObservabilityNarrated,),
}

PROJECTED: tuple[type[Event], ...] = (
    StageStarted,
    StageProgressed,
    StageFailed,
    *(event for says in WORKER_SAYS.values() for event in says),
)
"""What the gateway's projector hears: everything workers say."""

PROJECTOR = ConsumerSpec(
    durable="projector",
    stream=SIMULATIONS.name,
    hears=PROJECTED,
    max_deliver=-1,
    max_ack_pending=1_000,
)
CONVERSATION = ConsumerSpec(durable="conversation", stream=CONVERSATIONS.name, hears=(TurnDue,))
"""The worker that speaks in conversations; it also answers chat on core NATS."""
TURN_PROJECTOR = ConsumerSpec(
    durable="turn-projector",
    stream=CONVERSATIONS.name,
    hears=(TurnTaken, TurnFailed),
    max_deliver=-1,
    max_ack_pending=1_000,
)
CONSUMERS: tuple[ConsumerSpec, ...] = (
    *(
        ConsumerSpec(durable=worker, stream=SIMULATIONS.name, hears=ears)
        for worker, ears in WORKER_EARS.items()
    ),
    PROJECTOR,
    CONVERSATION,
    TURN_PROJECTOR,
)

WORKERS = (*WORKER_EARS, CONVERSATION.durable)

EDIT_ASK = "edit.v1.ask"
REVIEW_ASK = "review.v1.ask"
COMPARE_ASK = "compare.v1.ask"
CHAT_ASK = "chat.v1.ask"
PERSONA_ASK = "persona.v1.ask"

LIVE_WORDS = "progress"
"""Kind of the live subject on which a worker shows what a model is writing: `live.v1.progress.<conversation>`."""


def bucket_of(stream: StreamSpec) -> str:
    """The name clients open a bucket by."""
    return stream.name.removeprefix("KV_")


def stream_of(subject: str) -> str:
    """The stream that keeps what is said on this subject."""
    return CONVERSATIONS.name if subject.startswith("conv.") else SIMULATIONS.name


def dlq_subject(worker: str) -> str:
    return f"dlq.v1.{worker}"


def heartbeat_subject(worker: str, instance: str) -> str:
    return f"worker.v1.heartbeat.{worker}.{instance}"


def live_subject(kind: str, record_id: str) -> str:
    """Core NATS: sequenced frames on their way to the hubs of other gateway processes."""
    return f"live.v1.{kind}.{record_id}"
