"""The kinds of failure. `common.bus.verdict` says what each kind means for a delivery; nothing else decides it."""


class SimulatorError(Exception):
    """Root of all errors of ours. `code` is stable and may be shown; the message is for a person."""

    code = "internal_error"


class DomainError(SimulatorError):
    """The work cannot be done, however often it is tried: bad input, an impossible request, a broken invariant."""

    code = "domain_error"


class TransientError(SimulatorError):
    """The same work may succeed later: something was away, busy or too slow."""

    code = "temporarily_unavailable"


class MalformedMessage(DomainError):
    """A message on the bus that does not fit its contract: never retried, kept in the DLQ."""

    code = "malformed_message"
