"""A question to the chat assistant and its answer: core NATS, request and several replies.

The answer comes on the asker's own reply inbox: first any number of `ChatDelta`, then one `ChatAnswered`. A delta with
no content is a sign of life, sent while the assistant works; an asker that hears nothing for `CHAT_SILENCE_S` seconds
may take the worker for dead. The reply's kind stands in the header `Chat-Reply`.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from common.contracts.values import ID_PATTERN, Provenance, Value

MAX_CHAT_CHARS = 4_000
MAX_HISTORY = 20

CHAT_REPLY_HEADER = "Chat-Reply"
DELTA = "delta"
ANSWER = "answer"

CHAT_BEAT_S = 0.5
CHAT_SILENCE_S = 1.75
"""Three beats may be late before the worker counts as lost."""


class ChatTurn(Value):
    """What was said earlier in the session."""

    role: Literal["user", "assistant"]
    content: str


class ChatAsked(Value):
    """One message of a user, with the record it is about.

    `facts` is the report of the simulation or the conversation named in `metadata` (what `GET /simulations/{id}/report`
    or `GET /api/conversations/{id}/export` answers), null when none was named. `sources` maps a part of the report
    (`interpretation`, `network`, `failures`, `run`, `narrative`) to the id of the stream event it was shown in.
    """

    request_id: str = Field(pattern=ID_PATTERN)
    message: str = Field(min_length=1, max_length=MAX_CHAT_CHARS)
    stream: bool = False
    session_id: str | None = None
    user_id: str | None = None
    simulation_id: str | None = None
    conversation_id: str | None = None
    facts: dict[str, Any] | None = None
    sources: dict[str, str] = Field(default_factory=dict)
    history: tuple[ChatTurn, ...] = ()
    """Oldest first; at most `MAX_HISTORY` turns are read."""
    metadata: dict[str, Any] = Field(default_factory=dict)
    asked_at: datetime | None = None


class ChatCitation(Value):
    """Where a statement stands: `value` at `path` (JSON Pointer) in the payload of the event `event_id`.

    `event_id` is null when the record does not say which event showed it; `path` then leads into the report. For a
    conversation it is the id of a message.
    """

    text: str
    value: float | int | str | bool | None = None
    event_id: str | None = None
    path: str = ""


class ChatDelta(Value):
    """The next piece of the answer; `seq` counts from 1 without a gap. Empty content is a sign of life."""

    request_id: str
    seq: int = Field(ge=1)
    content: str = ""


class ChatAnswered(Value):
    """The whole answer. `topic` is what the question was understood to be about.

    With status `error`, `error` is a stable code and `content` a sentence for the user.
    """

    request_id: str
    message_id: str
    content: str
    status: Literal["complete", "error"] = "complete"
    topic: str = ""
    citations: tuple[ChatCitation, ...] = ()
    suggestions: tuple[str, ...] = ()
    """Questions that the record can answer next."""
    error: str | None = None
    answered_at: datetime
    provenance: Provenance = Provenance()
