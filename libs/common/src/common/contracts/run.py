"""Figures of a seeded run: baseline, each failure, all failures, mitigated, and one sampled task's journey."""

from typing import Any, Literal

from pydantic import Field

from common.contracts.values import Band, Share, Value

StepKind = Literal[
    "agent_start",
    "agent_complete",
    "model_call",
    "tool_used",
    "data_flow",
    "human_wait",
    "failure_mode_triggered",
    "failure_recovered",
]


class Quantiles(Value):
    mean: Band
    p50: Band
    p95: Band
    p99: Band


class AgentFigures(Value):
    """Per agent over the measured part of the run; utilisation is busy servers ÷ concurrency."""

    agent_id: str
    utilisation: Band
    queue_mean: float
    wait_s_mean: float
    wait_s_p95: float
    service_s_mean: float
    visits_per_task: float
    cost_usd_per_task: float | None
    tokens_per_task: float


class Bottleneck(Value):
    """The agent or limit that fills first, and what relieving it by one server gains and costs."""

    ref: str
    kind: Literal["agent", "human", "tool", "provider"]
    utilisation: float
    reason: str
    relief: str = ""
    latency_p95_gain_s: float | None = None
    cost_usd_per_month: float | None = None


class LittlesLaw(Value):
    """L = λW as measured; the check that the accounting is sound."""

    in_system_mean: float
    arrival_rate_per_s: float
    sojourn_s_mean: float
    relative_error: float
    holds: bool


class Figures(Value):
    """Costs are null when a price is unknown; `cost_is_lower_bound` says "at least" when only a part is known."""

    tasks: int
    latency_s: Quantiles
    throughput_per_min: Band
    success: Band
    cost_usd_per_task: Band | None
    cost_usd_per_month: Band | None
    cost_is_lower_bound: bool = False
    tokens_in_per_task: float
    tokens_out_per_task: float
    agents: tuple[AgentFigures, ...] = ()
    time_lost_s: dict[str, float] = Field(default_factory=dict)
    """Mean seconds per task by cause: queueing, model, tool, human, retries, backoff, rework, network."""
    bottleneck: Bottleneck | None = None
    littles_law: LittlesLaw | None = None
    outcomes: dict[str, int] = Field(default_factory=dict)
    """Tasks by outcome: ok, wrong (delivered but bad), failed, declined, timed_out."""


class FailureOutcome(Value):
    """What one injected mode (or all of them) did, against the paired run with the same random numbers without it."""

    failure_id: str
    figures: Figures
    tasks_hit: Share
    """Share of tasks in which it fired at least once."""
    outcome_flipped: Share
    """Realised blast radius on tasks: share of tasks whose outcome differs from the paired baseline task."""
    blast_radius_agents: Share
    """Structural: descendants of what was struck ÷ agents."""
    first_failing_step: str | None = None
    time_to_detect_s: Band | None = None
    detected_share: Share | None = None
    recovery_path: tuple[str, ...] = ()
    recovered_share: Share | None = None
    delta_success: Band | None = None
    delta_latency_p95_s: Band | None = None
    delta_cost_usd_per_task: Band | None = None


class MitigationOutcome(Value):
    """The run with the mitigations of one failure (or the best set), and what they gain and cost."""

    name: str
    failure_ids: tuple[str, ...]
    mitigations: tuple[str, ...]
    figures: Figures
    gain_success: Band
    delta_latency_p95_s: Band
    delta_cost_usd_per_task: Band | None


class JourneyStep(Value):
    """One thing that happened to the sampled task. `duration_s` is null for instants."""

    index: int
    kind: StepKind
    sim_time_s: float
    ref: str
    """Agent id, tool name, `source->target` or failure id."""
    agent_id: str | None = None
    duration_s: float | None = None
    attempt: int = 1
    status: Literal["ok", "error", "timeout", "rejected"] = "ok"
    detail: dict[str, Any] = Field(default_factory=dict)
    parent: int | None = None
    """Index of the `agent_start` step this belongs to."""


class Sensitivity(Value):
    """How far one assumption moves the result when it is varied over `low`…`high`."""

    parameter: str
    low: float
    high: float
    success_low: float
    success_high: float
    latency_p95_low_s: float
    latency_p95_high_s: float
    swing: float


class RunResult(Value):
    """Same network, failures, options and seed: byte-identical figures."""

    seed: int
    tasks: int
    replications: int
    arrival_rate_per_min: float
    arrival_rate_source: str
    warmup_tasks: int
    baseline: Figures
    failures: tuple[FailureOutcome, ...] = ()
    all_failures: FailureOutcome | None = None
    mitigated: tuple[MitigationOutcome, ...] = ()
    journey: tuple[JourneyStep, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    assumptions: tuple[str, ...] = ()
    engine_version: str = "2"
    """Same version, same request: same bytes. Another version may differ in drills and last digits."""
