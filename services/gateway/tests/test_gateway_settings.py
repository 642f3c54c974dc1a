"""Settings, undo history and identifiers: small pure rules."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.heartbeat import LOST_AFTER_S, Heartbeat
from gateway.database import to_json
from gateway.history import Entry, History
from gateway.services.status import FORGET_AFTER_S, WorkerDirectory
from gateway.services.submission import Submission
from gateway.settings import GatewaySettings
from gateway.testing import T0


def made(**values: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"database_url": "postgresql://u@h/db"} | values)


def test_a_bare_database_url_gets_the_driver() -> None:
    assert made().dsn == "postgresql+asyncpg://u@h/db"


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_ROLES", "http, relay")
    monkeypatch.setenv("GATEWAY_CORS_ORIGINS", "http://a, http://b")

    settings = made()

    assert settings.roles == {"http", "relay"}
    assert settings.cors_origins == ("http://a", "http://b")


@pytest.mark.parametrize(
    "bad", [{"cors_origins": "*"}, {"roles": "http,king"}, {"port": 70_000}, {"pool_size": 0}]
)
def test_a_bad_setting_stops_the_start(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        made(**bad)


def test_passwords_are_not_printed() -> None:
    assert "secret" not in repr(
        made(nats_password="secret", database_url="postgresql://u:secret@h/d")
    )


def test_equal_requests_have_equal_fingerprints_and_others_not() -> None:
    one = Submission(text="a", scenario_type="b")

    assert one.fingerprint == Submission(text="a", scenario_type="b").fingerprint
    assert one.fingerprint != Submission(text="a", name="b").fingerprint


def entries(*restores: int | None) -> list[Entry]:
    return [Entry(revision=n, restores=r) for n, r in enumerate((None, *restores), 1)]


@pytest.mark.parametrize(
    ("history", "steps", "target"),
    [
        (entries(), 1, None),
        (entries(None), 1, 1),
        (entries(None, None), 2, 1),
        (entries(None, None), 3, None),
        (entries(None, None), -1, None),
        (entries(None, None, 2), 1, 1),
        (entries(None, None, 2), -1, 3),
        (entries(None, None, 2, 1), -2, 3),
        (entries(None, None, 2, 3), 1, 2),
        (entries(None, None, 2, None), -1, None),
        (entries(None, None, 2, None), 1, 2),
    ],
)
def test_undo_and_redo_find_their_revision(
    history: list[Entry], steps: int, target: int | None
) -> None:
    assert History.of(history).target(steps) == target


@given(moves=st.lists(st.sampled_from(["edit", "undo", "redo"]), max_size=25))
def test_undo_and_redo_behave_as_an_editors_stack_does(moves: list[str]) -> None:
    log, line, place = entries(), [1], 0
    for move in moves:
        number = len(log) + 1
        if move == "edit":
            log.append(Entry(revision=number))
            line, place = [*line[: place + 1], number], place + 1
            continue
        step = 1 if move == "undo" else -1
        target = History.of(log).target(step)
        expected = place - step
        if not 0 <= expected < len(line):
            assert target is None
            continue
        assert target == line[expected]
        log.append(Entry(revision=number, restores=target))
        place = expected

    assert History.of(log).current == line[place]


def test_a_worker_is_alive_while_it_is_heard_and_forgotten_after_a_minute() -> None:
    now_s = [0.0]
    directory = WorkerDirectory(clock=lambda: now_s[0])
    heartbeat = Heartbeat(worker="planner", instance="planner-1", pid=1, started_at=T0, sent_at=T0)
    directory.note(heartbeat)

    alive = [directory.workers()[0]["alive"]]
    now_s[0] = LOST_AFTER_S + 1
    alive.append(directory.workers()[0]["alive"])
    now_s[0] = FORGET_AFTER_S + 1

    assert (alive, directory.workers()) == ([True, False], [])


def test_json_for_the_record_has_no_null_characters() -> None:
    assert to_json({"a\x00": ["\x00", "\\u0000"]}) == '{"a\ufffd":["\ufffd","\\\\u0000"]}'


def test_json_for_the_record_keeps_whole_numbers_above_64_bits() -> None:
    assert to_json({"n": 2**70, "s": "\x00"}) == f'{{"n":{2**70},"s":"\ufffd"}}'


def test_ids_follow_from_the_idempotency_key() -> None:
    from gateway.services.submission import SubmissionService

    service = SubmissionService.__new__(SubmissionService)
    service._new_id = lambda: UUID(int=7)

    assert service.choose_id(None, "f") == str(UUID(int=7))
    assert service.choose_id("k", "f") == service.choose_id("k", "f")
    assert service.choose_id("k", "f") != service.choose_id("k", "g")
