"""The frames of conversations and chat as JSON Schema, for the AsyncAPI document; a test holds them to what is sent."""

from typing import Any, get_args

from gateway.conversations.frames import DELTA, ConversationEventType

type Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_WHOLE: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_FLAG: Schema = {"type": "boolean"}
_STATUS: Schema = {"enum": ["active", "paused", "completed", "failed"]}
_PHASE: Schema = {"enum": ["initialization", "exploration", "discussion", "consensus"]}


def _closed(**fields: Schema) -> Schema:
    return {
        "type": "object",
        "required": list(fields),
        "properties": fields,
        "additionalProperties": False,
    }


PAYLOADS: dict[str, tuple[str, Schema]] = {
    "conversation.message.new": (
        "Somebody said something.",
        _closed(
            id=_TEXT,
            conversation_id=_TEXT,
            number=_WHOLE,
            sender_type={"enum": ["agent", "user"]},
            sender_id=_TEXT,
            content=_TEXT,
            message_type={
                "enum": [
                    "discussion",
                    "question_to_user",
                    "user_response",
                    "proposal",
                    "vote",
                    "consensus",
                    "summary",
                ]
            },
            parent_message_id=_TEXT_OR_NULL,
            requires_user_response=_FLAG,
            phase=_PHASE,
            created_at=_TEXT,
            agent_name=_TEXT_OR_NULL,
            is_from_agent=_FLAG,
            is_from_user=_FLAG,
            is_question_for_user=_FLAG,
            metadata={"type": "object"},
        ),
    ),
    "conversation.status.changed": (
        "It began, was paused, goes on, or is over.",
        _closed(status=_STATUS, previous=_STATUS, reason=_TEXT_OR_NULL),
    ),
    "conversation.phase.changed": ("The next phase.", _closed(phase=_PHASE, previous=_PHASE)),
    "agent.typing": (
        "An agent has the floor, and why it was chosen; before each turn.",
        _closed(agent_id=_TEXT, name=_TEXT, reason=_TEXT, turn=_WHOLE),
    ),
    "agent.response.complete": (
        "The turn was taken, with these messages. `duration_s` from giving the floor.",
        _closed(
            agent_id=_TEXT,
            turn=_WHOLE,
            duration_s=_NUMBER,
            message_ids={"type": "array", "items": _TEXT},
        ),
    ),
    "conversation.consensus.reached": (
        "The decision in short; the whole stands in `GET /api/conversations/{id}`. Shares are 0…1.",
        _closed(
            option_id=_TEXT_OR_NULL,
            option=_TEXT_OR_NULL,
            rule=_TEXT,
            agreement=_NUMBER,
            turnout=_NUMBER,
            final_summary=_TEXT_OR_NULL,
        ),
    ),
}
DELTA_PAYLOAD = _closed(
    turn=_WHOLE,
    agent_id=_TEXT,
    message_id=_TEXT,
    index=_WHOLE,
    content=_TEXT,
    reset=_TEXT_OR_NULL,
)

assert set(PAYLOADS) == set(get_args(ConversationEventType)), "every type is described"


def frame_schema(event_type: str) -> Schema:
    """A whole frame of this type as it goes on the wire."""
    is_delta = event_type == DELTA
    named: dict[str, Schema] = {
        "type": {"const": event_type},
        "event_type": {"const": event_type},
        "conversation_id": _TEXT,
        "category": {"const": "conversation"},
        "source": _TEXT,
        "payload": DELTA_PAYLOAD if is_delta else PAYLOADS[event_type][1],
    }
    numbered: dict[str, Schema] = {"seq": {"type": "integer", "minimum": 1}, "timestamp": _TEXT}
    return _closed(**named) if is_delta else _closed(**named, **numbered)


def messages() -> dict[str, Any]:
    """AsyncAPI messages by event type."""
    found: dict[str, Any] = {
        name: {"name": name, "summary": summary, "payload": frame_schema(name)}
        for name, (summary, _) in PAYLOADS.items()
    }
    summary = "More of a message while a model writes it: no `seq`, not replayed, may be dropped."
    return found | {DELTA: {"name": DELTA, "summary": summary, "payload": frame_schema(DELTA)}}


STATUS = {
    "type": "object",
    "required": ["type", "conversation_id", "status"],
    "properties": {
        "type": {"const": "status"},
        "conversation_id": _TEXT,
        "status": _TEXT,
        "phase": _TEXT_OR_NULL,
        "is_waiting_for_user": _FLAG,
        "seq": _WHOLE,
        "head": _WHOLE,
    },
}
"""The answer to `get_status`."""

CHAT_FRAMES: dict[str, Schema] = {
    "partial": {
        "type": "object",
        "required": ["content", "status"],
        "properties": {"content": _TEXT, "status": {"const": "partial"}},
    },
    "complete": {
        "type": "object",
        "required": ["content", "status", "message_id"],
        "properties": {
            "content": {"const": ""},
            "status": {"const": "complete"},
            "message_id": _TEXT,
            "timestamp": _TEXT,
            "topic": _TEXT_OR_NULL,
            "citations": {"type": "array"},
            "suggestions": {"type": "array"},
            "provenance": {"type": "object"},
        },
    },
    "error": {
        "type": "object",
        "required": ["error", "message", "status"],
        "properties": {"error": _TEXT, "message": _TEXT, "status": {"const": "error"}},
    },
}
"""The `data` of each server-sent event of `POST /chat-stream`; the last one is `complete` or `error`."""
