"""A realistic rehearsal, and networks of other sizes, as the contracts have them."""

import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Protocol

import pytest
import uvicorn
from rich.cells import cell_len
from rich.console import Console, RenderableType
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from common.contracts.failures import FailureMode, FailurePlan, Likelihood, Mitigation, Target
from common.contracts.narrative import Alert, Chapter, Citation, Narrative, Span
from common.contracts.network import AgentSpec, Alternative, Connection, Forecast, Network, ToolSpec
from common.contracts.run import (
    AgentFigures,
    Bottleneck,
    FailureOutcome,
    Figures,
    JourneyStep,
    LittlesLaw,
    MitigationOutcome,
    Quantiles,
    RunResult,
)
from common.contracts.scenario import Found, Interpretation, Question, Step
from common.contracts.stream import Frame
from common.contracts.values import Band
from simulator_cli.rehearsal import Rehearsal

T0 = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Draw(Protocol):
    """Renders as a pipe would see it and holds every line to the width."""

    def __call__(self, view: RenderableType, width: int) -> str: ...


class MakeFrame(Protocol):
    def __call__(self, seq: int, event_type: str, **fields: Any) -> Frame: ...


def band(value: float, spread: float = 0.1) -> Band:
    return Band(value=value, low=value * (1 - spread), high=value * (1 + spread))


@pytest.fixture
def draw() -> Draw:
    def render(view: RenderableType, width: int) -> str:
        console = Console(
            file=StringIO(), width=width, force_terminal=False, color_system=None, highlight=False
        )
        console.print(view)
        text = console.file.getvalue()  # type: ignore[attr-defined]  # the file is the StringIO above
        too_wide = [line for line in text.splitlines() if cell_len(line) > width]
        assert too_wide == []
        assert "\x1b" not in text
        return str(text)

    return render


@pytest.fixture
def make_frame() -> MakeFrame:
    def make(seq: int, event_type: str, **fields: Any) -> Frame:
        values: dict[str, Any] = {
            "simulation_id": "s1",
            "seq": seq,
            "timestamp": T0,
            "sim_time_s": None,
            "event_type": event_type,
            "category": "lifecycle",
            "source": "gateway",
            "event_id": f"r1.gateway.{seq}",
            "revision": 1,
            "payload": {},
        }
        return Frame.model_validate(values | fields)

    return make


@pytest.fixture
def network() -> Network:
    """A router's choice, a gate with a condition, a check with rework, and two parallel branches."""
    return Network(
        agents=(
            AgentSpec(
                id="intake",
                name="Claims Intake",
                role="Intake Clerk",
                responsibilities=("reads each claim and extracts policy number and damage",),
                model_class="small",
                tools=("mail_inbox",),
            ),
            AgentSpec(
                id="coverage",
                name="Coverage Analyst",
                role="Coverage Analyst",
                responsibilities=("checks the damage against the policy's terms",),
                tools=("policy_register",),
                dependencies=("intake",),
            ),
            AgentSpec(
                id="fraud",
                name="Fraud Screener",
                role="Fraud Screener",
                responsibilities=("scores the claim for signs of fraud",),
                model_class="reasoning",
                concurrency=2,
                dependencies=("intake",),
            ),
            AgentSpec(
                id="draft",
                name="Decision Drafter",
                role="Claims Adjuster",
                responsibilities=("writes the decision with its reasons",),
                model_class="large",
                dependencies=("coverage", "fraud"),
            ),
            AgentSpec(
                id="check",
                name="Decision Checker",
                role="Quality Reviewer",
                responsibilities=("compares the decision with the evidence",),
                is_verifier=True,
                dependencies=("draft",),
            ),
            AgentSpec(
                id="adjuster",
                name="Senior Adjuster",
                role="Senior Adjuster",
                kind="human",
                model_class=None,
                dependencies=("check",),
            ),
            AgentSpec(
                id="pay",
                name="Payout Agent",
                role="Payout Clerk",
                model_class=None,
                tools=("bank_transfer",),
                dependencies=("check", "adjuster"),
            ),
        ),
        tools=(
            ToolSpec(name="mail_inbox", capability="email", description="Reads the claims inbox"),
            ToolSpec(name="policy_register", capability="sql_database"),
            ToolSpec(
                name="bank_transfer",
                capability="payments",
                description="Pays out",
                side_effect="irreversible",
            ),
        ),
        connections=(
            Connection(source="intake", target="coverage", kind="publish", label="claim"),
            Connection(source="intake", target="fraud", kind="publish", label="claim"),
            Connection(source="coverage", target="draft", label="coverage opinion"),
            Connection(source="fraud", target="draft", label="fraud score"),
            Connection(source="draft", target="check", kind="verify", label="draft decision"),
            Connection(
                source="check", target="draft", kind="verify", label="objections", max_iterations=2
            ),
            Connection(
                source="check",
                target="adjuster",
                kind="approve",
                share=0.2,
                when="payout over 5,000 EUR",
            ),
            Connection(source="check", target="pay", share=0.8, when="payout up to 5,000 EUR"),
            Connection(source="adjuster", target="pay", label="approved decision"),
            Connection(source="intake", target="mail_inbox", kind="tool"),
            Connection(source="coverage", target="policy_register", kind="tool"),
            Connection(source="pay", target="bank_transfer", kind="tool"),
        ),
        pattern="parallel",
        pattern_reason="coverage and fraud are judged independently of each other",
        human_in_loop=True,
        entry=("intake",),
        exit=("pay",),
        alternatives=(
            Alternative(
                name="One after the other",
                pattern="sequential",
                reason="cheaper to operate, slower for the claimant",
                forecast=Forecast(latency_p95_s=band(310), cost_usd_per_task=None, agents=6),
            ),
        ),
        questions=(Question(id="q1", text="Who decides on weekends?", why="no hours given"),),
    )


@pytest.fixture
def one_agent() -> Network:
    return Network(
        agents=(AgentSpec(id="solo", name="Letter Writer", role="Writer"),),
        pattern="single",
        pattern_reason="one duty, no tools, no approval",
        entry=("solo",),
        exit=("solo",),
    )


@pytest.fixture
def thirty_agents() -> Network:
    """A coordinator that asks twenty-eight specialists, one of them with a very long name, and an editor."""
    workers = tuple(
        AgentSpec(id=f"w{n}", name=f"Specialist for Region {n}", role=f"Region {n} Analyst")
        for n in range(1, 28)
    )
    long = AgentSpec(id="w28", name="Interdepartmental" * 6, role="Liaison", tools=("x" * 90,))
    boss = AgentSpec(id="boss", name="Coordinator", role="Coordinator")
    editor = AgentSpec(id="editor", name="Editor", role="Editor", dependencies=("boss",))
    calls = tuple(Connection(source="boss", target=w.id, kind="call") for w in (*workers, long))
    return Network(
        agents=(boss, *workers, long, editor),
        connections=(*calls, Connection(source="boss", target="editor")),
        pattern="supervisor",
        pattern_reason="one coordinator asks all",
        entry=("boss",),
        exit=("editor",),
    )


@pytest.fixture
def failures() -> FailurePlan:
    return FailurePlan(
        modes=(
            FailureMode(
                id="A3@bank_transfer",
                mode_id="A3",
                name="Payment service outage",
                description="The service answers with errors for a while",
                taxonomy="provider incidents",
                targets=(Target(kind="tool", ref="bank_transfer"),),
                effect="outage",
                likelihood=Likelihood(
                    value=0.02,
                    basis="per_call",
                    simulated_per_opportunity=0.02,
                    source="published status pages, 2025",
                    is_assumed=False,
                ),
                severity=9,
                occurrence=4,
                detection=3,
                risk_priority=108,
                trigger="an incident at the bank",
                detection_signal="error rate over 5 %",
                reason="the only irreversible tool",
                mitigations=(Mitigation(id="breaker", name="circuit breaker"),),
            ),
            FailureMode(
                id="3.2@draft",
                mode_id="3.2",
                name="No or incomplete verification",
                description="Errors pass the check",
                taxonomy="MAST",
                targets=(
                    Target(kind="agent", ref="draft"),
                    Target(kind="edge", ref="draft->check"),
                ),
                effect="silent_error",
                likelihood=Likelihood(
                    value=0.082,
                    basis="share_of_failures",
                    simulated_per_opportunity=0.01,
                    source="Cemri et al. 2025, table 2",
                ),
                severity=6,
                occurrence=5,
                detection=7,
                risk_priority=210,
                trigger="long evidence",
                detection_signal="sampled audits",
                reason="one verifier only",
            ),
            FailureMode(
                id="H1@adjuster",
                mode_id="H1",
                name="Approver away",
                description="Nobody decides for hours",
                taxonomy="human factors",
                targets=(Target(kind="human", ref="adjuster"),),
                effect="stall",
                likelihood=Likelihood(
                    value=None, simulated_per_opportunity=0.05, source="assumed: one absence in 20"
                ),
                severity=5,
                occurrence=5,
                detection=2,
                risk_priority=50,
                trigger="holidays",
                detection_signal="age of the oldest request",
                reason="one approver",
                mitigations=(Mitigation(id="human_gate", name="deputy after 30 min"),),
            ),
        ),
        considered=41,
    )


def figures(*, latency: float = 1.0, success: float = 0.95, cost: float | None = 0.031) -> Figures:
    return Figures(
        tasks=200,
        latency_s=Quantiles(
            mean=band(60 * latency),
            p50=band(41.25 * latency),
            p95=band(252 * latency),
            p99=band(1_560 * latency),
        ),
        throughput_per_min=band(2.5),
        success=Band(value=success, low=success - 0.02, high=min(1.0, success + 0.02)),
        cost_usd_per_task=None if cost is None else band(cost),
        cost_usd_per_month=None if cost is None else band(cost * 108_000),
        tokens_in_per_task=5_210.4,
        tokens_out_per_task=812.0,
        agents=(
            AgentFigures(
                agent_id="draft",
                utilisation=band(0.63),
                queue_mean=0.4,
                wait_s_mean=2.0,
                wait_s_p95=9.4,
                service_s_mean=12.0,
                visits_per_task=1.2,
                cost_usd_per_task=cost,
                tokens_per_task=3_000,
            ),
            AgentFigures(
                agent_id="adjuster",
                utilisation=Band(value=0.91, low=0.88, high=0.94),
                queue_mean=3.0,
                wait_s_mean=300.0,
                wait_s_p95=1_260.0,
                service_s_mean=240.0,
                visits_per_task=0.2,
                cost_usd_per_task=None,
                tokens_per_task=0,
            ),
        ),
        time_lost_s={"human": 48.0, "model": 14.2, "queueing": 62.0, "retries": 0.0},
        bottleneck=Bottleneck(
            ref="adjuster",
            kind="human",
            utilisation=0.91,
            reason="every fifth claim waits for one person",
            relief="A second adjuster",
            latency_p95_gain_s=190.0,
            cost_usd_per_month=None,
        ),
        littles_law=LittlesLaw(
            in_system_mean=2.5,
            arrival_rate_per_s=0.0417,
            sojourn_s_mean=60,
            relative_error=0.004,
            holds=True,
        ),
    )


@pytest.fixture
def run(failures: FailurePlan) -> RunResult:
    outcome = FailureOutcome(
        failure_id="A3@bank_transfer",
        figures=figures(latency=1.1, success=0.93),
        tasks_hit=0.021,
        outcome_flipped=0.02,
        blast_radius_agents=0.14,
        time_to_detect_s=band(35.0),
        recovered_share=0.4,
        delta_success=Band(value=-0.021, low=-0.03, high=-0.01),
        delta_latency_p95_s=band(12.0),
    )
    return RunResult(
        seed=7,
        tasks=200,
        replications=5,
        arrival_rate_per_min=2.5,
        arrival_rate_source="stated: 150 claims an hour",
        warmup_tasks=20,
        baseline=figures(),
        failures=(outcome,),
        all_failures=outcome.model_copy(
            update={"failure_id": "all", "figures": figures(latency=1.5, success=0.84)}
        ),
        mitigated=(
            MitigationOutcome(
                name="deputy after 30 min",
                failure_ids=("H1@adjuster",),
                mitigations=("human_gate",),
                figures=figures(latency=1.2, success=0.86),
                gain_success=band(0.02),
                delta_latency_p95_s=band(-70.0, -0.1),
                delta_cost_usd_per_task=None,
            ),
            MitigationOutcome(
                name="all mitigations",
                failure_ids=("A3@bank_transfer", "H1@adjuster"),
                mitigations=("breaker", "human_gate"),
                figures=figures(latency=1.05, success=0.92, cost=0.034),
                gain_success=band(0.08),
                delta_latency_p95_s=band(-113.0, -0.1),
                delta_cost_usd_per_task=band(0.003),
            ),
        ),
        journey=journey(),
    )


def journey() -> tuple[JourneyStep, ...]:
    return (
        JourneyStep(index=0, kind="agent_start", sim_time_s=10.0, ref="intake", agent_id="intake"),
        JourneyStep(
            index=1,
            kind="tool_used",
            sim_time_s=10.0,
            ref="mail_inbox",
            agent_id="intake",
            duration_s=0.3,
        ),
        JourneyStep(index=2, kind="agent_complete", sim_time_s=12.0, ref="intake", duration_s=2.0),
        JourneyStep(index=3, kind="data_flow", sim_time_s=12.0, ref="intake->fraud"),
        JourneyStep(
            index=4,
            kind="failure_mode_triggered",
            sim_time_s=14.0,
            ref="A3@bank_transfer",
            agent_id="pay",
            status="error",
        ),
        JourneyStep(
            index=5,
            kind="failure_recovered",
            sim_time_s=16.0,
            ref="A3@bank_transfer",
            agent_id="pay",
        ),
        JourneyStep(index=6, kind="human_wait", sim_time_s=20.0, ref="adjuster", duration_s=600.0),
    )


@pytest.fixture
def narrative() -> Narrative:
    p95 = Citation(text="4.2 min", value=252.0, event_id="r1.run.9", path="latency_s.p95.value")
    return Narrative(
        headline="The network works; one person is its limit.",
        chapters=(
            Chapter(
                kind="happened",
                title="What happened",
                text="Of 200 claims the slowest twentieth took 4.2 min or longer.",
                citations=(p95,),
            ),
            Chapter(
                kind="change",
                title="What to change",
                text="Give the adjuster a deputy: the 4.2 min fall by a third.",
                citations=(p95,),
            ),
        ),
        alerts=(
            Alert(
                name="Approval queue",
                metric="queue_age_s",
                condition="oldest request older than 30 min",
                threshold=1_800.0,
                severity="page",
                reason="the bottleneck",
            ),
        ),
        spans=(
            Span(span_id="a", parent_id=None, name="task", service="engine", start_s=0, end_s=30),
            Span(
                span_id="b",
                parent_id="a",
                name="invoke_agent Intake",
                service="intake",
                start_s=0,
                end_s=2,
            ),
            Span(
                span_id="c",
                parent_id="b",
                name="execute_tool mail_inbox",
                service="intake",
                start_s=0,
                end_s=0.3,
                status="error",
            ),
        ),
    )


@pytest.fixture
def rehearsal(
    network: Network, failures: FailurePlan, run: RunResult, narrative: Narrative
) -> Rehearsal:
    return Rehearsal(
        simulation_id="s1",
        status="completed",
        interpretation=Interpretation(
            is_scenario=True,
            title="Damage claims",
            goal=Found(name="settle claims quickly and fairly"),
            industry=Found(name="insurance"),
            steps=(Step(id="s1", order=1, name="read the claim", verb="read"),),
        ),
        network=network,
        failures=failures,
        run=run,
        narrative=narrative,
    )


@dataclass
class FakeGateway:
    """A gateway's face over a real socket. Its state is what a test sets and reads."""

    base_url: str = ""
    report: Any = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=lambda: {"simulation_id": "s1", "status": "x"})
    frames: list[Frame] = field(default_factory=list)
    script: list[Callable[[WebSocket, int], Awaitable[None]]] = field(default_factory=list)
    """How the first connections behave; those after them replay all and say `caught_up`."""
    refusal: dict[str, Any] | None = None
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    """Method, path with query, and body."""
    asked_after: list[int] = field(default_factory=list)

    async def http(self, request: Request) -> Response:
        body = await request.body()
        raw = request.scope["raw_path"].decode()
        path = raw + (f"?{request.url.query}" if request.url.query else "")
        self.requests.append((request.method, path, json.loads(body) if body else None))
        if self.refusal is not None:
            return JSONResponse(self.refusal, self.refusal["status"])
        match request.url.path.rpartition("/")[2]:
            case "simulate":
                return JSONResponse(self.answer, 202)
            case "export":
                return PlainTextResponse("graph TD\n")
            case "trace":
                return JSONResponse({"spans": self.report.get("narrative", {}).get("spans", [])})
            case _:
                return JSONResponse(self.report)

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept()
        after = int(socket.query_params.get("after", "0"))
        self.asked_after.append(after)
        behave = self.script.pop(0) if self.script else self.replay
        with suppress(WebSocketDisconnect):
            await behave(socket, after)

    async def replay(self, socket: WebSocket, after: int, until: int | None = None) -> None:
        for frame in self.frames:
            if after < frame.seq <= (until or frame.seq):
                await socket.send_text(frame.model_dump_json())
        if until is None:
            await socket.send_json({"type": "caught_up", "seq": len(self.frames)})
            with suppress(WebSocketDisconnect):
                await socket.receive_text()


@dataclass
class Stage:
    """One server for all tests; each test puts its own gateway on it."""

    base_url: str
    gateway: FakeGateway

    async def http(self, request: Request) -> Response:
        return await self.gateway.http(request)

    async def socket(self, socket: WebSocket) -> None:
        await self.gateway.socket(socket)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    listener = socket.create_server(("127.0.0.1", 0))
    stage = Stage(f"http://127.0.0.1:{listener.getsockname()[1]}", FakeGateway())
    app = Starlette(
        routes=[
            WebSocketRoute("/ws/{simulation_id}", stage.socket),
            Route("/{path:path}", stage.http, methods=["GET", "POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield stage
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@pytest.fixture
def gateway(stage: Stage) -> FakeGateway:
    stage.gateway = FakeGateway(base_url=stage.base_url)
    return stage.gateway


@pytest.fixture
def story_frames(make_frame: MakeFrame, network: Network, failures: FailurePlan) -> list[Frame]:
    """A simulation from its start to its end, a stage every quarter of a second."""
    stages: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("simulation_started", "gateway", "r1.gateway.1", {}),
        (
            "scenario_interpreted",
            "ScenarioInterpreterAgent",
            "r1.interpretation.1",
            {"interpretation": {"industry": {"name": "insurance"}, "steps": [{}, {}]}},
        ),
        (
            "architecture_planned",
            "ArchitecturePlannerAgent",
            "r1.architecture.1",
            {"network": network.model_dump(mode="json")},
        ),
        (
            "tools_mapped",
            "ToolSkillMapperAgent",
            "r1.tools.1",
            {"network": network.model_dump(mode="json", by_alias=True)},
        ),
        (
            "failures_selected",
            "FailureSimulationAgent",
            "r1.failures.1",
            {"failures": failures.model_dump(mode="json")},
        ),
        ("agent_start", "SimulationEngine", "r1.run.1", {}),
        ("observability", "SimulationEngine", "r1.run.2", {}),
        ("narrative", "ObservabilityNarrativeAgent", "r1.narrative.1", {}),
        ("simulation_completed", "gateway", "r1.gateway.2", {}),
    )
    return [
        make_frame(
            seq,
            event_type,
            source=source,
            event_id=event_id,
            payload=payload,
            timestamp=T0 + timedelta(seconds=0.25 * seq),
        )
        for seq, (event_type, source, event_id, payload) in enumerate(stages, 1)
    ]
