"""Conversations and messages as callers see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.frames import iso
from gateway.repositories.conversations import Conversation


def conversation_body(found: Conversation) -> dict[str, Any]:
    """The public fields; `decision` is null until there is one."""
    base = f"/api/conversations/{found.id}"
    body: dict[str, Any] = {
        "id": found.id,
        "goal_description": found.goal_description,
        "status": found.status,
        "phase": found.phase,
        "final_summary": found.final_summary,
        "decision": found.decision,
        "created_at": iso(found.created_at),
        "updated_at": iso(found.updated_at),
        "finished_at": _moment(found.finished_at),
        "archived_at": _moment(found.archived_at),
        "message_count": found.message_count,
        "is_started": found.turn > 0,
        "is_waiting_for_user": found.pending_question is not None and not found.is_over,
        "pending_question_id": found.pending_question,
        "next_speaker": found.next_speaker,
        "turn": found.turn,
        "simulation_id": found.simulation_id,
        "bounds": found.bounds,
        "metadata": found.metadata,
        "spent_s": round(found.spent_s, 3),
        "spent_usd": found.spent_usd,
        "seq": found.next_seq - 1,
        "links": {
            "self": base,
            "messages": f"{base}/messages",
            "socket": f"/ws/conversations/{found.id}",
        },
    }
    if found.error:
        body |= {"error": found.error, "reason": found.reason}
    return body


def message_body(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "conversation_id": row["conversation_id"],
        "number": row["number"],
        "sender_type": row["sender_type"],
        "sender_id": row["sender_id"],
        "content": row["content"],
        "message_type": row["message_type"],
        "parent_message_id": row["parent_message_id"],
        "requires_user_response": row["requires_user_response"],
        "phase": row["phase"],
        "created_at": iso(row["created_at"]),
        "agent_name": row["agent_name"],
        "is_from_agent": row["sender_type"] == "agent",
        "is_from_user": row["sender_type"] == "user",
        "is_question_for_user": row["message_type"] == "question_to_user",
        "metadata": row["metadata"],
    }


def question_body(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "message_id": row["message_id"],
        "text": row["text"],
        "why": row["why"],
        "asked_by": row["asked_by"],
        "addressee": row["addressee"],
        "policy": row["policy"],
        "default": row["default_answer"],
        "options": row["options"],
        "status": row["status"],
        "answer_message_id": row["answer_message_id"],
        "asked_at": iso(row["asked_at"]),
        "deadline_at": _moment(row["deadline_at"]),
        "answered_at": _moment(row["answered_at"]),
    }


def _moment(value: datetime | None) -> str | None:
    return iso(value) if value else None
