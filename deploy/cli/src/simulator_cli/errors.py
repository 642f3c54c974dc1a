"""What the command says when it cannot do what was asked."""


class CommandError(Exception):
    """Ends the command with exit code 1. `hint` says what to do next."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Refused(CommandError):
    """The gateway answered with a problem document."""

    def __init__(self, status: int, code: str, message: str, hint: str | None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code


class Unreachable(CommandError):
    """No answer from the gateway."""
