"""Small JSON requests beside the calls themselves: model lists, health, accounts. Raises nothing but `Fault`."""

from collections.abc import Mapping
from typing import Any

import httpx2

from common.llm.faults import Fault
from common.llm.redact import redacted
from common.llm.wire import bounded, faulty, read_body

MAX_BODY_BYTES = 16 * 1024 * 1024
"""OpenRouter's list of models is some megabytes long."""


async def fetch(
    client: httpx2.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None = None
) -> Any:
    """The JSON a server answers with.

    Raises:
        Fault: it did not answer, or with an error, or with something else.
    """
    try:
        response = await client.request(method, path, json=body)
        raw = response.content
    except Exception as error:
        raise fault_of(error) from None
    if response.status_code >= 400:
        raise faulty("status", _loose(raw), status=response.status_code, headers=response.headers)
    return read_body(raw)


def fault_of(error: Exception) -> Fault:
    match error:
        case Fault():
            return error
        case httpx2.ConnectError():
            return Fault("refused", "nobody listens")
        case httpx2.ConnectTimeout():
            return Fault("timeout", "no connection in time", code="timeout_connect")
        case httpx2.TimeoutException():
            return Fault("timeout", "no answer in time", code="timeout_idle")
        case _:
            return Fault("connection", f"connection failed ({type(error).__name__})")


def _loose(raw: bytes) -> Any:
    try:
        return read_body(raw)
    except Fault:
        return redacted(raw[:300].decode("utf-8", "replace"))


def client_for(
    base_url: str, *, key: str = "", connect_s: float = 2.0, read_s: float = 10.0
) -> httpx2.AsyncClient:
    """A client with bounds; redirects are not followed, as they would carry the key elsewhere."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx2.Timeout(read_s, connect=connect_s),
        follow_redirects=False,
        event_hooks={"response": [bounded(MAX_BODY_BYTES)]},
    )
