"""The scenario as it was sent, and what the interpreter read in it."""

from typing import Any, Literal

from pydantic import Field

from common.contracts.values import Evidence, Share, Value

MAX_SCENARIO_CHARS = 20_000

EngineChoice = Literal["auto", "rules", "llm"]
QuantityKind = Literal[
    "volume", "deadline", "threshold", "money", "share", "duration", "count", "hours"
]


class SimulationOptions(Value):
    """How to rehearse. Everything has a default; the same options and seed give the same figures."""

    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    tasks: int = Field(default=200, ge=1, le=5_000)
    arrival_rate_per_min: float | None = Field(default=None, gt=0, le=60_000)
    """Null: taken from the volume in the text, else from what the network carries at moderate load."""
    failures: tuple[str, ...] | None = None
    """Ids of failure modes to inject; null lets the failure agent choose, an empty list injects none."""
    engine: EngineChoice = "auto"
    max_agents: int = Field(default=10, ge=1, le=30)
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Engine defaults to replace, by dotted name (`agent.<id>.concurrency`, `model.small.ttft_s`, …)."""


class ScenarioRequest(Value):
    """What the user asked for: the text and the options, resolved (a seed is always set)."""

    scenario_id: str
    text: str = Field(min_length=1, max_length=MAX_SCENARIO_CHARS)
    scenario_type: str | None = None
    name: str | None = None
    options: SimulationOptions = SimulationOptions()


class Found(Value):
    """Something read in the text. No evidence means it was inferred, and the confidence says how surely."""

    name: str
    evidence: tuple[Evidence, ...] = ()
    confidence: Share = 1.0


class Actor(Found):
    kind: Literal[
        "customer", "employee", "manager", "expert", "team", "partner", "system", "public"
    ] = "employee"


class Step(Found):
    """One thing that must be done; `name` is a short imperative ("check the order history")."""

    id: str
    order: int
    verb: str
    object: str = ""
    actor: str | None = None
    capabilities: tuple[str, ...] = ()
    data_in: tuple[str, ...] = ()
    data_out: tuple[str, ...] = ()
    condition: str | None = None
    parallel_group: str | None = None


class Quantity(Found):
    """A number with its unit as written and in base units (s, usd, tasks per minute, share 0…1, count)."""

    kind: QuantityKind
    value: float
    unit: str
    base_value: float | None = None
    base_unit: str | None = None
    applies_to: str | None = None


class ExternalSystem(Found):
    capability: str | None = None


class Question(Value):
    id: str
    text: str
    why: str
    evidence: tuple[Evidence, ...] = ()


class Assumption(Value):
    text: str
    why: str


class Interpretation(Value):
    """What the text says, and what it leaves open. Every claim is evidence or is marked as an assumption."""

    is_scenario: bool
    title: str
    goal: Found
    industry: Found
    summary: str = ""
    actors: tuple[Actor, ...] = ()
    triggers: tuple[Found, ...] = ()
    steps: tuple[Step, ...] = ()
    entities: tuple[Found, ...] = ()
    external_systems: tuple[ExternalSystem, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    constraints: tuple[Found, ...] = ()
    compliance: tuple[Found, ...] = ()
    risks: tuple[Found, ...] = ()
    approvals: tuple[Found, ...] = ()
    questions: tuple[Question, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    signals: dict[str, float] = Field(default_factory=dict)
    """Strength 0…1 of the coordination signals found (parallel, routing, loop, supervisor, …)."""
