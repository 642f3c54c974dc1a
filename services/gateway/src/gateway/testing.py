"""For tests: results of every stage, small but whole, and workers that say them on a real bus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import nats
import uvicorn
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import text

from common.codec import decode, encode
from common.contracts.events import (
    ArchitectureEdited,
    ArchitecturePlanned,
    Event,
    FailuresSelected,
    ObservabilityNarrated,
    RunCompleted,
    ScenarioInterpreted,
    SimulationRequested,
    Stage,
    StageCompleted,
    StageStarted,
    ToolsMapped,
    follow,
)
from common.contracts.failures import FailurePlan
from common.contracts.narrative import Chapter, Narrative
from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.run import Figures, Quantiles, RunResult
from common.contracts.scenario import Found, Interpretation
from common.contracts.stream import EventType, StreamEvent
from common.contracts.values import Band, Provenance
from common.embedded.launch import free_port
from common.settings import WorkerSettings
from common.testing import RealNats
from common.worker import connect
from gateway.app import make_app
from gateway.database import Database
from gateway.fanout import Fanout
from gateway.frames import StoredFrame
from gateway.hub import Hub
from gateway.pipeline import Verdict, awaited_event
from gateway.process import Gateway
from gateway.repositories.events import EventRepository
from gateway.repositories.outbox import OutboxRepository, OutboxRow
from gateway.repositories.simulations import Simulation, SimulationRepository
from gateway.server import socket_config
from gateway.services.ledger import Ledger
from gateway.services.rebuild import read_record
from gateway.services.submission import Patience, Submission, SubmissionService

T0 = datetime(2026, 1, 1, tzinfo=UTC)
JOURNEY_EVENTS = 6


def interpretation(title: str = "A desk") -> Interpretation:
    return Interpretation(
        is_scenario=True, title=title, goal=Found(name="sort"), industry=Found(name="retail")
    )


def network(*, mapped: bool = False) -> Network:
    tools = (ToolSpec(name="order_lookup", capability="order.read", used_by=("sorter",)),)
    edge = Connection(source="sorter", target="order_lookup", kind="tool")
    return Network(
        agents=(
            AgentSpec(id="sorter", name="Sorter", role="sorts", tools=("order_lookup",)),
            AgentSpec(
                id="manager", name="Manager", role="approves", kind="human", model_class=None
            ),
        ),
        tools=tools if mapped else (),
        connections=(
            Connection(source="sorter", target="manager", kind="approve"),
            *((edge,) if mapped else ()),
        ),
        pattern="sequential",
        pattern_reason="one after the other",
        human_in_loop=True,
        entry=("sorter",),
        exit=("manager",),
    )


def run_result() -> RunResult:
    band = Band(value=1.0, low=0.9, high=1.1)
    figures = Figures(
        tasks=200,
        latency_s=Quantiles(mean=band, p50=band, p95=band, p99=band),
        throughput_per_min=band,
        success=Band(value=0.9, low=0.85, high=0.95),
        cost_usd_per_task=None,
        cost_usd_per_month=None,
        tokens_in_per_task=100,
        tokens_out_per_task=50,
    )
    return RunResult(
        seed=1,
        tasks=200,
        replications=1,
        arrival_rate_per_min=1.0,
        arrival_rate_source="assumed",
        warmup_tasks=20,
        baseline=figures,
    )


def shown(event_type: EventType, **fields: Any) -> StreamEvent:
    return StreamEvent(event_id="", event_type=event_type, source="TestAgent", **fields)


def next_result(heard: SimulationRequested | StageCompleted, now: datetime = T0) -> StageCompleted:
    """What the worker after `heard` says."""
    common: dict[str, Any] = {"now": now, "provenance": Provenance(agent="TestAgent")}
    match heard:
        case SimulationRequested():
            found = interpretation()
            event = shown(
                "scenario_interpreted", payload={"interpretation": found.model_dump(mode="json")}
            )
            return follow(
                heard, ScenarioInterpreted, stream=[event], interpretation=found, **common
            )
        case ScenarioInterpreted() | ArchitectureEdited():
            return _planned(heard, common)
        case ArchitecturePlanned():
            mapped = heard.network if heard.network.tools else network(mapped=True)
            event = shown("tools_mapped", payload={"pattern": mapped.pattern})
            return follow(
                heard, ToolsMapped, stream=[event], **_carried(heard, network=mapped), **common
            )
        case ToolsMapped():
            plan = FailurePlan()
            event = shown("failures_selected", payload={"failures": {"modes": []}})
            return follow(
                heard, FailuresSelected, stream=[event], **_carried(heard, failures=plan), **common
            )
        case FailuresSelected():
            steps = [shown("agent_start", sim_time_s=float(step)) for step in range(JOURNEY_EVENTS)]
            return follow(
                heard, RunCompleted, stream=steps, **_carried(heard, run=run_result()), **common
            )
        case RunCompleted():
            story = Narrative(
                headline="It held", chapters=(Chapter(kind="happened", title="T", text="It ran."),)
            )
            event = shown("narrative", payload={"headline": story.headline})
            return follow(heard, ObservabilityNarrated, stream=[event], narrative=story, **common)
    raise TypeError(f"nothing follows {type(heard).__name__}")


def _planned(
    heard: ScenarioInterpreted | ArchitectureEdited, common: dict[str, Any]
) -> StageCompleted:
    planned = heard.network if isinstance(heard, ArchitectureEdited) else network()
    event = shown("architecture_planned", payload={"pattern": planned.pattern})
    return follow(
        heard,
        ArchitecturePlanned,
        stream=[event],
        interpretation=heard.interpretation,
        network=planned,
        **common,
    )


def _carried(heard: StageCompleted, **added: Any) -> dict[str, Any]:
    names = ("interpretation", "network", "failures", "run")
    return {name: getattr(heard, name) for name in names if hasattr(heard, name)} | added


class ScriptedWorkers:
    """One process that plays all six workers; `silent` names stages nobody works on."""

    WORKERS: tuple[tuple[str, tuple[type[Event], ...]], ...] = (
        ("interpreter", (SimulationRequested,)),
        ("planner", (ScenarioInterpreted, ArchitectureEdited)),
        ("mapper", (ArchitecturePlanned,)),
        ("failure", (ToolsMapped,)),
        ("simulation", (FailuresSelected,)),
        ("narrator", (RunCompleted,)),
    )

    def __init__(
        self,
        server: RealNats,
        *,
        answer: Callable[[Any], StageCompleted] = next_result,
        silent: frozenset[str] = frozenset(),
    ) -> None:
        self._server = server
        self._answer = answer
        self.silent = silent
        self._clients: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for worker, hears in self.WORKERS:
            address = self._server.address(worker)
            client = await nats.connect(
                address.url,
                user=address.user,
                password=address.password,
                inbox_prefix=f"_INBOX_{worker}",
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,
            )
            self._clients.append(client)
            self._tasks.append(asyncio.create_task(self._work(client, worker, hears)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            await client.close()

    async def _work(self, client: Client, worker: str, hears: tuple[type[Event], ...]) -> None:
        shapes = {shape.subject: shape for shape in hears}
        pull = await client.jetstream().pull_subscribe_bind(worker, "SIMULATIONS")
        while True:
            try:
                for message in await pull.fetch(1, timeout=1):
                    await self._hear(client, worker, shapes, message)
            except (TimeoutError, nats.errors.Error):
                await asyncio.sleep(0.01)

    async def _hear(
        self, client: Client, worker: str, shapes: dict[str, type[Event]], message: Msg
    ) -> None:
        heard = decode(shapes[message.subject.rpartition(".")[0]], message.data, message.headers)
        if worker not in self.silent:
            said = self._answer(heard)
            started = StageStarted(
                event_id=said.event_id,
                cause_id=heard.event_id,
                simulation_id=heard.simulation_id,
                revision=heard.revision,
                attempt=heard.attempt,
                occurred_at=T0,
                stage=said.stage,
                worker=worker,
                instance=f"{worker}-1",
            )
            await self.say(client, started, f"{said.message_id}.started")
            await self.say(client, said, said.message_id)
        await message.ack()

    @staticmethod
    async def say(client: Client, event: Event, message_id: str) -> None:
        body, headers = encode(event)
        headers["Nats-Msg-Id"] = message_id
        await client.jetstream().publish(event.address, body, headers=headers)


class Recorder:
    """A ledger on a real record, whose frames stay here instead of going out; and short cuts into the record."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.hub = Hub()
        self.wake = asyncio.Event()
        self.fanout = Fanout(self.hub, None)
        self.ledger = Ledger(database, self.fanout, self.wake)
        self.submissions = SubmissionService(
            database,
            self.hub,
            self.fanout,
            self.wake,
            uuid4,
            deadline_s=1_800,
            max_outbox_rows=10_000,
        )

    async def submit(
        self, simulation_id: str = "s1", words: str = "Sort the mail."
    ) -> SimulationRequested:
        """Store a scenario; the event that the interpreter would hear."""
        await self.submissions.submit(simulation_id, Submission(text=words), Patience(wait="none"))
        heard = await self.heard_next(simulation_id)
        assert isinstance(heard, SimulationRequested)
        return heard

    async def heard_next(self, simulation_id: str) -> SimulationRequested | StageCompleted:
        """The event whose reader the simulation waits for, rebuilt from the record."""
        async with self.database.transaction() as connection:
            record = await read_record(connection, simulation_id)
        return awaited_event(record, attempt=record.attempt, now=T0)

    async def accept_until(self, simulation_id: str, stage: Stage) -> StageCompleted:
        """Play the pipeline up to `stage`; its accepted result."""
        while True:
            result = next_result(await self.heard_next(simulation_id))
            assert await self.ledger.accept(result) is Verdict.ACCEPT
            if result.stage == stage:
                return result

    async def simulation(self, simulation_id: str = "s1") -> Simulation:
        async with self.database.transaction() as connection:
            found = await SimulationRepository(connection).get(simulation_id)
        assert found is not None
        return found

    async def frames(self, simulation_id: str = "s1") -> list[StoredFrame]:
        async with self.database.transaction() as connection:
            return await EventRepository(connection).page(simulation_id, after=0, limit=10_000)

    async def outbox(self) -> list[OutboxRow]:
        async with self.database.transaction() as connection:
            return list(await OutboxRepository(connection).claim(10_000))

    async def empty_outbox(self) -> None:
        rows = await self.outbox()
        async with self.database.transaction() as connection:
            await OutboxRepository(connection).remove([row.id for row in rows])

    async def age(self, simulation_id: str, seconds: float) -> None:
        """Let all that happened so far have happened `seconds` earlier."""
        async with self.database.transaction() as connection:
            await connection.execute(
                text(
                    "UPDATE revisions SET progressed_at = progressed_at - make_interval(secs => :s),"
                    " deadline_at = deadline_at - make_interval(secs => :s) WHERE simulation_id = :id"
                ),
                {"s": seconds, "id": simulation_id},
            )


class SocketServer:
    """uvicorn in this event loop, with the options of production; the gateway is started and stopped elsewhere."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.port = free_port()
        config = socket_config(make_app(gateway), "127.0.0.1", self.port, gateway.settings)
        config.lifespan = "off"
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # none in a test

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "SocketServer":
        self._task = asyncio.create_task(self._server._serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn offers a flag, no event
            await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gateway.drain()
        self._server.should_exit = True
        await self._task


@asynccontextmanager
async def running_conversation_worker(nats: RealNats) -> AsyncIterator[Any]:
    """The conversation worker, in this process."""
    # Imported by name: services do not import each other; tests are where the two meet.
    from importlib import import_module

    agent, app, turns = (import_module(f"conversation.{m}") for m in ("agent", "app", "turns"))
    settings = WorkerSettings(
        nats_url=nats.url,
        nats_user="conversation",
        nats_password=nats.passwords["conversation"],
        instance="conversation-1",
    )
    bus = connect("conversation", settings)
    bus.broker.include_router(
        app.make_router(bus, agent.ChatAgent(now=bus.now), turns.DeliberationAgent(now=bus.now))
    )
    await bus.broker.start()
    try:
        yield bus
    finally:
        await bus.broker.stop()
