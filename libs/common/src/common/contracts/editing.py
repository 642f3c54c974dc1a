"""What is asked of the planner about a network, and answered: an edit in plain words, a review of any graph."""

from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from common.contracts.network import Network
from common.contracts.values import Provenance, Value

MAX_COMMAND_CHARS = 2_000

EditOutcome = Literal["edited", "question", "refused", "undo"]
Severity = Literal["info", "minor", "major", "critical"]


class EditAsked(Value):
    """A plain command on a network.

    `history` is how many earlier revisions the asker keeps; null when it does not say.
    """

    network: Network
    command: str = Field(max_length=MAX_COMMAND_CHARS)
    max_agents: int = Field(default=10, ge=1, le=30)
    history: int | None = Field(default=None, ge=0)


class EditAnswered(Value):
    """What became of the command. Only `edited` carries a network; the others changed nothing.

    - `question`: the command is unclear; `options` are answers to choose from.
    - `refused`: it would break the network; `reason` says how, `suggestion` what to say instead.
    - `undo`: the keeper of revisions goes `undo_steps` back (negative: forward again) or to `undo_to_revision`.
    """

    outcome: EditOutcome
    network: Network | None = None
    summary: str = ""
    changes: tuple[str, ...] = ()
    question: str | None = None
    options: tuple[str, ...] = ()
    reason: str | None = None
    suggestion: str | None = None
    undo_steps: int | None = None
    undo_to_revision: int | None = Field(default=None, ge=1)
    provenance: Provenance = Provenance()


class Camel(Value):
    """A shape whose JSON is camelCase, as the frontends of the review know it. Dump it with `by_alias=True`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ReviewAsked(Value):
    """Any graph a frontend draws. Nodes and edges are taken as they are; the reviewer knows many spellings."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]] = Field(default_factory=list)


class Finding(Camel):
    """One defect: where it is, which principle it offends, what to do. `penalty` is what it took from the score."""

    code: str
    severity: Severity
    nodes: tuple[str, ...] = ()
    message: str
    principle: str
    suggestion: str
    penalty: float = 0.0


class ReviewAnswered(Camel):
    """The judgement of a graph. `score` is 0…100 and follows from the findings; null when the graph is unreadable.

    `problem` says which field could not be read, and is null otherwise.
    """

    score: int | None = Field(default=None, ge=0, le=100)
    findings: tuple[Finding, ...] = ()
    violated_principles: tuple[str, ...] = ()
    missing_components: tuple[str, ...] = ()
    suggested_improvements: tuple[str, ...] = ()
    summary: str = ""
    problem: str | None = None
    provenance: Provenance = Provenance()
