"""A network with every kind of connection, and failure modes for it."""

from collections.abc import Callable
from typing import Any

import pytest

from common.contracts.failures import FailureMode, FailurePlan, Likelihood, Mitigation, Target
from common.contracts.network import AgentSpec, Connection, Network, ToolSpec


def make_agent(ident: str, **more: Any) -> AgentSpec:
    return AgentSpec(id=ident, name=ident.title(), role=ident, **more)


def make_link(source: str, target: str, kind: Any = "handoff", **more: Any) -> Connection:
    return Connection(source=source, target=target, kind=kind, **more)


def make_mode(
    mode_id: str,
    kind: Any,
    ref: str,
    effect: Any,
    share: float,
    *,
    basis: Any = "per_call",
    mitigations: tuple[Mitigation, ...] = (),
    **parameters: Any,
) -> FailureMode:
    return FailureMode(
        id=f"{mode_id}@{ref}",
        mode_id=mode_id,
        name=mode_id,
        description="A test's failure.",
        taxonomy="test",
        targets=(Target(kind=kind, ref=ref),),
        effect=effect,
        likelihood=Likelihood(simulated_per_opportunity=share, basis=basis, source="assumed"),
        severity=5,
        occurrence=5,
        detection=5,
        risk_priority=125,
        trigger="t",
        detection_signal="s",
        reason="r",
        mitigations=mitigations,
        parameters=parameters,
    )


def make_mitigation(ident: str, **parameters: Any) -> Mitigation:
    return Mitigation(id=ident, name=ident, parameters=parameters)


@pytest.fixture(name="agent")
def agent_fixture() -> Callable[..., AgentSpec]:
    return make_agent


@pytest.fixture(name="link")
def link_fixture() -> Callable[..., Connection]:
    return make_link


@pytest.fixture(name="mode")
def mode_fixture() -> Callable[..., FailureMode]:
    return make_mode


@pytest.fixture(name="mitigation")
def mitigation_fixture() -> Callable[..., Mitigation]:
    return make_mitigation


@pytest.fixture(name="claims")
def claims_fixture() -> Network:
    """Fan-out, join, verifier with a way back, a person for a share of the cases, an action, a side branch."""
    tools = ("inbox", "rules", "ledger", "bank")
    return Network(
        agents=(
            make_agent("intake", model_class="small", tools=("inbox",)),
            make_agent("rules", tools=("rules",)),
            make_agent("history", tools=("ledger",)),
            make_agent("risk"),
            make_agent("decide", model_class="large"),
            make_agent("check", is_verifier=True),
            make_agent("boss", kind="human", model_class=None),
            make_agent("pay", model_class="small", tools=("bank",)),
            make_agent("tell", model_class="small", tools=("inbox",)),
            make_agent("audit", model_class="small"),
        ),
        tools=tuple(
            ToolSpec(name=t, capability=t, side_effect="irreversible" if t == "bank" else "read")
            for t in tools
        ),
        connections=(
            make_link("intake", "rules", "publish"),
            make_link("intake", "history", "publish"),
            make_link("intake", "risk", "publish"),
            make_link("rules", "decide"),
            make_link("history", "decide"),
            make_link("risk", "decide"),
            make_link("decide", "check", "verify"),
            make_link("check", "decide", max_iterations=2),
            make_link("check", "boss", "approve", share=0.2),
            make_link("check", "pay", share=0.8),
            make_link("boss", "pay"),
            make_link("pay", "tell"),
            make_link("pay", "audit", "publish"),
        ),
        pattern="sequential",
        pattern_reason="test",
        entry=("intake",),
        exit=("tell",),
    )


@pytest.fixture(name="troubles")
def troubles_fixture() -> FailurePlan:
    """Ten modes: one per effect, every kind of target."""
    verifier = make_mitigation("verifier", verifier=True)
    return FailurePlan(
        modes=(
            make_mode("3.3", "agent", "check", "silent_error", 0.1, mitigations=(verifier,)),
            make_mode(
                "1.1",
                "agent",
                "decide",
                "silent_error",
                0.1,
                basis="per_task",
                mitigations=(verifier,),
            ),
            make_mode(
                "1.3",
                "agent",
                "history",
                "loop",
                0.1,
                basis="per_task",
                repeats=2,
                mitigations=(make_mitigation("guard", loop_guard=2),),
            ),
            make_mode(
                "D01",
                "provider",
                "medium",
                "error",
                0.05,
                correlated=True,
                mitigations=(make_mitigation("second", second_provider=True),),
            ),
            make_mode(
                "D03",
                "provider",
                "small",
                "outage",
                0.01,
                basis="per_hour",
                duration_s=9_000,
                error_share=0.5,
                mitigations=(
                    make_mitigation("spare", fallback_model="medium"),
                    make_mitigation("breaker", breaker=True),
                ),
            ),
            make_mode(
                "D05",
                "tool",
                "ledger",
                "stall",
                0.05,
                duration_s=60,
                mitigations=(make_mitigation("timeout", timeout_s=5.0),),
            ),
            make_mode("D06", "tool", "rules", "delay", 0.05, delay_factor=19.0),
            make_mode(
                "D10",
                "edge",
                "check->pay",
                "duplicate",
                0.05,
                mitigations=(make_mitigation("key", idempotency=True),),
            ),
            make_mode(
                "D09",
                "edge",
                "intake->risk",
                "drop",
                0.05,
                mitigations=(make_mitigation("quorum", quorum=2),),
            ),
            make_mode("D14", "human", "boss", "delay", 0.3, basis="per_task", delay_factor=7.0),
        )
    )
