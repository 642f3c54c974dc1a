"""What an edit command can come to. Nothing but `Edited` changes the network."""

from dataclasses import dataclass

from common.contracts.network import Network


@dataclass(frozen=True, slots=True)
class Edited:
    """The new network, and each change as a sentence."""

    network: Network
    summary: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeedsAnswer:
    """The command is unclear; `options` are what it may have meant."""

    question: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The command is clear and would break the network."""

    reason: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class Undo:
    """Go `steps` revisions back (negative: forward again), or to `to_revision` (1 is the first)."""

    steps: int | None = 1
    to_revision: int | None = None


type EditResult = Edited | NeedsAnswer | Refused | Undo


class UnclearError(Exception):
    """A phrase fits nothing, or several things. Turned into `NeedsAnswer` at the edge of the editor."""

    def __init__(self, question: str, options: tuple[str, ...] = ()) -> None:
        super().__init__(question)
        self.answer = NeedsAnswer(question, options)


class BreaksNetworkError(Exception):
    """An edit that must not be made. Turned into `Refused` at the edge of the editor."""

    def __init__(self, reason: str, suggestion: str) -> None:
        super().__init__(reason)
        self.refusal = Refused(reason, suggestion)
