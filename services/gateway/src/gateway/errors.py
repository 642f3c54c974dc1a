"""What can go wrong for a caller: each error knows its status, its stable code and what to do next."""

from collections.abc import Sequence
from typing import Any, ClassVar

from common.errors import SimulatorError


class ApiError(SimulatorError):
    """`detail` is for a person; `suggestion` says what to do next; `retry_after_s` is sent as a header."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    suggestion: str | None = None
    retry_after_s: int | None = None

    def __init__(
        self, detail: str, *, suggestion: str | None = None, details: Sequence[Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.suggestion = suggestion or self.suggestion
        self.details = details


class InvalidRequest(ApiError):
    status, title, code = 422, "Validation failed", "validation_error"


class NotFound(ApiError):
    status, title, code = 404, "Not found", "not_found"


class SimulationNotFound(NotFound):
    code = "simulation_not_found"
    suggestion = "List what exists with GET /simulations."

    def __init__(self, simulation_id: str) -> None:
        super().__init__(f"There is no simulation {simulation_id!r}.")


class ScenarioNotFound(NotFound):
    code = "scenario_not_found"
    suggestion = "List what exists with GET /scenarios."

    def __init__(self, scenario_id: str) -> None:
        super().__init__(f"There is no scenario {scenario_id!r}.")


class ConversationNotFound(NotFound):
    code = "conversation_not_found"
    suggestion = "List what exists with GET /api/conversations."

    def __init__(self, conversation_id: str) -> None:
        super().__init__(f"There is no conversation {conversation_id!r}.")


class MessageNotFound(NotFound):
    code = "message_not_found"

    def __init__(self, message_id: str) -> None:
        super().__init__(f"There is no message {message_id!r}.")


class AgentNotFound(NotFound):
    code = "agent_not_found"
    suggestion = "List what exists with GET /api/agents."

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"There is no agent {agent_id!r}.")


class ResultNotReady(ApiError):
    """The simulation exists, the stage that gives this result has not been accepted yet."""

    status, title, code = 409, "Not ready", "not_ready"
    suggestion = (
        "Follow GET /simulations/{id}/stream or ask again once the simulation has completed."
    )
    retry_after_s = 1


class Conflict(ApiError):
    status, title, code = 409, "Conflict", "conflict"


class IdTaken(Conflict):
    code = "simulation_id_taken"
    suggestion = "Choose another simulation_id, or send the same body again to get the same answer."


class AlreadyOver(Conflict):
    code = "already_final"
    suggestion = "A final state never changes; POST /simulations/{id}/rerun starts anew."


class ConversationOver(Conflict):
    code = "conversation_over"
    suggestion = (
        "A conversation that is over stays as it is; start another with POST /api/conversations."
    )


class ConversationIdTaken(Conflict):
    code = "conversation_id_taken"
    suggestion = "Choose another id, or send the same body again to get the same answer."


class AlreadyAnswered(Conflict):
    """Somebody else's answer came first and counts."""

    code = "already_answered"
    suggestion = "Read GET /api/conversations/{id}/messages; say more with a new message."


class Unauthenticated(ApiError):
    """It is not known who asks."""

    status, title, code = 401, "Not authenticated", "unauthenticated"
    suggestion = "Send `Authorization: Bearer sk_…`; a browser opens streams with a ticket from POST /tickets."


class TooManyRequests(ApiError):
    status, title, code = 429, "Too many requests", "rate_limited"
    suggestion = "Wait as long as Retry-After says."
    retry_after_s = 1


class TooManyStreams(ApiError):
    """The tenant holds as many open streams as one process grants it."""

    status, title, code = 429, "Too many streams", "too_many_streams"
    suggestion = "Close streams that nobody reads."
    retry_after_s = 5


class Forbidden(ApiError):
    status, title, code = 403, "Forbidden", "forbidden"


class ChatFailed(ApiError):
    """The assistant answered with an error, or with something that is no answer."""

    status, title, code = 502, "The assistant failed", "chat_failed"
    suggestion = "Ask again; the exchange is in the log."


class ChatLost(ApiError):
    """The assistant fell silent before its answer was complete."""

    status, title, code = 503, "The assistant fell silent", "chat_lost"
    suggestion = "Ask again: another worker answers."
    retry_after_s = 1


class ChatTimeout(ApiError):
    status, title, code = 504, "The assistant took too long", "chat_timeout"
    retry_after_s = 2


class EditRefused(ApiError):
    """The command was understood and cannot be done; the network is as it was."""

    status, title, code = 422, "Edit refused", "edit_refused"


class KeyInProgress(Conflict):
    code = "idempotency_key_in_progress"
    suggestion = "Wait for the first request's answer, then repeat."
    retry_after_s = 1


class KeyReused(InvalidRequest):
    code = "idempotency_key_reused"
    suggestion = "Use a new Idempotency-Key for a new request."


class BodyTooLarge(ApiError):
    status, title, code = 413, "Body too large", "body_too_large"


class MalformedBody(ApiError):
    status, title, code = 400, "Malformed JSON", "malformed_json"
    suggestion = "Send one JSON object encoded as UTF-8."


class UnsupportedMediaType(ApiError):
    status, title, code = 415, "Unsupported media type", "unsupported_media_type"
    suggestion = "Send the body as Content-Type: application/json."


class Unavailable(ApiError):
    status, title, code = 503, "Temporarily unavailable", "temporarily_unavailable"
    suggestion = "Try again in a moment; nothing was lost."
    retry_after_s = 2


class Overloaded(Unavailable):
    code = "overloaded"
    retry_after_s = 5
