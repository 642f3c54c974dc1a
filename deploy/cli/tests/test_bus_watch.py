"""When NATS is started again: it says that it cannot store, and there is room."""

from pathlib import Path

from simulator_cli.stack.bus_watch import BusWatch


async def never() -> None:
    raise AssertionError("nobody asked for it")


def test_each_line_of_the_log_counts_once_and_only_trouble_counts(tmp_path: Path) -> None:
    log = tmp_path / "nats.log"
    watch = BusWatch(log, tmp_path, never)
    assert not watch.complains(), "there is no log yet"
    log.write_text("[INF] Server is ready\n")
    assert not watch.complains()
    with log.open("a") as more:
        more.write("[ERR] JetStream failed to store a msg on stream 'S': no space left on device\n")
    assert watch.complains()
    assert not watch.complains(), "it was seen"


def test_a_log_that_begins_anew_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "nats.log"
    watch = BusWatch(log, tmp_path, never)
    log.write_text("x" * 500)
    assert not watch.complains()
    log.write_text("[ERR] no space left on device\n")
    assert watch.complains()
