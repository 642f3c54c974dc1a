"""Completed runs to narrate: full ones from a seed, and poor ones without failures, prices, agents or a journey."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest

from common.contracts.events import RunCompleted, shown
from common.contracts.failures import FailureMode, FailurePlan, Likelihood, Mitigation, Target
from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.run import (
    AgentFigures,
    Bottleneck,
    FailureOutcome,
    Figures,
    JourneyStep,
    MitigationOutcome,
    Quantiles,
    RunResult,
    Sensitivity,
)
from common.contracts.scenario import Found, Interpretation, ScenarioRequest
from common.contracts.stream import StreamEvent
from common.contracts.values import Band

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CAUSES = ("queueing", "model", "tool", "human", "retries", "rework")


def network() -> Network:
    return Network(
        agents=(
            AgentSpec(id="reader", name="Form 27 Reader", role="reads forms", tools=("inbox",)),
            AgentSpec(id="checker", name="Checker", role="checks", is_verifier=True),
            AgentSpec(
                id="officer", name="Duty Officer", role="decides", kind="human", model_class=None
            ),
        ),
        tools=(ToolSpec(name="inbox", capability="email.read", mcp_server="mail-mcp"),),
        connections=(
            Connection(source="reader", target="checker", kind="verify"),
            Connection(source="checker", target="reader", kind="handoff", max_iterations=2),
            Connection(source="checker", target="officer", kind="approve"),
        ),
        pattern="evaluator_loop",
        pattern_reason="It must comply.",
        entry=("reader",),
        exit=("officer",),
    )


def band(random: Random, low: float, high: float, width: float = 0.1) -> Band:
    value = random.uniform(low, high)
    spread = abs(value) * width * random.random()
    return Band(value=value, low=value - spread, high=value + spread)


def figures(random: Random, *, priced: bool, agents: tuple[str, ...]) -> Figures:
    scale = 10 ** random.uniform(-2, 5)
    money = 10 ** random.uniform(-5, 3)
    p50, p95, p99 = sorted(random.uniform(0.1, 9) * scale for _ in range(3))
    quantile = [Band(value=v, low=v * 0.9, high=v * 1.1) for v in (p50, p95, p99)]
    return Figures(
        tasks=random.randint(1, 5_000),
        latency_s=Quantiles(mean=quantile[0], p50=quantile[0], p95=quantile[1], p99=quantile[2]),
        throughput_per_min=band(random, 0.1, 100),
        success=band(random, 0, 1, 0.0),
        cost_usd_per_task=band(random, 0.5 * money, money) if priced else None,
        cost_usd_per_month=band(random, 500 * money, 900 * money) if priced else None,
        cost_is_lower_bound=random.random() < 0.5,
        tokens_in_per_task=1_000,
        tokens_out_per_task=100,
        agents=tuple(
            AgentFigures(
                agent_id=ref,
                utilisation=band(random, 0, 0.9),
                queue_mean=random.random(),
                wait_s_mean=random.random() * scale,
                wait_s_p95=random.random() * scale * 3,
                service_s_mean=scale,
                visits_per_task=random.uniform(0, 3),
                cost_usd_per_task=None,
                tokens_per_task=0,
            )
            for ref in agents
        ),
        time_lost_s={cause: random.random() * scale for cause in CAUSES},
        bottleneck=Bottleneck(
            ref=random.choice(agents),
            kind="agent",
            utilisation=random.random(),
            reason="busiest",
            latency_p95_gain_s=random.choice((None, random.random() * scale)),
            cost_usd_per_month=random.choice((None, 12.5)),
        ),
        outcomes={"ok": 90, "wrong": random.randint(0, 5), "declined": random.randint(0, 5)},
    )


def mode(ref: str, target: Target, name: str, reason: str) -> FailureMode:
    return FailureMode(
        id=ref,
        mode_id=ref.partition("@")[0],
        name=name,
        description="d",
        taxonomy="t",
        targets=(target,),
        effect="error",
        likelihood=Likelihood(simulated_per_opportunity=0.1, source="assumed"),
        severity=5,
        occurrence=5,
        detection=5,
        risk_priority=125,
        trigger="t",
        detection_signal="chat span with error.type=429",
        reason=reason,
        mitigations=(Mitigation(id="retry", name="Retry up to 3 times"),),
    )


MODES = (
    mode(
        "D01@medium", Target(kind="provider", ref="medium"), "Rate limit (429)", "3 calls at once."
    ),
    mode(
        "1.1@reader",
        Target(kind="agent", ref="reader"),
        "Drops a rule",
        "It has much to keep in mind.",
    ),
    mode(
        "D15@officer",
        Target(kind="human", ref="officer"),
        "Waves it through",
        "Nearly all is right.",
    ),
)


def outcome(random: Random, mode: FailureMode, *, priced: bool) -> FailureOutcome:
    success = random.uniform(-0.4, 0.05)
    return FailureOutcome(
        failure_id=mode.id,
        figures=figures(random, priced=priced, agents=("reader", "checker", "officer")),
        tasks_hit=random.random(),
        outcome_flipped=random.random(),
        blast_radius_agents=2 / 3,
        time_to_detect_s=random.choice((None, band(random, 0.1, 400))),
        detected_share=random.choice((None, random.random())),
        recovery_path=("retry 2", "checker"),
        recovered_share=random.random(),
        delta_success=Band(value=success, low=success - 0.02, high=success + 0.02),
        delta_latency_p95_s=band(random, -3, 900),
        delta_cost_usd_per_task=None,
    )


def mitigation(random: Random, mode: FailureMode, *, priced: bool) -> MitigationOutcome:
    gain = random.uniform(-0.03, 0.3)
    return MitigationOutcome(
        name="m",
        failure_ids=(mode.id,),
        mitigations=("retry",),
        figures=figures(random, priced=priced, agents=("reader",)),
        gain_success=Band(value=gain, low=gain - 0.02, high=gain + 0.02),
        delta_latency_p95_s=band(random, -30, 30),
        delta_cost_usd_per_task=band(random, -0.1, 0.1) if priced else None,
    )


def journey() -> tuple[JourneyStep, ...]:
    lines: list[tuple[Any, ...]] = [
        ("agent_start", 0.0, "reader", "reader", None, None, {}),
        ("model_call", 0.1, "medium", "reader", 2.0, 0, {"status": "error", "error_type": "429"}),
        ("failure_mode_triggered", 2.1, "D01@medium", "reader", None, 0, {}),
        (
            "model_call",
            3.1,
            "medium",
            "reader",
            1.5,
            0,
            {"tokens_in": 900, "tokens_out": 80, "attempt": 2},
        ),
        ("failure_recovered", 4.6, "D01@medium", "reader", None, 0, {}),
        ("tool_used", 4.6, "inbox", "reader", 0.4, 0, {"arguments": "id: string"}),
        ("data_flow", 5.0, "reader->checker", "reader", None, 0, {"payload": "form"}),
        ("agent_complete", 5.0, "reader", "reader", None, 0, {}),
        ("agent_start", 5.0, "checker", "checker", None, None, {}),
        ("model_call", 5.0, "medium", "checker", 1.0, 8, {"tokens_in": 500, "tokens_out": 10}),
        ("agent_complete", 6.0, "checker", "checker", None, 8, {}),
        ("agent_start", 6.0, "officer", "officer", None, None, {}),
        ("human_wait", 6.0, "officer", "officer", 480.0, 11, {"decision": "approved"}),
        ("agent_complete", 486.0, "officer", "officer", None, 11, {}),
    ]
    return tuple(
        JourneyStep(
            index=index,
            kind=kind,
            sim_time_s=at_s,
            ref=ref,
            agent_id=agent,
            duration_s=duration,
            parent=parent,
            attempt=detail.pop("attempt", 1),
            status=detail.pop("status", "ok"),
            detail=detail,
        )
        for index, (kind, at_s, ref, agent, duration, parent, detail) in enumerate(lines)
    )


def completed(
    seed: int = 1,
    *,
    failures: bool = True,
    priced: bool = True,
    walked: bool = True,
    agents: int = 3,
) -> RunCompleted:
    """The run of `seed`; the flags take away what a run may lack."""
    random = Random(seed)
    whole = network()
    crew = tuple(a.id for a in whole.agents)[:agents]
    struck = MODES if failures else ()
    run = RunResult(
        seed=seed,
        tasks=200,
        replications=5,
        arrival_rate_per_min=random.uniform(0.01, 300),
        arrival_rate_source=random.choice(("assumed", "the text: 40 forms a day")),
        warmup_tasks=10,
        baseline=figures(random, priced=priced, agents=crew),
        failures=tuple(outcome(random, m, priced=priced) for m in struck),
        all_failures=outcome(random, MODES[0], priced=priced) if failures else None,
        mitigated=tuple(mitigation(random, m, priced=priced) for m in struck),
        journey=journey() if walked else (),
        sensitivity=(
            Sensitivity(
                parameter="model.medium.ttft_s",
                low=0.5,
                high=2,
                success_low=0.8,
                success_high=0.9,
                latency_p95_low_s=3,
                latency_p95_high_s=9,
                swing=0.4,
            ),
        )
        if failures
        else (),
    )
    event = StreamEvent(
        event_id="",
        event_type="observability",
        source="SimulationEngine",
        payload={"run": run.model_dump(mode="json")},
    )
    return RunCompleted(
        event_id=UUID(int=9),
        simulation_id="sim-1",
        revision=2,
        occurred_at=T0,
        request=ScenarioRequest(scenario_id="s", text="t"),
        stream=shown(2, "run", [event]),
        interpretation=Interpretation(
            is_scenario=True, title="Form intake", goal=Found(name="g"), industry=Found(name="i")
        ),
        network=whole.model_copy(update={"agents": whole.agents[:agents]}),
        failures=FailurePlan(modes=struck),
        run=run,
    )


@pytest.fixture(scope="session")
def make_run() -> Callable[..., RunCompleted]:
    return completed
