"""The doctor names what is wrong, says what to do, and is silent about the rest."""

import os

import pytest

from simulator_cli.stack import diagnosis
from simulator_cli.stack.layout import Layout, Memory, Report


@pytest.fixture
def layout(tmp_path):
    made = Layout(tmp_path / "data")
    made.prepare()
    made.remember(Memory(http_port=8000, nats_port=4222, nats_passwords={}))
    made.nats.mkdir()
    (made.nats / "nats.conf").write_text('jetstream {\n  sync_interval: "always"\n}\n')
    (made.nats / "nats.conf").chmod(0o600)
    (made.postgres / "data").mkdir(parents=True)
    (made.postgres / "data" / "postgresql.conf").write_text("#fsync = on\nmax_connections = 80\n")
    return made


def faults(findings):
    return [(f.subject, f.level) for f in findings if f.level != "ok"]


def test_a_sound_directory_has_no_findings_but_good_ones(layout):
    assert faults(diagnosis.secrets(layout)) == []
    assert faults(diagnosis.settings(layout)) == []
    assert faults(diagnosis.leftovers(layout)) == []


def test_a_password_file_others_may_read_is_a_fault_that_names_the_command(layout):
    layout.memory_file.chmod(0o644)

    (found,) = diagnosis.secrets(layout)

    assert (found.level, found.hint) == ("fault", f"chmod 600 {layout.memory_file}")


@pytest.mark.parametrize("interval", ['"2m"', '"1s"', "always"])
def test_nats_that_acknowledges_before_the_disk_is_a_fault(layout, interval):
    (layout.nats / "nats.conf").write_text(f"jetstream {{\n  sync_interval: {interval}\n}}\n")

    assert faults(diagnosis.settings(layout)) == [("settings", "fault")]


@pytest.mark.parametrize(
    "line", ["fsync = off", "fsync off", "synchronous_commit = 'off'", "full_page_writes=no"]
)
def test_postgresql_that_may_forget_is_a_fault_in_whatever_file_it_is_set(layout, line):
    (layout.postgres / "data" / "postgresql.auto.conf").write_text(line + "\n")

    assert faults(diagnosis.settings(layout)) == [("settings", "fault")]


def test_the_later_file_wins(layout):
    data = layout.postgres / "data"
    (data / "postgresql.conf").write_text("fsync = off\n")
    (data / "postgresql.auto.conf").write_text("fsync = 'on'\n")

    assert diagnosis.unsafe_postgres(data) == set()


def test_a_report_of_a_process_that_is_gone_is_told_and_harmless(layout):
    layout.publish(
        Report(supervisor_pid=2**22 + 5, supervisor_started_s=0.0, base_url="", nats_port=1)
    )

    assert faults(diagnosis.leftovers(layout)) == [("leftovers", "warning")]


def test_a_recycled_process_id_keeps_postgresql_from_starting_and_is_a_fault(layout):
    (layout.postgres / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n/somewhere\n")

    assert faults(diagnosis.leftovers(layout)) == [("leftovers", "fault")]


def test_the_servers_of_this_installation_are_new_enough():
    assert faults(diagnosis.versions()) == []


def test_lags_silence_and_an_outbox_that_waits_are_found():
    status = {
        "workers": [
            {"instance": "planner-1", "alive": False},
            {"instance": "mapper-1", "alive": True},
        ],
        "consumers": [
            {"consumer": "planner", "pending": 5_000},
            {"consumer": "mapper", "pending": 3},
        ],
        "outbox": {"rows": 7, "oldest_age_s": 31.0},
    }

    found = faults(diagnosis.running(status, {"status": "ok"}))

    assert found == [("workers", "warning"), ("lag", "warning"), ("outbox", "fault")]


def test_what_the_reaper_did_is_told():
    metrics = 'gateway_reemitted_total{reason="silence"} 2.0\ngateway_reemitted_total{reason="bus_lost"} 3.0\n'

    assert [f.message for f in diagnosis.counted(metrics)] == ["5 events were sent out again"]
    assert list(diagnosis.counted('gateway_reemitted_total{reason="silence"} 0.0\n')) == []
