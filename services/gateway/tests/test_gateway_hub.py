"""The hub and the cursor: order, no gap, no repeat, bounded memory; without FastAPI and without a database."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cursor import CaughtUp, Cursor, Resync
from gateway.fanout import messages
from gateway.frames import StoredFrame
from gateway.hub import Channel, Feed, Hub, HubClosed
from gateway.view import View, parse_categories


def frame(seq: int, *, sim_time_s: float | None = None, category: str = "agent") -> StoredFrame:
    return StoredFrame("s1", seq, 1, sim_time_s, "agent_start", category, f'{{"seq":{seq}}}')


class Log:
    """A record in memory that can be read by page."""

    def __init__(self) -> None:
        self.frames: list[StoredFrame] = []
        self.reads = 0

    def write(self, count: int, **fields: object) -> list[StoredFrame]:
        first = len(self.frames) + 1
        new = [frame(seq) for seq in range(first, first + count)]
        self.frames += new
        return new

    async def page(self, simulation_id: str, after: int, limit: int) -> Sequence[StoredFrame]:
        self.reads += 1
        await asyncio.sleep(0)
        return [item for item in self.frames if item.seq > after][:limit]


async def read(cursor: Cursor, until: int) -> list[int]:
    """The seqs that the cursor hands out, up to `until`."""
    seen: list[int] = []
    async for item in cursor:
        if isinstance(item, StoredFrame):
            seen.append(item.seq)
            if item.seq >= until:
                break
    return seen


async def rest(items: AsyncIterator[StoredFrame | CaughtUp | Resync], count: int) -> list[int]:
    """The seqs of the next `count` items."""
    return [item.seq for _ in range(count) if isinstance(item := await anext(items), StoredFrame)]


async def test_a_reader_gets_what_was_stored_before_and_what_comes_later() -> None:
    log, hub = Log(), Hub()
    log.write(3)
    reading = asyncio.create_task(read(Cursor(hub, log.page, "s1"), until=5))
    await asyncio.sleep(0.01)

    hub.deliver("s1", log.write(2))

    assert await asyncio.wait_for(reading, 1) == [1, 2, 3, 4, 5]


async def test_resuming_skips_what_the_reader_has() -> None:
    log, hub = Log(), Hub()
    log.write(10)

    assert await read(Cursor(hub, log.page, "s1", after=7), until=10) == [8, 9, 10]


async def test_the_end_of_the_replay_is_marked_once() -> None:
    log, hub = Log(), Hub()
    log.write(2)
    items = aiter(Cursor(hub, log.page, "s1"))

    seen = [await anext(items) for _ in range(3)]

    assert seen[2] == CaughtUp(2)


async def test_a_hole_in_the_live_frames_is_filled_from_the_record() -> None:
    log, hub = Log(), Hub()
    reading = asyncio.create_task(read(Cursor(hub, log.page, "s1"), until=6))
    await asyncio.sleep(0.01)

    hub.deliver("s1", log.write(2))
    log.write(2)
    hub.deliver("s1", log.write(2))

    assert await asyncio.wait_for(reading, 1) == [1, 2, 3, 4, 5, 6]


async def test_frames_delivered_twice_or_out_of_order_are_read_once_and_in_order() -> None:
    log, hub = Log(), Hub()
    reading = asyncio.create_task(read(Cursor(hub, log.page, "s1"), until=4))
    await asyncio.sleep(0.01)

    first, second = log.write(2), log.write(2)
    for batch in (second, first, first, second):
        hub.deliver("s1", batch)

    assert await asyncio.wait_for(reading, 1) == [1, 2, 3, 4]


async def test_a_head_that_was_noticed_without_frames_makes_the_reader_read_the_record() -> None:
    log, hub = Log(), Hub()
    reading = asyncio.create_task(read(Cursor(hub, log.page, "s1"), until=3))
    await asyncio.sleep(0.01)

    log.write(3)
    hub.notice("s1", 3)

    assert await asyncio.wait_for(reading, 1) == [1, 2, 3]


async def test_a_head_that_is_known_costs_no_read() -> None:
    log, hub = Log(), Hub()
    log.write(3)
    reading = asyncio.create_task(read(Cursor(hub, log.page, "s1"), until=4))
    await asyncio.sleep(0.01)
    reads = log.reads

    hub.notice("s1", 3)
    await asyncio.sleep(0.01)
    hub.deliver("s1", log.write(1))
    await asyncio.wait_for(reading, 1)

    assert log.reads == reads


async def test_a_reader_that_knows_more_than_is_stored_starts_over() -> None:
    log, hub = Log(), Hub()
    log.write(2)
    items = aiter(Cursor(hub, log.page, "s1", after=50))

    assert await anext(items) == Resync(after=50, head=0)
    assert await anext(items) == log.frames[0]


def test_a_feed_that_is_not_read_keeps_a_bounded_number_of_frames() -> None:
    hub = Hub(max_frames=10)
    with hub.attach("s1") as feed:
        for seq in range(1, 1_000):
            hub.deliver("s1", [frame(seq)])

        assert len(feed._frames) <= 10


async def test_a_feed_that_overflowed_says_that_frames_are_missing() -> None:
    feed = Feed(max_frames=2, max_bytes=1_000)
    feed.offer([frame(seq) for seq in (1, 2, 3)])

    assert await feed.news() == ([], True)


async def test_a_feed_is_bounded_in_bytes_too() -> None:
    feed = Feed(max_frames=100, max_bytes=15)
    feed.offer([frame(1), frame(2)])

    assert await feed.news() == ([], True)


async def test_a_slow_reader_loses_nothing_and_costs_a_fast_one_nothing() -> None:
    log, hub = Log(), Hub(max_frames=5)
    slow = Cursor(hub, log.page, "s1")
    fast = asyncio.create_task(read(Cursor(hub, log.page, "s1"), until=100))
    items = aiter(slow)
    assert await anext(items) == CaughtUp(0)

    for _ in range(100):
        hub.deliver("s1", log.write(1))
        await asyncio.sleep(0)
    seen = await rest(items, 100)

    assert await asyncio.wait_for(fast, 1) == seen == list(range(1, 101))


def test_a_reader_that_left_is_forgotten() -> None:
    hub = Hub()
    followed = Channel("public", "sim", "s1")
    with hub.attach(followed):
        assert hub.watched("sim") == [followed]

    assert (hub.watched("sim"), hub.readers) == ([], 0)


async def test_closing_sends_every_reader_away_and_lets_nobody_in() -> None:
    hub = Hub()
    with hub.attach("s1") as feed:
        hub.close()
        with pytest.raises(HubClosed):
            await feed.news()

    with pytest.raises(HubClosed), hub.attach("s2"):
        pass


@given(
    batches=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    fates=st.lists(st.sampled_from(["told", "lost", "twice", "late"]), min_size=12, max_size=12),
    after=st.integers(0, 5),
)
def test_whatever_the_hub_loses_repeats_or_swaps_the_reader_sees_every_seq_once(
    batches: list[int], fates: list[str], after: int
) -> None:
    async def play() -> list[int]:
        log, hub, late = Log(), Hub(max_frames=4), []
        log.write(after)
        total = after + sum(batches)
        reading = asyncio.create_task(read(Cursor(hub, log.page, "s1", after), until=total))
        await asyncio.sleep(0)
        for count, fate in zip(batches, fates, strict=False):
            new = log.write(count)
            if fate == "late":
                late.append(new)
            elif fate != "lost":
                hub.deliver("s1", new)
            if fate == "twice":
                hub.deliver("s1", new)
            await asyncio.sleep(0)
        for new in late:
            hub.deliver("s1", new)
        hub.notice("s1", total)
        return await asyncio.wait_for(reading, 2)

    assert asyncio.run(play()) == list(range(after + 1, after + sum(batches) + 1))


async def test_a_paced_view_waits_for_simulated_time_divided_by_the_speed() -> None:
    log, hub, slept = Log(), Hub(), []
    log.frames = [frame(1), frame(2, sim_time_s=4.0), frame(3, sim_time_s=10.0)]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    items = aiter(View(speed=2.0, sleep=sleep).over(Cursor(hub, log.page, "s1")))
    for _ in range(3):
        await anext(items)

    assert slept == [2.0, 3.0]


async def test_a_view_of_some_categories_shows_only_those() -> None:
    log, hub = Log(), Hub()
    log.frames = [frame(1, category="tool"), frame(2), frame(3, category="tool")]
    items = aiter(View(categories=frozenset({"tool"})).over(Cursor(hub, log.page, "s1")))

    seen = [await anext(items) for _ in range(3)]

    assert seen == [log.frames[0], log.frames[2], CaughtUp(3)]


def test_an_unknown_category_is_named() -> None:
    with pytest.raises(ValueError, match="unknown: x; known: agent, tool"):
        parse_categories("tool,x", frozenset({"tool", "agent"}))


def test_live_messages_are_bounded_and_end_with_the_head() -> None:
    big = StoredFrame("s1", 2, 1, None, "observability", "observability", "x" * 200_000)
    packed = [orjson.loads(body) for body in messages("acme", [frame(1), big, frame(3)])]

    assert [len(item["frames"]) for item in packed] == [1, 1]
    assert {item["tenant"] for item in packed} == {"acme"}
    assert packed[-1]["head"] == 3


async def test_a_fleeting_frame_is_shown_and_moves_no_place_in_the_stream() -> None:
    log, hub = Log(), Hub()
    items = aiter(Cursor(hub, log.page, "s1"))
    assert isinstance(await anext(items), CaughtUp)

    hub.deliver("s1", [frame(0)])
    hub.deliver("s1", log.write(1))
    hub.deliver("s1", [frame(0)])
    hub.deliver("s1", log.write(1))

    assert await rest(items, 4) == [0, 1, 0, 2]


async def test_a_slow_reader_loses_fleeting_frames_before_any_other() -> None:
    feed = Feed(max_frames=8, max_bytes=1024)

    feed.offer([frame(0)] * 50)
    feed.offer([frame(seq) for seq in (1, 2, 3, 4)])

    frames, missed = await feed.news()
    assert [f.seq for f in frames] == [0, 0, 0, 0, 1, 2, 3, 4]
    assert not missed
