"""The worker's side of the bus against a real server: what happens to a job when things go wrong."""

import asyncio
import gzip
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import nats as nats_py
import pytest
from faststream.nats import NatsRouter
from nats.errors import ConnectionClosedError
from pydantic import SecretStr

from common import bus as bus_module
from common import codec, provision, streams
from common.bus import Bus, GiveUp, Retry, verdict
from common.contracts.events import (
    ScenarioInterpreted,
    SimulationRequested,
    StageFailed,
    StageStarted,
    caused_by,
    follow,
)
from common.contracts.scenario import Found, Interpretation, ScenarioRequest
from common.contracts.values import Provenance
from common.errors import DomainError, MalformedMessage, TransientError
from common.permissions import inbox
from common.settings import WorkerSettings
from common.streams import CONSUMERS, SIMULATIONS
from common.testing import nats_server
from common.worker import connect

T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = Interpretation(
    is_scenario=True, title="t", goal=Found(name="g"), industry=Found(name="retail")
)


@pytest.mark.parametrize(
    ("error", "delivery", "meaning"),
    [
        (TransientError("busy"), 1, Retry(1.0)),
        (TransientError("busy"), 4, Retry(8.0)),
        (TransientError("busy"), 5, GiveUp()),
        (ConnectionClosedError(), 1, Retry(1.0)),
        (TimeoutError(), 2, Retry(2.0)),
        (DomainError("no"), 1, GiveUp()),
        (MalformedMessage("no"), 1, GiveUp()),
        (KeyError("bug"), 1, GiveUp()),
    ],
)
def test_only_what_may_pass_is_tried_again_and_not_for_ever(error, delivery, meaning):
    assert verdict(error, delivery=delivery) == meaning


def test_a_large_event_travels_compressed_and_comes_back_the_same():
    event = requested("x", text="word " * 4_000).model_copy(
        update={"request": ScenarioRequest(scenario_id="s", text="ab " * 6_600, name="n" * 70_000)}
    )

    body, headers = codec.encode(event)

    assert headers == {"Content-Encoding": "gzip"}
    assert len(body) < 5_000
    assert codec.decode(SimulationRequested, body, headers) == event


def test_a_body_that_unfolds_without_end_is_refused():
    bomb = gzip.compress(b" " * (codec.MAX_DECODED_BYTES + 1))

    with pytest.raises(MalformedMessage, match="unfolds to more"):
        codec.decode(SimulationRequested, bomb, {"Content-Encoding": "gzip"})


def requested(simulation_id: str, text: str = "refund a customer") -> SimulationRequested:
    return SimulationRequested(
        event_id=UUID(int=abs(hash(simulation_id)) % 2**100),
        simulation_id=simulation_id,
        occurred_at=T0,
        request=ScenarioRequest(scenario_id="s", text=text),
    )


class Reader:
    """Stands for the interpreter's agent: does what the scenario text tells, and counts."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.running = 0

    async def interpret(self, heard: SimulationRequested) -> ScenarioInterpreted:
        count = self.calls[heard.simulation_id] = self.calls.get(heard.simulation_id, 0) + 1
        match heard.request.text:
            case "busy twice" if count < 3:
                raise TransientError("the model is busy")
            case "always busy":
                raise TransientError("the model is busy")
            case "impossible":
                raise DomainError("no goal was found in the text")
            case "bug":
                raise ZeroDivisionError("secret-internal-detail")
            case "slow":
                await asyncio.sleep(2.5)
        return follow(
            heard,
            ScenarioInterpreted,
            now=T0,
            provenance=Provenance(),
            interpretation=NOTHING,
        )


@pytest.fixture(scope="module")
def server():
    with nats_server() as running:
        yield running


@pytest.fixture
async def rig(server, monkeypatch):
    monkeypatch.setattr(bus_module, "RETRY_DELAYS_S", (0.05, 0.05, 0.05, 0.05))
    monkeypatch.setattr(bus_module, "HEARTBEAT_S", 0.3)
    await provision.provision(server.address("admin"))
    admin = await nats_py.connect(
        server.url, user="admin", password=server.passwords["admin"], inbox_prefix=inbox("admin")
    )
    gateway = await nats_py.connect(
        server.url,
        user="gateway",
        password=server.passwords["gateway"],
        inbox_prefix=inbox("gateway"),
    )
    js = admin.jetstream()
    spec = next(c for c in CONSUMERS if c.durable == "interpreter")
    await js.add_consumer(
        SIMULATIONS.name, provision.consumer_config(replace(spec, ack_wait_s=1.0))
    )
    yield Rig(server, admin, gateway)
    await js.purge_stream("SIMULATIONS")
    await js.purge_stream("DLQ")
    await admin.close()
    await gateway.close()


class Rig:
    def __init__(self, server, admin, gateway) -> None:
        self.server, self.admin, self.gateway = server, admin, gateway
        self.js = admin.jetstream()

    @asynccontextmanager
    async def worker(self, agent: Reader, slots: int = 2):
        settings = WorkerSettings(
            nats_url=self.server.url,
            nats_user="interpreter",
            nats_password=SecretStr(self.server.passwords["interpreter"]),
            instance=f"t{id(agent)}",
            slots=slots,
        )
        bus = connect("interpreter", settings)
        bus.broker.include_router(router_of(bus, agent))
        async with bus.broker:
            await bus.broker.start()
            yield bus

    async def ask(self, event: SimulationRequested) -> None:
        body, headers = codec.encode(event)
        await self.gateway.jetstream().publish(event.address, body, headers=headers)

    async def said(self, subject: str) -> list[dict]:
        info = await self.js.stream_info("SIMULATIONS", subjects_filter=subject)
        stream = "DLQ" if subject.startswith("dlq") else "SIMULATIONS"
        if stream == "DLQ":
            info = await self.js.stream_info("DLQ", subjects_filter=subject)
        if not (info.state.subjects or {}):
            return []
        found: list[dict] = []
        sequence = 0
        while True:
            try:
                message = await self.js.get_msg(
                    stream, seq=sequence + 1, subject=subject, next=True
                )
            except Exception:
                return found
            sequence = message.seq
            found.append({"headers": message.headers or {}, "data": message.data})

    async def until(self, subject: str, count: int = 1, within_s: float = 8.0) -> list[dict]:
        end = asyncio.get_running_loop().time() + within_s
        while len(found := await self.said(subject)) < count:
            assert asyncio.get_running_loop().time() < end, f"nothing on {subject}"
            await asyncio.sleep(0.02)
        return found

    async def pending(self) -> tuple[int, int]:
        info = await self.js.consumer_info("SIMULATIONS", "interpreter")
        return info.num_pending, info.num_ack_pending

    async def settled(self) -> None:
        end = asyncio.get_running_loop().time() + 8
        while await self.pending() != (0, 0):
            assert asyncio.get_running_loop().time() < end, await self.pending()
            await asyncio.sleep(0.02)


def router_of(bus: Bus, agent: Reader) -> NatsRouter:
    from faststream.nats import NatsMessage

    router = NatsRouter()

    @bus.ears(router)
    async def on_request(message: NatsMessage) -> None:
        await bus.stage(message, (SimulationRequested,), agent.interpret)

    return router


pytestmark = pytest.mark.real


async def test_a_job_is_done_said_and_acknowledged(rig):
    async with rig.worker(Reader()):
        await rig.ask(requested("good"))
        (said,) = await rig.until("sim.v1.scenario.interpreted.good")
        await rig.settled()

    event = codec.decode(ScenarioInterpreted, said["data"], said["headers"])
    assert event.event_id == caused_by(requested("good"), ScenarioInterpreted)
    assert event.cause_id == requested("good").event_id
    assert said["headers"]["Nats-Msg-Id"] == event.message_id


async def test_a_job_that_passes_later_is_tried_again_until_it_does(rig):
    agent = Reader()
    async with rig.worker(agent):
        await rig.ask(requested("twice", "busy twice"))
        await rig.until("sim.v1.scenario.interpreted.twice")
        await rig.settled()

    assert agent.calls == {"twice": 3}
    assert await rig.said("sim.v1.stage.failed.twice") == []


@pytest.mark.parametrize(
    ("text", "calls", "code", "reason"),
    [
        ("impossible", 1, "domain_error", "no goal was found in the text"),
        ("always busy", 5, "temporarily_unavailable", "the model is busy"),
        ("bug", 1, "internal_error", "ZeroDivisionError"),
    ],
)
async def test_a_job_that_cannot_be_done_is_reported_and_kept(rig, text, calls, code, reason):
    agent, key = Reader(), f"bad{calls}{code}"
    async with rig.worker(agent):
        await rig.ask(requested(key, text))
        (said,) = await rig.until(f"sim.v1.stage.failed.{key}")
        await rig.settled()

    failed = codec.decode(StageFailed, said["data"], said["headers"])
    assert (failed.error, failed.cause_id) == (code, requested(key, text).event_id)
    assert reason in failed.reason
    assert "secret-internal-detail" not in failed.reason
    assert agent.calls == {key: calls}
    kept = (await rig.said("dlq.v1.interpreter"))[-1]
    assert kept["headers"]["Sim-Subject"] == f"sim.v1.simulation.requested.{key}"
    assert json.loads(kept["data"])["simulation_id"] == key


@pytest.mark.parametrize(
    "body", [b"\x00\xff", b"{", b"[]", b'{"simulation_id": "other"}', b'{"a": ' * 2_000]
)
async def test_a_malformed_message_goes_to_the_dead_letters_at_once_and_harms_no_neighbour(
    rig, body
):
    before, neighbour = len(await rig.said("dlq.v1.interpreter")), f"neighbour{body[:4].hex()}"
    async with rig.worker(agent := Reader()):
        await rig.gateway.jetstream().publish("sim.v1.simulation.requested.broken", body)
        await rig.ask(requested(neighbour))
        await rig.until(f"sim.v1.scenario.interpreted.{neighbour}")
        await rig.until("dlq.v1.interpreter", before + 1)
        await rig.settled()

    assert agent.calls == {neighbour: 1}


async def test_a_message_with_an_envelope_and_no_payload_fails_its_simulation(rig):
    event = requested("hollow")
    body = json.dumps(
        {
            "event_id": str(event.event_id),
            "simulation_id": "hollow",
            "occurred_at": "2026-01-01T00:00:00Z",
        }
    ).encode()
    async with rig.worker(Reader()):
        await rig.gateway.jetstream().publish(event.address, body)
        (said,) = await rig.until("sim.v1.stage.failed.hollow")

    assert codec.decode(StageFailed, said["data"]).error == "malformed_message"


async def test_a_job_longer_than_the_ack_deadline_is_kept_alive_and_done_once(rig):
    agent = Reader()
    async with rig.worker(agent), rig.worker(agent):
        await rig.ask(requested("slow", "slow"))
        await rig.until("sim.v1.scenario.interpreted.slow")
        await rig.settled()

    assert agent.calls == {"slow": 1}


async def test_a_job_delivered_twice_is_said_once(rig):
    async with rig.worker(agent := Reader()):
        await rig.ask(requested("again"))
        await rig.ask(requested("again"))  # as after a lost ack: the same event, another message
        await rig.settled()

    assert agent.calls == {"again": 2}
    assert len(await rig.said("sim.v1.scenario.interpreted.again")) == 1


async def test_the_events_of_a_second_attempt_are_not_taken_for_repeats(rig):
    async with rig.worker(Reader()):
        await rig.ask(requested("retry"))
        await rig.until("sim.v1.scenario.interpreted.retry")
        await rig.ask(requested("retry").model_copy(update={"attempt": 1}))
        said = await rig.until("sim.v1.scenario.interpreted.retry", 2)

    first, second = (codec.decode(ScenarioInterpreted, s["data"]) for s in said)
    assert first.event_id == second.event_id
    assert [s["headers"]["Nats-Msg-Id"] for s in said] == [
        str(first.event_id),
        f"{first.event_id}.1",
    ]


async def test_work_that_takes_long_is_announced_and_other_work_is_not(rig):
    async with rig.worker(Reader()):
        await rig.ask(requested("quick"))
        await rig.until("sim.v1.scenario.interpreted.quick")
        await rig.ask(requested("who", "slow"))
        (said,) = await rig.until("sim.v1.stage.started.who")
        assert await rig.said("sim.v1.scenario.interpreted.who") == [], "before it is done"
        await rig.until("sim.v1.scenario.interpreted.who")
    assert await rig.said("sim.v1.stage.started.quick") == []

    started = codec.decode(StageStarted, said["data"])
    assert (started.stage, started.worker) == ("interpretation", "interpreter")


async def test_a_worker_lives_through_a_restart_of_the_bus(rig):
    async with rig.worker(agent := Reader()):
        await rig.ask(requested("before"))
        await rig.until("sim.v1.scenario.interpreted.before")
        await rig.settled()
        rig.server.kill()
        await asyncio.sleep(0.3)
        rig.server.start()
        for _ in range(40):
            try:
                await rig.ask(requested("after"))
                break
            except Exception:
                await asyncio.sleep(0.2)
        await rig.until("sim.v1.scenario.interpreted.after", within_s=10)

    assert agent.calls["after"] >= 1


def test_broken_compressed_data_is_malformed_and_nothing_else():
    body = bytearray(gzip.compress(b'{"event_id": 1}' * 100, 1))
    body[12] ^= 0xFF
    body[14] ^= 0x55

    with pytest.raises(MalformedMessage, match="gzip"):
        codec.decode(SimulationRequested, bytes(body), {"Content-Encoding": "gzip"})


def test_the_largest_message_of_a_stream_fits_the_dlq_with_what_is_written_on_it():
    headers = 1_024 + 3 * 64
    largest = max(stream.max_msg_bytes for stream in (streams.SIMULATIONS, streams.CONVERSATIONS))

    assert streams.DLQ.max_msg_bytes >= largest + headers
