"""Failure modes chosen for a network, each tied to what it can strike."""

from typing import Literal

from pydantic import Field

from common.contracts.values import Share, Value

Strikes = Literal["agent", "edge", "tool", "provider", "memory", "human"]
LikelihoodBasis = Literal["per_call", "per_task", "per_hour", "share_of_failures"]


class Target(Value):
    """What is struck: an agent's id, a tool's name, `source->target` of an edge, a model class, a store's name."""

    kind: Strikes
    ref: str


class Likelihood(Value):
    """How often; `basis` says per what. A share of failures is never a probability of failing.

    `value` is null when no figure is published; `simulated_per_opportunity` is what the engine draws with, and
    `source` names where it comes from, or says "assumed" and why.
    """

    value: float | None = None
    basis: LikelihoodBasis = "per_call"
    simulated_per_opportunity: Share
    source: str
    is_assumed: bool = True


class Mitigation(Value):
    """A change of the network or of its parameters that the engine can run with.

    `parameters` are understood by the engine: `retries`, `timeout_s`, `fallback_model`, `breaker`, `verifier`,
    `quorum`, `loop_guard`, `human_gate`, `schema_check`, `cache`, `second_provider`, `budget_usd`.
    """

    id: str
    name: str
    parameters: dict[str, float | int | str | bool] = Field(default_factory=dict)
    effect_source: str = "assumed"


class FailureMode(Value):
    """One catalogued mode as it can strike this network. `id` is unique in the network (`<mode_id>@<target>`)."""

    id: str
    mode_id: str
    """Catalogue id: MAST number (`1.3`), `D01`, `A3`, `ASI08:2026`, …"""
    name: str
    description: str
    taxonomy: str
    targets: tuple[Target, ...]
    effect: Literal[
        "error",
        "delay",
        "silent_error",
        "loop",
        "stall",
        "outage",
        "drop",
        "duplicate",
        "degrade",
        "compromise",
    ]
    likelihood: Likelihood
    severity: int = Field(ge=1, le=10)
    occurrence: int = Field(ge=1, le=10)
    detection: int = Field(ge=1, le=10)
    risk_priority: int = Field(ge=1, le=1_000)
    trigger: str
    detection_signal: str
    reason: str
    """Why it was chosen for this network."""
    mitigations: tuple[Mitigation, ...] = ()
    parameters: dict[str, float | int | str | bool] = Field(default_factory=dict)
    """What the engine needs beside the likelihood (`delay_factor`, `duration_s`, `detect_share`, `correlated`, …)."""
    source: str = ""


class FailurePlan(Value):
    """The modes to inject, worst first, and what was left out and why."""

    modes: tuple[FailureMode, ...] = ()
    considered: int = 0
    left_out: tuple[str, ...] = ()
