"""Conversations: five agents discuss a problem, may ask the user, vote, and decide."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response, StreamingResponse

from common.contracts.values import ID_PATTERN
from gateway.routers.bodies import Moment, clean_query
from gateway.routers.conversation_bodies import (
    ChangeBody,
    ConversationBody,
    ImportBody,
    UtteranceBody,
)
from gateway.routers.conversation_live import conversation_stream
from gateway.routers.dependencies import (
    After,
    IdempotencyKey,
    Limit,
    Offset,
    TheGateway,
    answer,
)
from gateway.routers.shapes import PROBLEMS, READ_PROBLEMS
from gateway.services.history import markdown

router = APIRouter(prefix="/api", tags=["conversations"], responses=READ_PROBLEMS)

ConversationIdPath = Annotated[str, Path(pattern=ID_PATTERN, examples=["library-1"])]
Status = Annotated[Literal["active", "paused", "completed", "failed"] | None, Query()]
Type = Annotated[
    Literal[
        "discussion",
        "question_to_user",
        "user_response",
        "proposal",
        "vote",
        "consensus",
        "summary",
    ]
    | None,
    Query(),
]


@router.post("/conversations", status_code=201, responses=PROBLEMS)
async def create_conversation(
    body: ConversationBody, gateway: TheGateway, idempotency_key: IdempotencyKey = None
) -> Response:
    """Nobody speaks before it is started, unless `auto_start` is set."""
    made = await gateway.conversations.begin(body.beginning())
    if body.auto_start:
        made = await gateway.conversations.start(made["id"])
    return answer(made, 201, {"Location": made["links"]["self"]})


@router.get("/conversations")
async def list_conversations(
    gateway: TheGateway,
    status: Status = None,
    archived: bool = False,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """Newest first; `count` is how many are on this page, `total` how many there are."""
    found, total = await gateway.conversations.listed(
        status=status, archived=archived, limit=limit, offset=offset
    )
    body = {"conversations": found, "count": len(found), "total": total}
    return answer(body, headers={"X-Total-Count": str(total)})


@router.delete("/conversations")
async def delete_conversations(
    gateway: TheGateway,
    status: Annotated[Literal["paused", "completed", "failed"] | None, Query()] = None,
    before: Annotated[Moment | None, Query()] = None,
) -> Response:
    """Delete many that are not active: of one status, or unchanged since a moment, or both."""
    return answer(
        {"deleted": await gateway.conversations.delete_many(status=status, before=before)}
    )


@router.post("/conversations/import", status_code=201, responses=PROBLEMS)
async def import_conversation(
    body: ImportBody, gateway: TheGateway, idempotency_key: IdempotencyKey = None
) -> Response:
    """Bring an exported conversation back; an active one comes back paused."""
    made = await gateway.history.bring_back(body.given())
    return answer(made, 201, {"Location": made["links"]["self"]})


@router.get("/conversations/{conversation_id}")
async def read_conversation(conversation_id: ConversationIdPath, gateway: TheGateway) -> Response:
    return answer(await gateway.conversations.read(conversation_id))


@router.put("/conversations/{conversation_id}", responses=PROBLEMS)
async def change_conversation(
    conversation_id: ConversationIdPath, body: ChangeBody, gateway: TheGateway
) -> Response:
    """Pause, resume, end, archive."""
    return answer(await gateway.conversations.change(conversation_id, body.changes()))


@router.delete("/conversations/{conversation_id}", status_code=204, response_class=Response)
async def delete_conversation(conversation_id: ConversationIdPath, gateway: TheGateway) -> Response:
    await gateway.conversations.delete(conversation_id)
    return Response(status_code=204)


@router.post("/conversations/{conversation_id}/start", responses=PROBLEMS)
async def start_conversation(
    conversation_id: ConversationIdPath,
    gateway: TheGateway,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give the floor; starting twice is the same as once."""
    return answer(await gateway.conversations.start(conversation_id))


@router.post("/conversations/{conversation_id}/messages", status_code=201, responses=PROBLEMS)
async def post_message(
    conversation_id: ConversationIdPath,
    body: UtteranceBody,
    gateway: TheGateway,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Answer the open question, or say something of your own; the agents react to it."""
    return answer(await gateway.conversations.speak(conversation_id, body.utterance()), 201)


@router.get("/conversations/{conversation_id}/messages")
async def read_messages(
    conversation_id: ConversationIdPath,
    gateway: TheGateway,
    after: After = 0,
    limit: Limit = 200,
    message_type: Type = None,
) -> Response:
    """In order; `after` is the `number` of the last message you have."""
    found = await gateway.conversations.messages(
        conversation_id, after=after, limit=limit, message_type=message_type
    )
    body = {"messages": found, "count": len(found), "conversation_id": conversation_id}
    return answer(body)


@router.get("/conversations/{conversation_id}/messages/pending")
async def read_pending(conversation_id: ConversationIdPath, gateway: TheGateway) -> Response:
    """Questions that wait for the user."""
    found = await gateway.conversations.pending(conversation_id)
    body = {"messages": found, "count": len(found), "conversation_id": conversation_id}
    return answer(body)


@router.get("/conversations/{conversation_id}/events")
async def read_conversation_events(
    conversation_id: ConversationIdPath,
    gateway: TheGateway,
    after: After = 0,
    limit: Limit = 500,
) -> Response:
    """A page of the stream as stored."""
    page = await gateway.conversation_reader.events_page(conversation_id, after, limit)
    return Response(page, media_type="application/json")


@router.get("/conversations/{conversation_id}/stream", response_class=StreamingResponse)
async def stream_conversation(
    conversation_id: ConversationIdPath,
    gateway: TheGateway,
    after: After = 0,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$")] = None,
) -> Response:
    """Server-sent events from `Last-Event-ID` (or `after`) on; ends with `event: end` when it is over."""
    first = int(last_event_id) if last_event_id else after
    return await conversation_stream(gateway, conversation_id, first)


@router.get("/conversations/{conversation_id}/export", response_class=Response)
async def export_conversation(
    conversation_id: ConversationIdPath,
    gateway: TheGateway,
    format: Literal["json", "markdown"] = "json",
) -> Response:
    """The whole conversation as a file; JSON can be imported again."""
    exported = await gateway.history.export(conversation_id)
    name = f"{conversation_id}.{'md' if format == 'markdown' else 'json'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if format == "markdown":
        return Response(markdown(exported), media_type="text/markdown", headers=headers)
    return answer(exported, headers=headers)


@router.get("/conversations/{conversation_id}/similar")
async def similar_conversations(
    conversation_id: ConversationIdPath,
    gateway: TheGateway,
    limit: Annotated[int, Query(ge=1, le=50)] = 5,
) -> Response:
    """Conversations on like problems, the nearest first."""
    return answer(await gateway.history.similar(conversation_id, limit))


@router.get("/conversations/{conversation_id}/analytics")
async def read_analytics(conversation_id: ConversationIdPath, gateway: TheGateway) -> Response:
    """Turns, shares of speech, agreement, response times, cost."""
    return answer(await gateway.history.analytics(conversation_id))


@router.get("/messages/{message_id}")
async def read_message(
    message_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")], gateway: TheGateway
) -> Response:
    return answer(await gateway.conversations.message(message_id))


@router.get("/search")
async def search_messages(
    *,
    gateway: TheGateway,
    q: Annotated[str, Query(min_length=1, max_length=200)],
    phrase: bool = False,
    agent: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    status: Status = None,
    conversation_id: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    message_type: Type = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000)] = 0,
) -> Response:
    """Full text over all messages; `phrase` wants the words side by side, `-word` leaves out, `or` widens."""
    filters = {
        "agent": agent,
        "status": status,
        "conversation_id": conversation_id,
        "message_type": message_type,
        "since": since,
        "until": until,
    }
    return answer(
        await gateway.history.search(
            clean_query(q) or "", is_phrase=phrase, filters=filters, limit=limit, offset=offset
        )
    )
