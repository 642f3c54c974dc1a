"""A worker's metrics and health pages: on the embedded bus, with a real socket."""

import asyncio

import pytest

from common import exposition
from common.durations import BOUNDS_S, Durations
from common.settings import WorkerSettings
from common.testing import nats_server
from common.worker import connect

pytestmark = pytest.mark.real


async def get(port: int, target: str, method: str = "GET") -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


@pytest.fixture(scope="module")
def server():
    with nats_server() as running:
        yield running


@pytest.fixture
async def bus(server):
    address = server.address("planner")
    made = connect(
        "planner",
        WorkerSettings(nats_url=address.url, nats_user="planner", nats_password=address.password),
    )
    yield made
    await made.broker.stop()


@pytest.fixture
async def port(bus):
    listening = await exposition.serve(bus, "127.0.0.1", 0, lambda: 42)
    yield listening.sockets[0].getsockname()[1]
    listening.close()


async def test_a_worker_is_ready_only_while_the_bus_is_there(bus, port):
    assert (await get(port, "/health/ready"))[0] == 503
    await bus.broker.start()
    assert (await get(port, "/health/ready"))[0] == 200
    await bus.broker.stop()
    assert (await get(port, "/health/ready"))[0] == 503
    assert (await get(port, "/health/live"))[0] == 200


async def test_the_metrics_tell_what_the_counters_hold(bus, port):
    bus.counters.handled, bus.counters.given_up = 3, 1
    bus.durations.add(0.03)
    bus.durations.add(7.0)

    status, text = await get(port, "/metrics?x=1")

    assert status == 200
    assert 'worker_handled_total{worker="planner"} 3.0' in text
    assert 'worker_given_up_total{worker="planner"} 1.0' in text
    assert 'worker_job_seconds_bucket{le="0.05",worker="planner"} 1.0' in text
    assert 'worker_job_seconds_count{worker="planner"} 2.0' in text
    assert 'worker_job_seconds_sum{worker="planner"} 7.03' in text
    assert 'worker_resident_bytes{worker="planner"} 42.0' in text


@pytest.mark.parametrize(
    ("target", "method"), [("/", "GET"), ("/metrics", "POST"), ("/health", "GET")]
)
async def test_everything_else_is_not_there(port, target, method):
    assert (await get(port, target, method))[0] == 404


async def test_nonsense_and_silence_do_not_stop_the_pages(port):
    for sent in (b"\r\n\r\n", b"GET\r\n\r\n", b"x" * 10_000):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        writer.close()
    assert (await get(port, "/health/live"))[0] == 200


def test_a_duration_falls_into_the_first_bucket_that_holds_it():
    taken = Durations()
    for seconds in (0.0, BOUNDS_S[0], BOUNDS_S[0] + 1e-9, BOUNDS_S[-1] + 1):
        taken.add(seconds)

    cumulative = dict(taken.cumulative())
    assert cumulative[str(BOUNDS_S[0])] == 2
    assert cumulative[str(BOUNDS_S[1])] == 3
    assert cumulative["+Inf"] == 4
