"""One visit while it is being computed: what it took so far, whether it ended, whether its answer is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from common.contracts.network import ToolSpec
from engine.draws import Draws, Flags, Floats, Whole
from engine.faults import ON_CALL, Strike
from engine.graph import Node
from engine.model import Parameters
from engine.operations import Marks, Operation
from engine.policy import Policy


@dataclass(frozen=True, slots=True)
class Regime:
    """What holds at the moment a visit starts."""

    incidents: tuple[int, ...] = ()
    """Indices of the strikes whose incident is open."""
    breaker_open: bool = False


CALM = Regime()


@dataclass(frozen=True, slots=True)
class Past:
    """How many of how many attempts of this agent at each task were wrong so far."""

    wrongs: Whole
    trials: Whole


@dataclass(slots=True, eq=False)
class Draft:
    """One (agent, phase, visit) for all tasks; arrays have one entry per task, times are s from the start of service.

    `redundant_for` names the join it feeds together with equal branches; their errors have a common cause.
    """

    node: Node
    phase: int
    number: int
    draws: Draws
    parameters: Parameters
    policy: Policy
    tools: Mapping[str, ToolSpec]
    strikes: tuple[Strike, ...]
    regime: Regime = CALM
    past: Past | None = None
    redundant_for: str | None = None
    marks: Marks = field(default_factory=Marks)
    operations: list[Operation] = field(default_factory=list)
    clock_s: Floats = field(init=False)
    rework_s: Floats = field(init=False)
    linger_s: Floats = field(init=False)
    """Waiting after the work that holds no server: for a person who is asked, for a message sent again."""
    times: Floats = field(init=False)
    """How often the visit's tokens are paid."""
    fails: Flags = field(init=False)
    wrong: Flags = field(init=False)
    decide: Floats = field(init=False)

    def __post_init__(self) -> None:
        n = self.draws.n
        self.clock_s = np.full(n, self.parameters.number("network.hop_s"))
        self.rework_s, self.linger_s, self.times = np.zeros(n), np.zeros(n), np.ones(n)
        self.fails, self.wrong = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self.decide = self.draws.uniform("decide", *self.where)

    @property
    def where(self) -> tuple[str | int, ...]:
        """Names this visit's streams; ends with its number."""
        return (self.node.spec.id, self.phase, self.number)

    @property
    def model_class(self) -> str | None:
        return None if self.node.is_human else self.node.spec.model_class

    def of_agent(self, name: str) -> float:
        return self.parameters.of("agent", self.node.spec.id, name) or 0.0

    def of_human(self, name: str) -> float:
        return self.parameters.of("human", self.node.spec.id, name) or 0.0

    def of_model(self, model_class: str, name: str) -> float:
        return self.parameters.of_model(model_class, name) or 0.0

    def add(self, operation: Operation) -> None:
        """Append an operation; it happens only where no earlier one ended the visit."""
        if self.fails.any():
            operation.only_where(~self.fails)
        self.operations.append(operation)
        self.clock_s = self.clock_s + operation.total_s
        self.fails = self.fails | operation.failed

    def redo(self, again: Flags, length_s: Floats | None = None) -> None:
        """Do the whole visit once more where `again`; `length_s` is what that takes (default: its work so far)."""
        length_s = self.clock_s if length_s is None else length_s
        self.rework_s = self.rework_s + np.where(again, length_s, 0.0)
        self.times = self.times + again

    def strikes_on(self, scope: str) -> list[Strike]:
        """Strikes on the next operation: aimed at it, or at the agent as a whole and then meeting its first one."""
        index, is_first = self.node.index, not self.operations
        met = []
        for strike in self.strikes:
            acts = strike.effect in ON_CALL or strike.index in self.regime.incidents
            if self.node.is_human and strike.effect == "delay":
                continue  # a slow person is late to look, not slow to read: see service._response
            aimed = strike.meets(index, scope) or (is_first and strike.meets(index, "visit"))
            if acts and aimed and (self.phase == 0 or scope == "model"):
                met.append(strike)
        return met
