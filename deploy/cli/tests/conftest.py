"""A realistic rehearsal, and networks of other sizes, as the contracts have them."""

import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
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
from typer.testing import CliRunner, Result

from common.contracts.failures import FailurePlan
from common.contracts.narrative import Narrative
from common.contracts.network import AgentSpec, Connection, Network
from common.contracts.run import RunResult
from common.contracts.stream import Frame
from simulator_cli.main import app
from simulator_cli.rehearsal import Rehearsal

DATA = Path(__file__).parent / "data"
T0 = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Draw(Protocol):
    """Renders as a pipe would see it and holds every line to the width."""

    def __call__(self, view: RenderableType, width: int) -> str: ...


class MakeFrame(Protocol):
    def __call__(self, seq: int, event_type: str, **fields: Any) -> Frame: ...


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
def rehearsal() -> Rehearsal:
    """Claims of an insurer: a router's choice, a gate, a check with rework, two parallel branches, a run."""
    return Rehearsal.model_validate_json((DATA / "claims.json").read_text(encoding="utf-8"))


@pytest.fixture
def network(rehearsal: Rehearsal) -> Network:
    assert rehearsal.network is not None
    return rehearsal.network


@pytest.fixture
def failures(rehearsal: Rehearsal) -> FailurePlan:
    assert rehearsal.failures is not None
    return rehearsal.failures


@pytest.fixture
def run(rehearsal: Rehearsal) -> RunResult:
    assert rehearsal.run is not None
    return rehearsal.run


@pytest.fixture
def narrative(rehearsal: Rehearsal) -> Narrative:
    assert rehearsal.narrative is not None
    return rehearsal.narrative


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
    site = Starlette(
        routes=[
            WebSocketRoute("/ws/{simulation_id}", stage.socket),
            Route("/{path:path}", stage.http, methods=["GET", "POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(site, log_level="critical", lifespan="off"))
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


@pytest.fixture
def invoke(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("SIMULATOR_URL", gateway.base_url)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin)

    return run


@pytest.fixture
def completed(gateway: FakeGateway, rehearsal: Rehearsal, story_frames: list[Frame]) -> FakeGateway:
    gateway.report = rehearsal.model_dump(mode="json", by_alias=True)
    gateway.frames = story_frames
    return gateway
