"""API keys: how they are made, read and compared. Pure; the secret is stored nowhere."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["read", "write", "stream", "metrics", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
USUAL: tuple[Scope, ...] = ("read", "write", "stream")
"""What an application needs; the others are an operator's."""

PREFIX = "sk"
_SHAPE = re.compile(r"sk_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_ID_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from. `key_id` is null in an open installation, which asks nobody."""

    tenant: str
    key_id: str | None
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `text` is shown once; the record keeps `secret_hash`."""

    id: str
    text: str
    secret_hash: bytes


def make_key() -> NewKey:
    """A new key: 40 bits to name it, 256 to prove it."""
    key_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    return NewKey(id=key_id, text=f"{PREFIX}_{key_id}_{secret}", secret_hash=hashed(secret))


def parse_key(text: str) -> tuple[str, str] | None:
    """(id, secret); None when it has not the shape of a key."""
    found = _SHAPE.fullmatch(text)
    return (found[1], found[2]) if found else None


def hashed(secret: str) -> bytes:
    """SHA-256. A slow hash is for what people choose; 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, stored: bytes | None) -> bool:
    """Compare in constant time, also when there is nothing to compare with."""
    return secrets.compare_digest(hashed(secret), stored or _NOBODY) and stored is not None


def make_ticket() -> str:
    """A ticket's text; its record is its hash."""
    return f"tk_{secrets.token_urlsafe(32)}"
