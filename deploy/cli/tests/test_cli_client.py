"""The client against a real server: refusals in words, and a stream without gap or repeat over any loss."""

import socket
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket

from common.contracts.stream import Frame
from simulator_cli.client import Gateway
from simulator_cli.errors import Refused, Unreachable
from simulator_cli.live import Resume

type MakeFrame = Callable[..., Frame]


@pytest.fixture
def client(gateway: Any) -> Any:
    with Gateway(gateway.base_url) as client:
        yield client


def at_once(**settings: Any) -> Resume:
    return Resume(sleep=lambda _s: None, chance=lambda: 1.0, **settings)


def sequence(frames: Any) -> list[int]:
    return [frame.seq for frame in frames]


def test_a_problem_document_becomes_its_message_and_suggestion(gateway: Any, client: Any) -> None:
    gateway.refusal = {
        "status": 422,
        "error": "scenario_blank",
        "message": "The scenario is blank.",
        "suggestion": "Describe it.",
    }

    with pytest.raises(Refused) as caught:
        client.submit({"scenario": " "})

    error = caught.value
    assert (error.status, error.code, error.message, error.hint) == (
        422,
        "scenario_blank",
        "The scenario is blank.",
        "Describe it.",
    )


def test_a_refusal_without_words_names_its_status(gateway: Any, client: Any) -> None:
    gateway.refusal = {"status": 503}

    with pytest.raises(Refused, match="503"):
        client.report("s1")


def test_a_fault_of_the_gateway_can_be_found_by_its_trace(gateway: Any, client: Any) -> None:
    gateway.refusal = {"status": 500, "message": "Ours.", "trace_id": "abc"}

    with pytest.raises(Refused) as caught:
        client.report("s1")

    assert "trace_id=abc" in (caught.value.hint or "")


def test_no_gateway_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with Gateway(address) as client, pytest.raises(Unreachable) as caught:
        client.simulation("s1")

    assert address in caught.value.message
    assert "simulator up" in (caught.value.hint or "")


def test_what_is_not_the_gateway_is_recognised(gateway: Any, client: Any) -> None:
    gateway.report = ["something else"]

    with pytest.raises(Unreachable, match="does not answer like the gateway"):
        client.simulation("s1")
    with pytest.raises(Unreachable, match="does not answer like the gateway"):
        client._json("GET", "/simulations/s1/export")


def test_ids_are_quoted_in_paths(gateway: Any, client: Any) -> None:
    client.simulation("a/../b?c")

    assert gateway.requests == [("GET", "/simulations/a%2F..%2Fb%3Fc", None)]


def test_waiting_is_asked_for_in_the_query(gateway: Any, client: Any) -> None:
    client.submit({"scenario": "x"}, wait="none")
    client.submit({"scenario": "x"})

    assert [path for _, path, _ in gateway.requests] == ["/simulate?wait=none", "/simulate"]


def test_every_event_comes_once_and_the_end_is_the_end(
    gateway: Any, client: Any, story_frames: list[Frame]
) -> None:
    gateway.frames = story_frames

    assert list(client.frames("s1")) == story_frames
    assert gateway.asked_after == [0]


def test_a_lost_connection_resumes_after_the_last_event(
    gateway: Any, client: Any, story_frames: list[Frame]
) -> None:
    async def break_off_after_three(socket: WebSocket, after: int) -> None:
        await gateway.replay(socket, after, until=3)
        await socket.close(1011)

    async def break_off_at_once(socket: WebSocket, _after: int) -> None:
        await socket.close(1012)

    gateway.frames = story_frames
    gateway.script = [break_off_after_three, break_off_at_once]

    assert sequence(client.frames("s1", resume=at_once())) == list(range(1, 10))
    assert gateway.asked_after == [0, 3, 3]


def test_repeats_are_dropped_and_a_gap_asks_the_record_again(
    gateway: Any, client: Any, story_frames: list[Frame]
) -> None:
    async def repeat_then_skip(socket: WebSocket, _after: int) -> None:
        for seq in (1, 2, 2, 1, 5):
            await socket.send_text(story_frames[seq - 1].model_dump_json())
        await socket.receive_text()

    gateway.frames = story_frames
    gateway.script = [repeat_then_skip]

    assert sequence(client.frames("s1", resume=at_once())) == list(range(1, 10))
    assert gateway.asked_after == [0, 2]


def test_a_replayed_end_of_an_older_revision_is_not_the_end(
    gateway: Any, client: Any, make_frame: MakeFrame
) -> None:
    gateway.frames = [
        make_frame(1, "simulation_completed"),
        make_frame(2, "architecture_edited", revision=2),
        make_frame(3, "simulation_completed", revision=2),
    ]

    assert sequence(client.frames("s1")) == [1, 2, 3]


def test_a_final_event_on_a_closing_socket_needs_no_further_connection(
    gateway: Any, client: Any, make_frame: MakeFrame
) -> None:
    async def end_and_close(socket: WebSocket, _after: int) -> None:
        await socket.send_text(make_frame(1, "simulation_failed").model_dump_json())
        await socket.close(1000)

    gateway.script = [end_and_close]

    assert sequence(client.frames("s1", resume=at_once())) == [1]
    assert gateway.asked_after == [0]


def test_a_socket_closed_for_good_is_not_tried_again(gateway: Any, client: Any) -> None:
    async def refuse(socket: WebSocket, _after: int) -> None:
        await socket.close(1008, "not allowed")

    gateway.script = [refuse]

    with pytest.raises(Refused, match="not allowed"):
        list(client.frames("s1", resume=at_once()))
    assert gateway.asked_after == [0]


def test_a_record_that_began_anew_is_read_from_its_start(
    gateway: Any, client: Any, make_frame: MakeFrame
) -> None:
    async def say_resync(socket: WebSocket, _after: int) -> None:
        await socket.send_json({"type": "resync", "after": 7})
        await gateway.replay(socket, 0)

    gateway.frames = [make_frame(1, "simulation_started"), make_frame(2, "simulation_completed")]
    gateway.script = [say_resync]

    assert sequence(client.frames("s1", after=7, resume=at_once())) == [1, 2]


def test_a_server_that_stays_away_is_given_up_with_the_way_back(
    gateway: Any, client: Any, make_frame: MakeFrame
) -> None:
    async def die(socket: WebSocket, _after: int) -> None:
        await socket.close(1012)

    gateway.script = [die] * 20
    ticks = count(step=5.0)

    with pytest.raises(Unreachable) as caught:
        list(client.frames("s1", resume=at_once(clock=lambda: next(ticks), give_up_after_s=30.0)))

    assert 5 <= len(gateway.asked_after) <= 10
    assert "simulator watch" in (caught.value.hint or "")


def test_a_silent_connection_is_made_anew(
    gateway: Any, client: Any, story_frames: list[Frame]
) -> None:
    async def say_nothing(socket: WebSocket, _after: int) -> None:
        await socket.receive_text()

    gateway.frames = story_frames
    gateway.script = [say_nothing]

    assert sequence(client.frames("s1", resume=at_once(silence_s=0.2))) == list(range(1, 10))


@given(failures=st.integers(1, 60), chance=st.floats(0.0, 1.0))
def test_pauses_grow_with_jitter_and_stay_below_the_longest(failures: int, chance: float) -> None:
    pause_s = Resume(chance=lambda: chance).pause_s(failures)

    assert 0.0 <= pause_s <= min(3.0, 0.2 * 2.0 ** (failures - 1))
