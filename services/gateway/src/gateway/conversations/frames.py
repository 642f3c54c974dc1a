"""What a conversation's socket shows: the types of DESIGN section 4, numbered without a gap."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import orjson

from common.contracts.conversations import TurnDelta
from gateway.frames import StoredFrame, iso

ConversationEventType = Literal[
    "conversation.message.new",
    "conversation.status.changed",
    "conversation.phase.changed",
    "agent.typing",
    "agent.response.complete",
    "conversation.consensus.reached",
]
DELTA = "agent.response.delta"
CATEGORY = "conversation"


def frame(
    conversation_id: str,
    seq: int,
    event_type: ConversationEventType,
    payload: Mapping[str, Any],
    now: datetime,
) -> StoredFrame:
    """One event as it is stored, sent and replayed. `type` and `event_type` say the same, for old and new clients."""
    wire = {
        "type": event_type,
        "event_type": event_type,
        "conversation_id": conversation_id,
        "seq": seq,
        "timestamp": iso(now),
        "category": CATEGORY,
        "source": str(payload.get("agent_id") or payload.get("sender_id") or "Gateway"),
        "payload": payload,
    }
    return stored(conversation_id, seq, event_type, orjson.dumps(wire).decode())


def fleeting(delta: TurnDelta) -> StoredFrame:
    """More of a message that a model is writing: no `seq`, in no record, dropped for readers that are slow."""
    payload = delta.model_dump(mode="json", exclude={"conversation_id"})
    wire = {
        "type": DELTA,
        "event_type": DELTA,
        "conversation_id": delta.conversation_id,
        "category": CATEGORY,
        "source": delta.agent_id,
        "payload": payload,
    }
    return stored(delta.conversation_id, 0, DELTA, orjson.dumps(wire).decode())


def stored(conversation_id: str, seq: int, event_type: str, text: str) -> StoredFrame:
    return StoredFrame(
        simulation_id=conversation_id,
        seq=seq,
        revision=1,
        sim_time_s=None,
        event_type=event_type,
        category=CATEGORY,
        text=text,
    )


def read(text: str) -> StoredFrame:
    """A frame from its own text. Raises ValueError, KeyError, TypeError when it is none."""
    wire = orjson.loads(text)
    return stored(wire["conversation_id"], wire["seq"], wire["event_type"], text)


def ends(found: StoredFrame) -> bool:
    """Whether this frame tells that the conversation is over."""
    if found.event_type != "conversation.status.changed":
        return False
    return orjson.loads(found.text)["payload"].get("status") in {"completed", "failed"}
