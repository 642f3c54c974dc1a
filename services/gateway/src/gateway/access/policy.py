"""Which scope a request needs, and which paths need none: a new route is closed unless it is named here."""

from collections.abc import Mapping
from typing import Any, Literal

from gateway.access.keys import Scope

Kind = Literal["reads", "writes", "connects"]

OPEN_PATHS = frozenset(
    {"/health", "/health/live", "/health/ready", "/api/health", "/openapi.json", "/asyncapi"}
)
"""They tell nothing of any tenant. `/docs` shows what `/openapi.json` says."""


def is_public(scope: Mapping[str, Any]) -> bool:
    path = str(scope["path"])
    return scope["type"] == "http" and (
        path in OPEN_PATHS or path == "/docs" or path.startswith("/docs/")
    )


def is_stream(scope: Mapping[str, Any]) -> bool:
    """Whether the answer goes on for long: websockets and server-sent events."""
    return scope["type"] == "websocket" or str(scope["path"]).endswith("/stream")


def scope_needed(scope: Mapping[str, Any]) -> Scope:
    path = str(scope["path"])
    if is_stream(scope) or path == "/tickets":
        return "stream"
    if path == "/metrics":
        return "metrics"
    if path.startswith("/api/system/"):
        return "admin"
    return "read" if scope["method"] in {"GET", "HEAD", "OPTIONS"} else "write"


def kind_of(scope: Mapping[str, Any]) -> Kind:
    """What is counted together against one rate."""
    if is_stream(scope):
        return "connects"
    return "reads" if scope["method"] in {"GET", "HEAD", "OPTIONS"} else "writes"
