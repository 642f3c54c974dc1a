"""What a check found, before it is weighed."""

from dataclasses import dataclass

from common.contracts.editing import Severity


@dataclass(frozen=True, slots=True)
class Found:
    """A defect with its nodes in the graph's order. `severity` None means the usual one of its code."""

    code: str
    nodes: tuple[str, ...]
    message: str
    suggestion: str
    severity: Severity | None = None
