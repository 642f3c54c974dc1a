"""What a walk keeps in mind: tasks, visits, scopes of work, servers, limits."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapreplace

from engine.graph import Edge, Node
from engine.service import Table

OK, WRONG, FAILED, DECLINED, TIMED_OUT = range(5)
OUTCOMES = ("ok", "wrong", "failed", "declined", "timed_out")


@dataclass(slots=True, eq=False)
class Frame:
    """A scope of work: the task itself (`visit` null), or one call that its caller waits for."""

    visit: "Visit | None" = None
    group: "Group | None" = None
    edge: Edge | None = None
    tries: int = 0
    live: int = 0
    is_wrong: bool = False
    is_lost: bool = False
    is_closed: bool = False
    parked: list[tuple[int, bool]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Group:
    """The calls one visit waits for."""

    waiting: int
    wrong: int = 0
    lost: int = 0


@dataclass(slots=True, eq=False)
class Task:
    """`index` is its place in the tables. Per node: forward edges still open, arrived, and arrived wrong."""

    index: int
    arrived_s: float
    pending: list[int]
    come: list[int]
    wrong_in: list[int]
    entered_wrong: list[bool]
    visits: list[int]
    """So far, at 2 x node + phase."""
    frame: Frame
    total_visits: int = 0
    loops: dict[int, int] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    delivered_s: float = -1.0
    left_s: float = -1.0
    is_wrong: bool = False
    is_failed: bool = False
    is_declined: bool = False
    failed_at: int = -1
    spent_usd: float = 0.0


@dataclass(slots=True, eq=False)
class Visit:
    """A task at an agent. `phase` is 1 when a caller merges its answers; times in s, -1 before they happen."""

    task: Task
    node: Node
    phase: int
    frame: Frame
    is_wrong: bool
    asked_s: float
    edge: Edge | None = None
    round: int = 1
    tries: int = 0
    number: int = 0
    table: Table | None = None
    started_s: float = -1.0
    ended_s: float = -1.0
    is_over: bool = False
    is_abandoned: bool = False

    @property
    def served(self) -> Table:
        """The table it was served from; only after service has begun."""
        assert self.table is not None
        return self.table


@dataclass(slots=True, eq=False)
class Server:
    """First come, first served. At `limit` waiting visits the next one is refused (null: never)."""

    capacity: int
    limit: int | None = None
    busy: int = 0
    queue: deque[Visit] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Gate:
    """A provider's limit: calls per minute (evenly spaced), and calls at a time. Grants in order of asking."""

    spacing_s: float = 0.0
    next_s: float = 0.0
    free_s: list[float] = field(default_factory=list)
    busy_s: float = 0.0
    calls: int = 0

    def wait_s(self, now_s: float, calls: int, length_s: float) -> float:
        """How long a visit with `calls` calls and `length_s` s of model time waits; takes its place in the line."""
        grant = max(now_s, self.next_s)
        if self.free_s:
            grant = max(grant, self.free_s[0])
            heapreplace(self.free_s, grant + length_s)
        self.next_s = grant + calls * self.spacing_s
        self.busy_s += length_s
        self.calls += calls
        return grant - now_s


def make_gate(rpm: float | None, concurrency: float | None) -> Gate | None:
    """The limit of a provider; null when it has none."""
    if rpm is None and concurrency is None:
        return None
    free = [0.0] * int(concurrency) if concurrency else []
    return Gate(60.0 / rpm if rpm else 0.0, free_s=free)


@dataclass(slots=True, eq=False)
class Breaker:
    """Opens after `failures` failed calls in a row; after `reset_s` s it lets calls through again."""

    failures: int
    reset_s: float
    in_row: int = 0
    open_until_s: float = -1.0

    def is_open(self, now_s: float) -> bool:
        return now_s < self.open_until_s

    def record(self, now_s: float, calls: int, errors: int) -> None:
        """A visit made `calls` calls of which the first `errors` failed; fewer errors than calls end the row."""
        if not calls:
            return
        self.in_row = self.in_row + errors if errors >= calls else 0
        if self.in_row >= self.failures:
            self.open_until_s = now_s + self.reset_s
            self.in_row = 0


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What holds for one replication. Windows are (strike, agents, from, to), closures (person, from, to), in s."""

    arrivals_s: Sequence[float]
    first_index: int = 0
    windows: tuple[tuple[int, frozenset[int], float, float], ...] = ()
    closures: tuple[tuple[int, float, float], ...] = ()
    patience_s: Mapping[int, float] = field(default_factory=dict)
    hours: Mapping[int, float] = field(default_factory=dict)
    gates: Mapping[int, tuple[Gate, ...]] = field(default_factory=dict)
    breakers: Mapping[int, Breaker] = field(default_factory=dict)
    capacities: Mapping[int, int] = field(default_factory=dict)
    queue_limits: Mapping[int, int] = field(default_factory=dict)
    budget_usd: float | None = None
    closed_loop: int | None = None
    accept: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    """Per deciding node: how often it accepts what is right, and what is wrong."""
    absorbed_share: float = 0.0
    repeat_share: float = 0.5
    traced: int = -1

    @property
    def is_plain(self) -> bool:
        """Nothing depends on the moment a visit starts, so every visit is served from the calm table."""
        return not (self.windows or self.closures or self.gates or self.breakers or self.hours)


@dataclass(slots=True, eq=False)
class Note:
    """Something that happened to the traced task; `where` is the index of a node, of an edge for `send`."""

    what: str
    at_s: float
    where: int
    visit: Visit | None
    is_wrong: bool


def outcome_of(task: Task, deadline_s: float | None) -> int:
    """What became of a task; a person's no is a correct outcome and not a failure."""
    if task.is_failed:
        return FAILED
    if deadline_s is not None and task.delivered_s - task.arrived_s > deadline_s:
        return TIMED_OUT
    if task.is_declined:
        return DECLINED
    return WRONG if task.is_wrong else OK
