"""The relay and the reaper on a real record; the bus is a list, or the real one where it must forget."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from common.contracts.events import StageStarted
from gateway.bus import BusAway
from gateway.database import Database
from gateway.reaper import QUEUED_PATIENCE, Reaper
from gateway.relay import Relay
from gateway.settings import GatewaySettings
from gateway.testing import T0, Recorder, next_result

pytestmark = pytest.mark.real


class ListBus:
    """A bus that stores messages in a list; `takes` says how many more before it goes away."""

    def __init__(self, takes: int = 10_000) -> None:
        self.takes = takes
        self.stored: list[tuple[str, str]] = []
        self.store: str | None = "first"
        self.pending: dict[str, int] = {}
        self.answers = True

    async def promise(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *, stream: str
    ) -> None:
        if self.takes <= 0:
            raise BusAway("away")
        self.takes -= 1
        self.stored.append((subject, headers["Nats-Msg-Id"]))

    async def store_id(self) -> str | None:
        return self.store

    async def lags(self, consumers: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        if not self.answers:
            raise BusAway("away")
        return [{"consumer": name, "pending": self.pending.get(name, 0)} for _, name in consumers]

    async def declare(self) -> None:
        self.store = "declared"


def make_relay(database: Database, bus: ListBus) -> Relay:
    return Relay(database, bus, asyncio.Event(), batch=200, poll_s=0.05)


async def test_what_the_bus_has_stored_is_forgotten(recorder: Recorder, database: Database) -> None:
    bus = ListBus()
    requested = [await recorder.submit(f"s{n}") for n in range(5)]

    assert await make_relay(database, bus).flush() == 5

    assert {message_id for _, message_id in bus.stored} == {str(r.event_id) for r in requested}
    assert await recorder.outbox() == []


async def test_what_the_bus_did_not_take_stays_and_goes_out_under_the_same_id(
    recorder: Recorder, database: Database
) -> None:
    bus = ListBus(takes=2)
    for n in range(5):
        await recorder.submit(f"s{n}")
    relay = make_relay(database, bus)

    with pytest.raises(BusAway):
        await relay.flush()
    left = {row.message_id for row in await recorder.outbox()}
    bus.takes = 10
    await relay.flush()

    assert len(left) == 3
    assert {message_id for _, message_id in bus.stored[2:]} == left


async def test_two_relays_share_the_outbox_without_sending_twice(
    recorder: Recorder, database: Database
) -> None:
    bus = ListBus()
    for n in range(30):
        await recorder.submit(f"s{n}")

    await asyncio.gather(*(make_relay(database, bus).flush() for _ in range(2)))

    assert len(bus.stored) == len({message_id for _, message_id in bus.stored}) == 30


async def test_a_running_relay_is_woken_and_survives_an_absent_bus(
    recorder: Recorder, database: Database
) -> None:
    bus = ListBus(takes=0)
    running = asyncio.create_task(make_relay(database, bus).run())
    await recorder.submit()
    await asyncio.sleep(0.2)
    bus.takes = 10

    async with asyncio.timeout(5):
        while await recorder.outbox():  # noqa: ASYNC110 - the table is what is watched
            await asyncio.sleep(0.02)

    running.cancel()
    assert len(bus.stored) == 1


def make_reaper(recorder: Recorder, bus: ListBus, settings: GatewaySettings) -> Reaper:
    return Reaper(
        recorder.database,
        recorder.ledger,
        bus,
        declare=bus.declare,
        alarm=asyncio.Event(),
        settings=settings,
    )


async def test_silence_is_answered_by_sending_the_same_event_as_a_new_message(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    await recorder.submit()
    interpreted = await recorder.accept_until("s1", "interpretation")
    await recorder.empty_outbox()
    await recorder.age("s1", settings.stalled_after_s + 1)

    await make_reaper(recorder, ListBus(), settings).round()

    (row,) = await recorder.outbox()
    assert row.subject == "sim.v1.scenario.interpreted.s1"
    assert row.message_id == f"{interpreted.event_id}.1"
    assert next_result(await recorder.heard_next("s1")).attempt == 1


@pytest.mark.parametrize("seconds", [0.0, 50.0])
async def test_a_short_silence_is_left_alone(
    recorder: Recorder, settings: GatewaySettings, seconds: float
) -> None:
    await recorder.submit()
    await recorder.empty_outbox()
    await recorder.age("s1", seconds)

    await make_reaper(recorder, ListBus(), settings).round()

    assert await recorder.outbox() == []


@pytest.mark.parametrize(
    ("pending", "answers"),
    [({"planner": 1}, True), ({"projector": 1}, True), ({}, False)],
    ids=["queue", "results", "bus-away"],
)
async def test_waiting_in_a_queue_is_no_silence(
    recorder: Recorder, settings: GatewaySettings, pending: dict[str, int], answers: bool
) -> None:
    await recorder.submit()
    await recorder.accept_until("s1", "interpretation")
    await recorder.empty_outbox()
    bus = ListBus()
    bus.pending, bus.answers = pending, answers

    await recorder.age("s1", settings.stalled_after_s * (QUEUED_PATIENCE - 1))
    await make_reaper(recorder, bus, settings).round()
    patient = await recorder.outbox()
    await recorder.age("s1", settings.stalled_after_s * 2)
    await make_reaper(recorder, bus, settings).round()

    assert patient == []
    assert len(await recorder.outbox()) == 1


async def test_a_queue_at_another_stage_is_no_excuse(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    await recorder.submit()
    await recorder.accept_until("s1", "interpretation")
    await recorder.empty_outbox()
    await recorder.age("s1", settings.stalled_after_s + 1)
    bus = ListBus()
    bus.pending = {"mapper": 9}

    await make_reaper(recorder, bus, settings).round()

    assert len(await recorder.outbox()) == 1


async def test_what_still_waits_in_the_outbox_is_not_sent_twice(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    await recorder.submit()
    await recorder.age("s1", settings.stalled_after_s + 1)

    await make_reaper(recorder, ListBus(), settings).round()

    assert len(await recorder.outbox()) == 1


async def test_a_stage_that_a_worker_has_begun_may_take_longer(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    requested = await recorder.submit()
    await recorder.empty_outbox()
    await recorder.ledger.started(
        StageStarted(
            event_id=requested.event_id,
            simulation_id="s1",
            occurred_at=T0,
            stage="interpretation",
            worker="interpreter",
            instance="interpreter-1",
        )
    )
    reaper = make_reaper(recorder, ListBus(), settings)

    await recorder.age("s1", settings.stalled_after_s + 1)
    await reaper.round()
    patient = await recorder.outbox()
    await recorder.age("s1", settings.busy_after_s)
    await reaper.round()

    assert (patient, len(await recorder.outbox())) == ([], 1)


async def test_after_three_times_in_vain_the_simulation_fails_as_stalled(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    await recorder.submit()
    reaper = make_reaper(recorder, ListBus(), settings)

    for _ in range(settings.max_reemissions + 1):
        await recorder.empty_outbox()
        await recorder.age("s1", settings.stalled_after_s + 1)
        await reaper.round()

    simulation = await recorder.simulation()
    assert (simulation.status, simulation.error) == ("failed", "stalled")
    assert (await recorder.frames())[-1].event_type == "simulation_failed"


async def test_progress_gives_new_patience(recorder: Recorder, settings: GatewaySettings) -> None:
    await recorder.submit()
    reaper = make_reaper(recorder, ListBus(), settings)
    for stage in ("interpretation", "architecture", "tools"):
        for _ in range(2):
            await recorder.empty_outbox()
            await recorder.age("s1", settings.stalled_after_s + 1)
            await reaper.round()
        await recorder.accept_until("s1", stage)

    assert (await recorder.simulation()).status == "running"


async def test_past_its_deadline_a_simulation_fails_as_expired_whatever_waits(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    await recorder.submit()
    await recorder.age("s1", settings.deadline_s + 1)

    await make_reaper(recorder, ListBus(), settings).round()

    assert (await recorder.simulation()).error == "expired"


async def test_what_is_over_is_never_touched(recorder: Recorder, settings: GatewaySettings) -> None:
    await recorder.submit()
    await recorder.accept_until("s1", "narrative")
    await recorder.empty_outbox()
    before = await recorder.simulation()
    await recorder.age("s1", settings.deadline_s + 1)

    await make_reaper(recorder, ListBus(), settings).round()

    assert (await recorder.simulation(), await recorder.outbox()) == (before, [])


async def test_two_reapers_at_once_send_one_event_once(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    await recorder.submit()
    await recorder.empty_outbox()
    await recorder.age("s1", settings.stalled_after_s + 1)

    await asyncio.gather(*(make_reaper(recorder, ListBus(), settings).round() for _ in range(3)))

    assert len(await recorder.outbox()) == 1


async def test_after_the_loss_of_the_bus_everything_open_goes_out_again_at_once(
    recorder: Recorder, settings: GatewaySettings
) -> None:
    bus = ListBus()
    reaper = make_reaper(recorder, bus, settings)
    for simulation_id in ("s1", "s2", "over"):
        await recorder.submit(simulation_id)
    await recorder.accept_until("s2", "tools")
    await recorder.accept_until("over", "narrative")
    await recorder.empty_outbox()
    await reaper.round()
    known = await recorder.outbox()

    bus.store = None
    await reaper.round()

    assert known == [], "the first look at a bus is no loss"
    assert sorted(row.subject for row in await recorder.outbox()) == [
        "sim.v1.simulation.requested.s1",
        "sim.v1.tools.mapped.s2",
    ]
