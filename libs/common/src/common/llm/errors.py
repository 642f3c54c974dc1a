"""What can leave this layer, and nothing else can: an agent that catches `ModelError` always has its rules left."""

from dataclasses import dataclass

from common.errors import DomainError, SimulatorError, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One provider that did not answer, and why (a stable code, `spent_s` seconds of the deadline)."""

    provider: str
    model: str
    code: str
    spent_s: float = 0.0


class ModelError(SimulatorError):
    """Root of this layer's errors. `tried` lists the providers in the order they were asked."""

    code = "model_error"

    def __init__(self, message: str, *, tried: tuple[Tried, ...] = ()) -> None:
        super().__init__(message)
        self.tried = tried

    @property
    def because(self) -> str:
        """One phrase for `Provenance.fallback_reason`: the code, and who failed how."""
        who = ", ".join(f"{t.provider}: {t.code}" for t in self.tried)
        return f"{self.code} ({who})" if who else self.code


class NoModelAnswered(ModelError, TransientError):
    """Every provider was asked or skipped, and none answered."""

    code = "model_unavailable"


class DeadlinePassed(ModelError, TransientError):
    """The call's one deadline was over before an answer was whole."""

    code = "model_deadline"


class StreamBroken(ModelError, TransientError):
    """A stream ended early after text had been shown; `partial_text` is what was shown."""

    code = "model_stream_broken"

    def __init__(self, message: str, *, partial_text: str, tried: tuple[Tried, ...] = ()) -> None:
        super().__init__(message, tried=tried)
        self.partial_text = partial_text


class AnswerInvalid(ModelError, DomainError):
    """The model's answer did not fit the schema or the rules, re-asked twice. `problems` are the last ones."""

    code = "model_answer_invalid"

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class ModelRefused(ModelError, DomainError):
    """A provider's moderation or the model itself refused the content; others are not tried behind its back."""

    code = "model_refused"


class ModelMisused(ModelError, DomainError):
    """Our request was wrong (400, 413, 422): a bug of the caller, the same everywhere."""

    code = "model_request_invalid"


class ContextOverflow(ModelError, DomainError):
    """The request is longer than every model's context."""

    code = "model_context_overflow"


class BudgetSpent(ModelError, DomainError):
    """The call could pass a budget, so it was not made."""

    code = "budget_exceeded"
