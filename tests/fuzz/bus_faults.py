"""Messages nobody should send: recorded ones with one thing wrong, and bytes that never were a message."""

import gzip
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, -0.5, "", "\x00", "é" * 300, "../../etc", [], {}, [[[[]]]]),
    *("NaN", "\u202e", {"$ref": "#"}, 2**63, "2026-13-45T99:99:99Z", "00000000"),
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message that the bus has carried."""

    subject: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def template(self) -> str:
        return self.subject.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Hostile:
    """`kind` names what is wrong with it."""

    kind: str
    subject: str
    body: bytes
    headers: dict[str, str]


def hostile(recorded: Recorded, record_id: str, chance: random.Random) -> Hostile:
    """One message on `recorded`'s subject, about `record_id`, with something wrong chosen by `chance`."""
    kind = chance.choice(tuple(_KINDS))
    body, headers = _KINDS[kind](recorded, record_id, chance)
    return Hostile(kind, f"{recorded.template}.{record_id}", body, headers)


def plain(recorded: Recorded) -> Any:
    """The body as JSON value."""
    folded = recorded.headers.get("Content-Encoding") == "gzip"
    return json.loads(gzip.decompress(recorded.body) if folded else recorded.body)


def renamed(recorded: Recorded, record_id: str) -> dict[str, Any]:
    """The body, about another record."""
    value = plain(recorded)
    key = "conversation_id" if "conversation_id" in value else "simulation_id"
    return {**value, key: record_id}


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _random_bytes(_: Recorded, __: str, chance: random.Random) -> tuple[bytes, dict[str, str]]:
    return chance.randbytes(chance.choice((0, 1, 7, 200, 4_000))), {}


def _truncated(
    recorded: Recorded, record_id: str, chance: random.Random
) -> tuple[bytes, dict[str, str]]:
    body = _dumped(renamed(recorded, record_id))
    return body[: chance.randrange(len(body))], {}


def _flipped(
    recorded: Recorded, record_id: str, chance: random.Random
) -> tuple[bytes, dict[str, str]]:
    body = bytearray(_dumped(renamed(recorded, record_id)))
    for _ in range(chance.randint(1, 8)):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return bytes(body), {}


def _field_gone(
    recorded: Recorded, record_id: str, chance: random.Random
) -> tuple[bytes, dict[str, str]]:
    value = renamed(recorded, record_id)
    where = _somewhere(value, chance)
    if isinstance(where, dict):
        where.pop(chance.choice(list(where)))
    else:
        where.pop(chance.randrange(len(where)))
    return _dumped(value), {}


def _field_odd(
    recorded: Recorded, record_id: str, chance: random.Random
) -> tuple[bytes, dict[str, str]]:
    value = renamed(recorded, record_id)
    where = _somewhere(value, chance)
    odd = chance.choice(ODD_VALUES)
    if isinstance(where, dict):
        where[chance.choice(list(where))] = odd
    else:
        where[chance.randrange(len(where))] = odd
    return _dumped(value), {}


def _bad_gzip(
    recorded: Recorded, record_id: str, chance: random.Random
) -> tuple[bytes, dict[str, str]]:
    body = bytearray(gzip.compress(_dumped(renamed(recorded, record_id)), 1))
    for _ in range(chance.randint(1, 4)):
        body[chance.randrange(len(body))] ^= 0xFF
    return bytes(body[: chance.choice((5, len(body) // 2, len(body)))]), {
        "Content-Encoding": "gzip"
    }


def _bomb(_: Recorded, __: str, chance: random.Random) -> tuple[bytes, dict[str, str]]:
    return gzip.compress(b" " * (17 << 20), 1), {"Content-Encoding": "gzip"}


def _deep(_: Recorded, record_id: str, chance: random.Random) -> tuple[bytes, dict[str, str]]:
    depth = chance.choice((100, 5_000, 100_000))
    return b'{"simulation_id":' + b"[" * depth + b"]" * depth + b"}", {}


def _other_record(
    recorded: Recorded, _: str, chance: random.Random
) -> tuple[bytes, dict[str, str]]:
    return _dumped(renamed(recorded, f"other-{chance.randrange(10**6)}")), {}


def _odd_headers(
    recorded: Recorded, record_id: str, chance: random.Random
) -> tuple[bytes, dict[str, str]]:
    headers = {
        "traceparent": chance.choice(
            ("", "00-zz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 5_000)
        ),
        "Content-Encoding": chance.choice(("br", "GZIP", "", "gzip, gzip")),
        "Sim-Error": "ß",
    }
    return chance.randbytes(50), headers


def _replayed(recorded: Recorded, _: str, __: random.Random) -> tuple[bytes, dict[str, str]]:
    return recorded.body, dict(recorded.headers)


def _largest(_: Recorded, __: str, chance: random.Random) -> tuple[bytes, dict[str, str]]:
    """All that the stream takes, so that nothing may be added to it."""
    return b"x" * ((1 << 20) - chance.choice((40, 100, 200))), {}


_KINDS = {
    "random bytes": _random_bytes,
    "truncated": _truncated,
    "flipped bits": _flipped,
    "field gone": _field_gone,
    "field odd": _field_odd,
    "bad gzip": _bad_gzip,
    "gzip bomb": _bomb,
    "deep": _deep,
    "other record": _other_record,
    "odd headers": _odd_headers,
    "replayed": _replayed,
}
RARE_KINDS = {"largest": _largest}
"""Sent once per subject: many of them would fill the dead-letter stream."""


def _somewhere(value: Any, chance: random.Random) -> Any:
    """A non-empty object or array inside `value`, any depth."""
    found: list[Any] = []
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict | list) and one:
            found.append(one)
            todo.extend(one.values() if isinstance(one, dict) else one)
    return chance.choice(found)
