"""Conversations after the fact: found again, measured, taken out and brought back."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from common.contracts.conversations import Bounds, Decision
from common.personas import CRITERIA
from gateway.conversations.embedding import embed, literal
from gateway.conversations.shapes import conversation_body, message_body, question_body
from gateway.database import Database, without_nul
from gateway.errors import Conflict, ConversationNotFound
from gateway.frames import iso
from gateway.repositories.conversations import Conversation, ConversationRepository
from gateway.repositories.transcripts import TranscriptRepository
from gateway.tenancy import acting_tenant

MAX_EXPORTED = 10_000
FORMAT = "scenario-simulator/conversation/1"


class HistoryService:
    def __init__(self, database: Database, finder: Database, new_id: Callable[[], UUID]) -> None:
        """`finder` is the gateway's own door, for the text index alone; see `TranscriptRepository.find`."""
        self._database = database
        self._finder = finder
        self._new_id = new_id

    async def search(
        self,
        query: str,
        *,
        is_phrase: bool,
        filters: Mapping[str, Any],
        limit: int,
        offset: int,
    ) -> dict[str, Any]:
        """Messages that hold the words, the best first."""
        async with self._finder.transaction() as connection:
            found = await TranscriptRepository(connection).find(
                query, is_phrase=is_phrase, filters=filters, limit=limit, offset=offset
            )
        async with self._database.statements() as connection:
            rows = await TranscriptRepository(connection).shown(query, found, is_phrase=is_phrase)
        results = [
            row | {"created_at": iso(row["created_at"]), "score": round(float(row["score"]), 4)}
            for row in rows
        ]
        return {"query": query, "results": results, "count": len(results)}

    async def similar(self, conversation_id: str, limit: int) -> dict[str, Any]:
        """Conversations on like problems, the nearest first."""
        async with self._database.transaction() as connection:
            repository = ConversationRepository(connection)
            found = await repository.get(conversation_id)
            if found is None:
                raise ConversationNotFound(conversation_id)
            vector = literal(embed(found.goal_description))
            rows = await repository.alike(vector, besides=conversation_id, limit=limit)
        alike = [
            row
            | {
                "created_at": iso(row["created_at"]),
                "similarity": round(float(row["similarity"]), 4),
            }
            for row in rows
        ]
        return {"conversation_id": conversation_id, "similar": alike, "count": len(alike)}

    async def analytics(self, conversation_id: str) -> dict[str, Any]:
        """Turns, who spoke how much, ballots, agreement, how long answers took, cost."""
        found, said, questions = await self._whole(conversation_id)
        return analytics(found, said, questions)

    async def export(self, conversation_id: str) -> dict[str, Any]:
        """Everything needed to bring it back."""
        found, said, questions = await self._whole(conversation_id)
        return {
            "format": FORMAT,
            "conversation": conversation_body(found),
            "personas": list(found.personas),
            "state": found.state,
            "questions": [question_body(row) for row in questions],
            "messages": [message_body(row) for row in said],
        }

    async def _whole(
        self, conversation_id: str
    ) -> tuple[Conversation, list[dict[str, Any]], list[dict[str, Any]]]:
        async with self._database.transaction() as connection:
            found = await ConversationRepository(connection).get(conversation_id)
            if found is None:
                raise ConversationNotFound(conversation_id)
            transcript = TranscriptRepository(connection)
            said = await transcript.page(conversation_id, limit=MAX_EXPORTED)
            return found, said, await transcript.questions_of(conversation_id)

    async def bring_back(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Store an exported conversation under its id, or under a new one when that is taken by another.

        An active one comes back paused: nobody begins to speak by an import.

        Raises:
            Conflict: two of its messages have one id, or another conversation holds a message of that id.
        """
        try:
            return await self._bring_back(given)
        except IntegrityError as error:
            raise Conflict("An id of its messages is held already.") from error

    async def _bring_back(self, given: Mapping[str, Any]) -> dict[str, Any]:
        given = as_text(given)
        head = given["conversation"]
        conversation_id = head["id"]
        async with self._database.transaction() as connection:
            repository = ConversationRepository(connection)
            vector = literal(embed(head["goal_description"]))
            if not await repository.add(conversation_id, vector, **_columns(given)):
                conversation_id = str(self._new_id())
                await repository.add(conversation_id, vector, **_columns(given))
            rows = [
                _imported(row, n, conversation_id, head["id"])
                for n, row in enumerate(given["messages"], 1)
            ]
            await TranscriptRepository(connection).add(rows)
            found = await repository.get(conversation_id)
        assert found is not None, "it was stored in this transaction"
        return conversation_body(found)


def as_text(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same without NUL characters, which no text column takes."""
    return {str(without_nul(key)): without_nul(value) for key, value in given.items()}


def _columns(given: Mapping[str, Any]) -> dict[str, Any]:
    head = given["conversation"]
    return {
        "goal_description": head["goal_description"],
        "status": head["status"] if head["status"] in {"completed", "failed"} else "paused",
        "phase": head["phase"],
        "bounds": Bounds.model_validate(head.get("bounds") or {}).model_dump(mode="json"),
        "personas": list(given.get("personas") or ()),
        "metadata": dict(head.get("metadata") or {}) | {"imported_from": head["id"]},
        "turn": int(head.get("turn") or 0),
        "state": given.get("state"),
        "decision": _decision(head.get("decision")),
        "final_summary": head.get("final_summary"),
        "message_count": len(given["messages"]),
        "created_at": datetime.fromisoformat(head["created_at"]),
        "request_hash": "",
    }


def _decision(value: Any) -> dict[str, Any] | None:
    return Decision.model_validate(value).model_dump(mode="json") if value else None


def _imported(
    row: Mapping[str, Any], number: int, conversation_id: str, was: str
) -> dict[str, Any]:
    """Message ids stay when the conversation's does; else they are made new from it, so that none is held twice."""
    moved = conversation_id != was

    def renamed(message_id: str | None) -> str | None:
        return f"{message_id}-{conversation_id[:8]}" if moved and message_id else message_id

    return {
        "id": renamed(row["id"]),
        "tenant": acting_tenant(),
        "conversation_id": conversation_id,
        "number": number,
        "sender_type": row["sender_type"],
        "sender_id": row["sender_id"],
        "agent_name": row.get("agent_name"),
        "content": row["content"],
        "message_type": row["message_type"],
        "parent_message_id": renamed(row.get("parent_message_id")),
        "requires_user_response": bool(row.get("requires_user_response")),
        "phase": row.get("phase") or "discussion",
        "metadata": dict(row.get("metadata") or {}),
        "created_at": datetime.fromisoformat(row["created_at"]),
    }


def analytics(
    found: Conversation, said: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Figures of one conversation; times in seconds, null where there is nothing to measure."""
    decision = found.decision or {}
    by_agent: dict[str, int] = {}
    by_type: dict[str, int] = {}
    for row in said:
        by_agent[row["sender_id"]] = by_agent.get(row["sender_id"], 0) + 1
        by_type[row["message_type"]] = by_type.get(row["message_type"], 0) + 1
    answers = [
        (row["answered_at"] - row["asked_at"]).total_seconds()
        for row in questions
        if row["status"] == "answered"
    ]
    end = found.finished_at
    return {
        "conversation_id": found.id,
        "status": found.status,
        "turns": found.turn,
        "messages": len(said),
        "messages_by_sender": dict(sorted(by_agent.items())),
        "messages_by_type": dict(sorted(by_type.items())),
        "words": sum(len(row["content"].split()) for row in said),
        "ballots": max((vote["ballot"] for vote in decision.get("votes", ())), default=0),
        "agreement": decision.get("agreement"),
        "turnout": decision.get("turnout"),
        "rule": decision.get("rule"),
        "dissents": len(decision.get("dissents", ())),
        "minds_changed": sum(bool(vote.get("changed_from")) for vote in decision.get("votes", ())),
        "questions_asked": len(questions),
        "questions_answered": len(answers),
        "answer_time_s_mean": round(sum(answers) / len(answers), 3) if answers else None,
        "turn_time_s_mean": round(found.spent_s / found.turn, 4) if found.turn else None,
        "floor_time_s": round(found.spent_s, 3),
        "duration_s": round((end - found.created_at).total_seconds(), 3) if end else None,
        "cost_usd": found.spent_usd,
        "is_success": found.status == "completed" and bool(decision),
    }


def markdown(exported: Mapping[str, Any]) -> str:
    """The transcript and the decision, for people."""
    head = exported["conversation"]
    lines = [
        f"# {head['goal_description']}",
        "",
        f"Status: {head['status']} · {head['created_at']}",
        "",
    ]
    if head["final_summary"]:
        lines += ["## Decision", "", head["final_summary"], ""]
    if head["decision"]:
        lines += _decision_table(head["decision"])
    lines += ["## Transcript", ""]
    phase = None
    for row in exported["messages"]:
        if row["phase"] != phase:
            phase = row["phase"]
            lines += [f"### {phase.capitalize()}", ""]
        lines += [
            f"**{row['agent_name'] or row['sender_id']}** ({row['message_type']}): {row['content']}",
            "",
        ]
    return "\n".join(lines)


def _decision_table(decision: Mapping[str, Any]) -> list[str]:
    shown = [
        c
        for c in CRITERIA
        if any(s["criterion"] == c for o in decision["options"] for s in o["scores"])
    ]
    lines = [
        "| option | total | " + " | ".join(CRITERIA[c] for c in shown) + " |",
        "|---" * (len(shown) + 2) + "|",
    ]
    for option in decision["options"]:
        scores = {s["criterion"]: s["score"] for s in option["scores"]}
        cells = " | ".join(f"{scores[c]:.2f}" if c in scores else "–" for c in shown)
        lines.append(f"| {option['name']} | {option['total']:.2f} | {cells} |")
    lines += [
        "",
        *(
            f"- {a['text']} ({a['owner']}, {a['estimate_days']:g} days)"
            for a in decision["actions"]
        ),
        "",
    ]
    return lines
