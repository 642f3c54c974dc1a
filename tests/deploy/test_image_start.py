"""The image's entry point and the bus's secrets: what a container gets when nobody says anything, and who wins."""

import importlib.util
import json
import re
import stat
import sys
from pathlib import Path

import pytest

from common.permissions import permissions

ROOT = Path(__file__).parents[2]


def load(path: str):
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


start = load("deploy/docker/image/start.py")
bus_keys = load("deploy/nats/bus_keys.py")


@pytest.fixture
def keys(tmp_path):
    (tmp_path / "nats_password").write_text("from-the-volume\n")
    return tmp_path


def test_a_worker_finds_the_bus_and_its_password_by_itself(keys):
    made = start.environment({}, "planner", keys)

    assert made["PLANNER_NATS_URL"] == "nats://nats:4222"
    assert made["PLANNER_NATS_USER"] == "planner"
    assert made["PLANNER_NATS_PASSWORD"] == "from-the-volume"
    assert made["PLANNER_METRICS_PORT"] == "9100"


def test_what_is_set_wins_over_the_volume_and_the_defaults(keys):
    made = start.environment(
        {"PLANNER_NATS_PASSWORD": "given", "PLANNER_NATS_URL": "nats://elsewhere:1"},
        "planner",
        keys,
    )

    assert made["PLANNER_NATS_PASSWORD"] == "given"
    assert made["PLANNER_NATS_URL"] == "nats://elsewhere:1"


def test_a_secret_can_come_from_a_file_that_is_named(tmp_path):
    (tmp_path / "url").write_text("postgresql://u:p@db/x\n")

    made = start.environment(
        {"GATEWAY_DATABASE_URL_FILE": str(tmp_path / "url")}, "gateway", tmp_path / "none"
    )

    assert made["GATEWAY_DATABASE_URL"] == "postgresql://u:p@db/x"
    assert "GATEWAY_DATABASE_URL_FILE" not in made


def test_a_named_file_that_is_missing_stops_the_start(tmp_path):
    with pytest.raises(FileNotFoundError):
        start.environment(
            {"PLANNER_NATS_PASSWORD_FILE": str(tmp_path / "absent")}, "planner", tmp_path
        )


def write(directory: Path) -> str:
    bus_keys.main([str(directory), "--database=postgres/simulator"])
    return (directory / "nats" / "nats.conf").read_text()


def test_every_user_of_the_bus_gets_its_own_directory_with_only_its_own_password(tmp_path):
    config = write(tmp_path)

    passwords = {user: (tmp_path / user / "nats_password").read_text() for user in permissions()}
    assert len(set(passwords.values())) == len(passwords)
    assert all(f'"password": "{password}"' in config for password in passwords.values())
    assert {path.name for path in (tmp_path / "planner").iterdir()} == {"nats_password"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_repeating_the_step_keeps_the_passwords(tmp_path):
    assert write(tmp_path) == write(tmp_path)


def test_the_database_url_and_the_databases_password_agree(tmp_path):
    write(tmp_path)

    password = (tmp_path / "postgres" / "password").read_text()
    url = (tmp_path / "gateway" / "database_url").read_text()
    assert url == f"postgresql+asyncpg://simulator:{password}@postgres/simulator"


def test_the_server_syncs_every_write_and_holds_what_each_user_may(tmp_path):
    config = write(tmp_path)

    assert 'sync_interval: "always"' in config
    users = [
        json.loads(line.strip().rstrip(","))
        for line in config.splitlines()
        if re.match(r'\s+\{"user"', line)
    ]
    told = {user["user"]: user["permissions"]["publish"]["allow"] for user in users}
    assert told == {name: list(allowed.publish) for name, allowed in permissions().items()}
