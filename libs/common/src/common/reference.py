"""`docs/events.md`, made from the contracts: `python -m common.reference > docs/events.md`."""

import sys
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from common.contracts.conversations import CONVERSATION_EVENTS, ConversationEvent, TurnDue
from common.contracts.events import (
    SIMULATION_EVENTS,
    Event,
    StageFailed,
    StageProgressed,
    StageStarted,
)
from common.contracts.stream import CATEGORY
from common.permissions import permissions
from common.streams import CONSUMERS, STREAMS, WORKER_EARS, WORKER_SAYS

_ENVELOPE = frozenset(Event.model_fields)


def events_page() -> str:
    """The whole page; a test compares it with the file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Events on the bus"
    yield ""
    yield "Made from the contracts by `python -m common.reference`; a test fails when it is stale."
    yield ""
    yield from _envelope()
    yield from _facts()
    yield from _turns()
    yield from _streams()
    yield from _access()
    yield from _client_events()


def _envelope() -> Iterator[str]:
    yield "## Envelope"
    yield ""
    yield (
        "Every fact carries these fields. `event_id` is uuid5 of the cause and the subject, so a redelivered "
        "job repeats its result and does not multiply it; `Nats-Msg-Id` is `event_id`, with `.<attempt>` when "
        "the reaper had the work done again. Bodies above 64 KiB are gzip (`Content-Encoding: gzip`). Headers "
        "carry the W3C trace context. Readers ignore fields they do not know."
    )
    yield ""
    yield "| field | type | |"
    yield "|---|---|---|"
    for name, field in Event.model_fields.items():
        yield f"| `{name}` | {_type(field)} | {'required' if field.is_required() else 'optional'} |"
    yield ""


def _facts() -> Iterator[str]:
    yield "## Facts of a simulation"
    yield ""
    yield "| subject | said by | heard by | carries beside the envelope |"
    yield "|---|---|---|---|"
    for event in SIMULATION_EVENTS:
        fields = ", ".join(
            f"`{name}`: {_type(field)}"
            for name, field in event.model_fields.items()
            if name not in _ENVELOPE
        )
        yield f"| `{event.subject}.<simulation_id>` | {_said_by(event)} | {_heard_by(event)} | {fields or '–'} |"
    yield ""
    for event in SIMULATION_EVENTS:
        yield f"- **{event.__name__}**: {' '.join((event.__doc__ or '').split())}"
    yield ""


def _turns() -> Iterator[str]:
    yield "## Facts of a conversation"
    yield ""
    yield (
        "The envelope carries `conversation_id` and `turn` in place of `simulation_id` and `revision`. The whole "
        "state of the deliberation travels with each turn."
    )
    yield ""
    yield "| subject | said by | heard by | carries beside the envelope |"
    yield "|---|---|---|---|"
    for event in CONVERSATION_EVENTS:
        fields = ", ".join(
            f"`{name}`: {_type(field)}"
            for name, field in event.model_fields.items()
            if name not in ConversationEvent.model_fields
        )
        said, heard = (
            ("gateway", "conversation") if event is TurnDue else ("conversation", "gateway")
        )
        yield f"| `{event.subject}.<conversation_id>` | {said} | {heard} | {fields} |"
    yield ""
    for event in CONVERSATION_EVENTS:
        yield f"- **{event.__name__}**: {' '.join((event.__doc__ or '').split())}"
    yield ""


def _streams() -> Iterator[str]:
    yield "## Streams and consumers"
    yield ""
    yield "| stream | subjects | kept (h) | at most (MiB) | repeats recognised for (s) |"
    yield "|---|---|---|---|---|"
    for stream in STREAMS:
        subjects = ", ".join(f"`{subject}`" for subject in stream.subjects)
        yield (
            f"| {stream.name} | {subjects} | {stream.max_age_s // 3600} | {stream.max_bytes // 2**20} "
            f"| {stream.duplicate_window_s} |"
        )
    yield ""
    yield "| durable | stream | hears | ack wait (s) | deliveries |"
    yield "|---|---|---|---|---|"
    for consumer in CONSUMERS:
        hears = ", ".join(f"`{event.subject}`" for event in consumer.hears)
        most = "without end" if consumer.max_deliver < 0 else str(consumer.max_deliver)
        yield f"| {consumer.durable} | {consumer.stream} | {hears} | {consumer.ack_wait_s:g} | {most} |"
    yield ""


def _access() -> Iterator[str]:
    yield "## Who may say and hear what"
    yield ""
    yield "| user | publishes | subscribes |"
    yield "|---|---|---|"
    for user, allowed in permissions().items():
        publish = ", ".join(f"`{subject}`" for subject in allowed.publish)
        subscribe = ", ".join(f"`{subject}`" for subject in allowed.subscribe)
        yield f"| {user} | {publish} | {subscribe}{' (and replies)' if allowed.may_reply else ''} |"
    yield ""


def _client_events() -> Iterator[str]:
    yield "## Events as clients see them"
    yield ""
    yield (
        "On websocket and SSE alike: `simulation_id`, `seq` (gapless from 1), `timestamp`, `sim_time_s`, "
        "`event_type`, `category`, `source`, `event_id`, `revision`, `payload`."
    )
    yield ""
    yield "| event_type | category |"
    yield "|---|---|"
    for event_type, category in CATEGORY.items():
        yield f"| `{event_type}` | {category} |"


def _said_by(event: type[Event]) -> str:
    if event in (StageStarted, StageProgressed, StageFailed):
        return "every pipeline worker"
    return next((worker for worker, says in WORKER_SAYS.items() if event in says), "gateway")


def _heard_by(event: type[Event]) -> str:
    workers = [worker for worker, ears in WORKER_EARS.items() if event in ears]
    said_by_worker = _said_by(event) != "gateway"
    return (
        ", ".join([*workers, *(["gateway"] if said_by_worker else [])]) or "whoever wants to know"
    )


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    name = getattr(annotation, "__name__", str(annotation)) if annotation else "any"
    text = str(annotation) if "[" in str(annotation) or "|" in str(annotation) else name
    for module in ("common.contracts.", "typing.", "uuid.", "datetime."):
        text = text.replace(module, "")
    return text.split(".")[-1].replace("|", "or") if "[" not in text else _generic(text)


def _generic(text: str) -> str:
    inner = text.partition("[")[2].rstrip("]").split(",")[0].split(".")[-1]
    return f"list of {inner}" if text.startswith("tuple") else text.rsplit(".", maxsplit=1)[-1]


if __name__ == "__main__":
    sys.stdout.write(events_page())
