"""How an agent is protected: retries, limits, fallbacks, checks. Mitigations change these."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.defaults import MODEL_CLASSES
from engine.model import Parameters


@dataclass(frozen=True, slots=True)
class Policy:
    """Protection of one agent. Times in s, shares 0…1; null means "not in place"."""

    retries: int
    backoff_s: float
    model_timeout_s: float
    tool_timeout_s: float
    fallback_models: tuple[str, ...] = ()
    """Asked one after the other."""
    second_provider: bool = False
    verifier: bool = False
    human_gate: float = 0.0
    schema_check: bool = False
    cache: float = 0.0
    idempotency: bool = False
    loop_guard: int | None = None
    breaker: bool = False
    patience_s: float | None = None
    redelivers: bool = False


def default_policy(parameters: Parameters) -> Policy:
    return Policy(
        retries=int(parameters.number("call.retries")),
        backoff_s=parameters.number("call.backoff_s"),
        model_timeout_s=parameters.number("call.timeout_s"),
        tool_timeout_s=parameters.number("tool.timeout_s"),
    )


def strengthened(policy: Policy, measures: Mapping[str, Any]) -> Policy:
    """`policy` with a mitigation's parameters (names as in `common.contracts.failures.Mitigation`).

    Unknown names are left to the caller: some change the network or the task and not an agent.
    """
    switches = ("schema_check", "idempotency", "breaker", "second_provider", "verifier")
    changes: dict[str, Any] = {name: True for name in switches if measures.get(name)}
    if "retries" in measures or measures.get("timeout_s"):
        changes["redelivers"] = True
    changes |= {n: int(measures[n]) for n in ("retries", "loop_guard") if n in measures}
    changes |= {n: float(measures[n]) for n in ("backoff_s", "cache") if n in measures}
    if measures.get("timeout_s"):
        limit = float(measures["timeout_s"])
        changes |= {"model_timeout_s": limit, "tool_timeout_s": limit, "patience_s": limit}
    if measures.get("fallback_model"):
        names = str(measures["fallback_model"]).replace(" ", "").split(",")
        changes["fallback_models"] = tuple(n for n in names if n in MODEL_CLASSES)
    if measures.get("human_gate"):
        changes["human_gate"] = float(measures.get("share", 1.0))
    return replace(policy, **changes)
