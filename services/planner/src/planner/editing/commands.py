"""The commands an edit can hold, as they were said: phrases are not yet resolved to agents or tools."""

from dataclasses import dataclass
from typing import Literal

from common.contracts.network import ConnectionKind, ModelClass, Pattern

type Where = Literal["after", "before", "between", "beside", "under", "first", "last"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new agent stands: after, before or beside `one`, between `one` and `two`, called by `one` (under)."""

    where: Where
    one: str = ""
    two: str = ""


@dataclass(frozen=True, slots=True)
class AddAgent:
    name: str
    duty: str = ""
    place: Place | None = None
    tool: str = ""


@dataclass(frozen=True, slots=True)
class AddVerifier:
    """`rounds`: how often work may go back; None leaves it to the default."""

    name: str
    place: Place | None = None
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class AddApproval:
    who: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """An agent, or a tool taken from everybody. `with_tools`: its tools may vanish with it."""

    what: str
    with_tools: bool = False


@dataclass(frozen=True, slots=True)
class Rename:
    what: str
    name: str


@dataclass(frozen=True, slots=True)
class Merge:
    agents: tuple[str, ...]
    name: str = ""
    keep: str = ""
    """The agent whose name and place the result keeps; empty: the first."""


@dataclass(frozen=True, slots=True)
class Split:
    agent: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddTool:
    """A tool for nobody in particular."""

    tool: str


@dataclass(frozen=True, slots=True)
class GiveTool:
    agent: str
    tool: str


@dataclass(frozen=True, slots=True)
class TakeTool:
    agent: str
    tool: str


@dataclass(frozen=True, slots=True)
class MoveTool:
    tool: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Connect:
    source: str
    target: str
    kind: ConnectionKind = "handoff"
    rounds: int | None = None
    """Set for a way back: how often one task may take it."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    source: str
    target: str
    both_ways: bool = False


@dataclass(frozen=True, slots=True)
class SetModel:
    agent: str
    wanted: ModelClass | Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class SetConcurrency:
    """`number` tasks at once, or `factor` times as many as now."""

    agent: str
    number: int | None = None
    factor: float | None = None


@dataclass(frozen=True, slots=True)
class SetPattern:
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class GoBack:
    steps: int | None = 1
    to_revision: int | None = None


@dataclass(frozen=True, slots=True)
class SetBound:
    """How often work may take a way back that is there; without `two` the one that `one` has."""

    one: str
    two: str
    rounds: int


@dataclass(frozen=True, slots=True)
class NameModel:
    """A model by its product name, of which the class is not known."""

    agent: str
    model: str


@dataclass(frozen=True, slots=True)
class Vague:
    """A wish that several changes could meet ("make it cheaper")."""

    agent: str
    how: str


type Command = (
    AddAgent
    | AddVerifier
    | AddApproval
    | Remove
    | Rename
    | Merge
    | Split
    | AddTool
    | GiveTool
    | TakeTool
    | MoveTool
    | Connect
    | Disconnect
    | SetModel
    | SetConcurrency
    | SetPattern
    | GoBack
    | SetBound
    | NameModel
    | Vague
)
