"""The report of a small finished simulation, as the gateway would send it along."""

from typing import Any

import pytest

from common.contracts.failures import FailureMode, FailurePlan, Likelihood, Mitigation, Target
from common.contracts.narrative import Chapter, Citation, Narrative
from common.contracts.network import AgentSpec, Alternative, Connection, Network, ToolSpec
from common.contracts.run import (
    AgentFigures,
    Bottleneck,
    FailureOutcome,
    Figures,
    MitigationOutcome,
    Quantiles,
    RunResult,
    Sensitivity,
)
from common.contracts.scenario import Assumption, Found, Interpretation, Question
from common.contracts.values import Band, Evidence


def band(value: float, spread: float = 0.1) -> Band:
    low, high = sorted((value * (1 - spread), value * (1 + spread)))
    return Band(value=value, low=low, high=high)


def figures(success: float = 0.9, cost: float | None = 0.02) -> Figures:
    return Figures(
        tasks=200,
        latency_s=Quantiles(mean=band(40), p50=band(31), p95=band(150), p99=band(260)),
        throughput_per_min=band(1.9),
        success=band(success, 0.02),
        cost_usd_per_task=band(cost) if cost is not None else None,
        cost_usd_per_month=band(1_750) if cost is not None else None,
        tokens_in_per_task=4_000,
        tokens_out_per_task=900,
        agents=tuple(
            AgentFigures(
                agent_id=agent_id,
                utilisation=band(share),
                queue_mean=0.4,
                wait_s_mean=wait,
                wait_s_p95=3 * wait,
                service_s_mean=12,
                visits_per_task=1,
                cost_usd_per_task=0.01,
                tokens_per_task=2_000,
            )
            for agent_id, share, wait in (("reader", 0.3, 1.5), ("adviser", 0.8, 21.0))
        ),
        time_lost_s={"queueing": 22.0, "model": 14.0, "human": 0.0},
        bottleneck=Bottleneck(
            ref="adviser",
            kind="agent",
            utilisation=0.8,
            reason="it answers every letter",
            relief="two at a time",
            latency_p95_gain_s=40.0,
            cost_usd_per_month=120.0,
        ),
        outcomes={"ok": 180, "wrong": 20},
    )


NETWORK = Network(
    agents=(
        AgentSpec(id="reader", name="Letter Reader", role="reads letters", model_class="small"),
        AgentSpec(
            id="adviser",
            name="Tenancy Adviser",
            role="drafts advice",
            responsibilities=("drafts an answer from the tenancy rules",),
            tools=("rule_library", "post_letter"),
            evidence=(Evidence(text="an adviser drafts the answer", start=4, end=32),),
        ),
        AgentSpec(id="lawyer", name="Duty Lawyer", role="signs", kind="human", model_class=None),
    ),
    tools=(
        ToolSpec(
            name="rule_library",
            description="Finds tenancy rules",
            capability="search",
            used_by=("adviser",),
            latency_p50_s=0.2,
            latency_p95_s=0.9,
            error_rate=0.01,
        ),
        ToolSpec(
            name="post_letter",
            description="Posts a letter",
            capability="post",
            side_effect="irreversible",
            used_by=("adviser",),
        ),
    ),
    connections=(
        Connection(source="reader", target="adviser"),
        Connection(source="adviser", target="lawyer", kind="approve", when="an eviction"),
        Connection(source="adviser", target="rule_library", kind="tool"),
    ),
    pattern="sequential",
    pattern_reason="The steps follow each other.",
    entry=("reader",),
    exit=("lawyer",),
    alternatives=(
        Alternative(name="One coordinator", pattern="supervisor", reason="who is needed depends"),
    ),
)

MODE = FailureMode(
    id="1.3@adviser",
    mode_id="1.3",
    name="Step repetition",
    description="The agent repeats a step that is done.",
    taxonomy="MAST",
    targets=(Target(kind="agent", ref="adviser"),),
    effect="loop",
    likelihood=Likelihood(simulated_per_opportunity=0.04, source="assumed: none published"),
    severity=6,
    occurrence=5,
    detection=4,
    risk_priority=120,
    trigger="a long letter",
    detection_signal="the same tool call twice",
    reason="It drafts in several steps",
    mitigations=(Mitigation(id="loop_guard", name="A guard against loops"),),
)

RUN = RunResult(
    seed=7,
    tasks=200,
    replications=5,
    arrival_rate_per_min=2.0,
    arrival_rate_source="the text",
    warmup_tasks=20,
    baseline=figures(),
    failures=(
        FailureOutcome(
            failure_id=MODE.id,
            figures=figures(0.78),
            tasks_hit=0.16,
            outcome_flipped=0.12,
            blast_radius_agents=0.3,
            delta_success=band(-0.12),
            recovered_share=0.25,
        ),
    ),
    all_failures=FailureOutcome(
        failure_id="all",
        figures=figures(0.76),
        tasks_hit=0.2,
        outcome_flipped=0.14,
        blast_radius_agents=1,
    ),
    mitigated=(
        MitigationOutcome(
            name="A guard against loops",
            failure_ids=(MODE.id,),
            mitigations=("loop_guard",),
            figures=figures(0.88),
            gain_success=band(0.1),
            delta_latency_p95_s=band(2),
            delta_cost_usd_per_task=band(0.001),
        ),
    ),
    sensitivity=(
        Sensitivity(
            parameter="model.*.task_error",
            low=0.5,
            high=2,
            success_low=0.95,
            success_high=0.82,
            latency_p95_low_s=140,
            latency_p95_high_s=170,
            swing=0.13,
        ),
    ),
    assumptions=("Prices of people are not known.",),
)

READ = Interpretation(
    is_scenario=True,
    title="Letters to a tenants' union",
    goal=Found(name="answer letters of tenants"),
    industry=Found(name="housing"),
    approvals=(Found(name="a lawyer signs in case of an eviction"),),
    questions=(Question(id="q1", text="How many letters a day?", why="the cost depends on it"),),
    assumptions=(Assumption(text="Letters arrive one by one.", why="nothing is said"),),
)

STORY = Narrative(
    headline="Advice waits for the adviser",
    chapters=(
        Chapter(
            kind="happened",
            title="What happened",
            text="It ran.",
            citations=(Citation(text="x", value=1.0, event_id="r1.run.9", path="/run/tasks"),),
        ),
    ),
)


@pytest.fixture
def report() -> dict[str, Any]:
    parts = {
        "interpretation": READ,
        "network": NETWORK,
        "failures": FailurePlan(modes=(MODE,), considered=60),
        "run": RUN,
        "narrative": STORY,
    }
    dumped = {name: part.model_dump(mode="json", by_alias=True) for name, part in parts.items()}
    return {"simulation_id": "s1", "status": "completed", "revision": 1} | dumped
