"""Secrets of eight kinds, in texts, headers and settings, turn up in no log, trace, problem document or dead letter."""

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import nats
import nats.js.errors
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from common.llm.testing import Reply, Request, scripted_in_thread
from common.permissions import inbox
from common.streams import DLQ
from rig import REFUND, Stack, finished, running_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MARK = "Qz7pLanted"
SECRETS = {
    "provider key": f"sk-or-v1-{MARK}0000aaaa1111bbbb",
    "our own key": f"sk_{MARK}_2222cccc3333dddd4444",
    "cloud key": f"AKIA{MARK.upper()}EXAMPLE",
    "forge token": f"ghp_{MARK}5555eeee6666ffff7777",
    "signed token": f"eyJhbGciOiJub25lIn0.{MARK}.c2ln",
    "private key": f"-----BEGIN PRIVATE KEY-----{MARK}-----END PRIVATE KEY-----",
    "address with password": f"postgresql://owner:{MARK}@db.example/records",
    "password": f"correct-horse-{MARK}-staple",
}
"""Made up; every one holds the mark, so that a part that got through is found as well."""
SETTING = f"sk-setting-{MARK}8888"


def heard(text: str | bytes) -> bool:
    data = text.encode() if isinstance(text, str) else text
    return MARK.lower().encode() in data.lower()


def scolding(request: Request) -> Reply:
    """A model server that repeats, in its error, the key it was called with and all it was told."""
    told = {"error": {"message": f"wrong key {SETTING}: {json.dumps(request.body)}"}}
    return Reply(status=401, pieces=[json.dumps(told).encode()])


class Collector(BaseHTTPRequestHandler):
    """Keeps every body, unpacked."""

    bodies: list[bytes] = []
    spans: list[bytes] = []
    """Those of the bodies that are spans of our services, as protobuf."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        zipped = self.headers.get("content-encoding") == "gzip"
        self.bodies.append(gzip.decompress(body) if zipped else body)
        if self.path.endswith("/v1/traces") and "protobuf" in self.headers["content-type"]:
            self.spans.append(self.bodies[-1])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came out after everything had been planted. `problems` by what was asked."""

    logs: dict[str, str]
    traces: list[bytes]
    spans: list[bytes]
    problems: dict[str, str]
    letters: list[bytes]


@pytest.fixture(scope="module")
def collector() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def model() -> Any:
    with scripted_in_thread(**{"__v1__chat": scolding}) as server:
        yield server


@pytest.fixture(scope="module")
def stack(collector: str, model: Any) -> Iterator[Stack]:
    environment = {
        "LLM_COMPATIBLE__BASE_URL": f"{model.url}/v1",
        "LLM_COMPATIBLE__MODEL": "scolding",
        "LLM_COMPATIBLE__API_KEY": SETTING,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        **{f"PLANTED_{n}": secret for n, secret in enumerate(SECRETS.values())},
    }
    with running_stack(environment) as running:
        yield running


@pytest.fixture(scope="module")
async def seen(stack: Stack) -> Seen:
    async with stack.client() as client:
        for name, secret in SECRETS.items():
            await plant(client, name.replace(" ", "-"), secret)
        problems: dict[str, str] = {}
        for name, secret in SECRETS.items():
            problems |= {f"{name}: {k}": v for k, v in (await nonsense(client, secret)).items()}
    await asyncio.sleep(6)  # spans leave in batches
    logs = {p.name: p.read_text(errors="replace") for p in stack.layout.logs.glob("*")}
    return Seen(
        logs=logs,
        traces=list(Collector.bodies),
        spans=list(Collector.spans),
        problems=problems,
        letters=await dead_letters(stack),
    )


async def plant(client: httpx2.AsyncClient, key: str, secret: str) -> None:
    """In a scenario, its headers and a question about it; `auto` asks the model, which repeats it in its error."""
    headers = {"Authorization": f"Bearer {secret}", "Cookie": f"s={secret}", "Baggage": f"s={MARK}"}
    body = {
        "scenario": f"{REFUND} The password is {secret}.",
        "options": {"tasks": 20, "failures": [], "engine": "auto"},
    }
    made = await client.post(f"/simulate/{key}?wait=none", json=body, headers=headers)
    assert made.status_code in {200, 202}, made.text
    await finished(client, key)
    question = {"content": f"What is {secret}?", "metadata": {"simulation_id": key}}
    assert (await client.post("/chat", json={"message": question})).status_code == 200


async def nonsense(client: httpx2.AsyncClient, secret: str) -> dict[str, str]:
    """Requests that are refused, each with the secret where something is wrong."""
    good = {"scenario": REFUND}
    asked = {
        "no json": client.post("/simulate", content=f'{{"scenario": "{secret}'),
        "wrong type": client.post("/simulate", json={"scenario": {"text": secret}}),
        "too long": client.post("/simulate", json={"scenario": secret * 2_000}),
        "wrong option": client.post("/simulate", json={**good, "options": {"engine": secret}}),
        "wrong number": client.get("/simulations", params={"limit": secret}),
        "control character": client.post("/simulate", json={"scenario": f"{secret}\x00"}),
    }
    answers = {name: await coming for name, coming in asked.items()}
    assert all(400 <= answer.status_code < 500 for answer in answers.values()), answers
    return {name: answer.text for name, answer in answers.items()}


async def dead_letters(stack: Stack) -> list[bytes]:
    memory = stack.layout.memory()
    assert memory is not None
    client = await nats.connect(
        f"nats://127.0.0.1:{memory.nats_port}",
        user="admin",
        password=memory.nats_passwords["admin"],
        inbox_prefix=inbox("admin"),
    )
    try:
        jetstream = client.jetstream()
        state = (await jetstream.stream_info(DLQ.name)).state
        found = []
        for seq in range(max(1, state.first_seq), state.last_seq + 1):
            with suppress(nats.js.errors.NotFoundError):
                letter = await jetstream.get_msg(DLQ.name, seq)
                found.append((letter.data or b"") + json.dumps(letter.headers or {}).encode())
        return found
    finally:
        await client.close()


def test_no_log_holds_a_planted_secret(seen: Seen, model: Any) -> None:
    assert model.calls, "the model was asked, and scolded"
    assert len(seen.logs) >= 8
    found = {
        name: next(line[:400] for line in text.splitlines() if heard(line))
        for name, text in seen.logs.items()
        if heard(text)
    }
    assert found == {}


def attributes(bodies: list[bytes]) -> Iterator[tuple[str, str]]:
    """Name and value of every attribute of every span."""
    for body in bodies:
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    yield from ((a.key, str(a.value)) for a in span.attributes)


def test_no_trace_holds_a_planted_secret_outside_the_address(seen: Seen) -> None:
    assert seen.traces, "spans were exported"
    in_addresses = "".join(value for name, value in attributes(seen.spans) if name == "url.query")
    everywhere = b"".join(seen.traces).lower().count(MARK.lower().encode())
    assert everywhere == in_addresses.lower().count(MARK.lower())


def test_no_trace_holds_a_planted_secret_of_the_address(seen: Seen) -> None:
    assert not [name for name, value in attributes(seen.spans) if heard(value)]


def test_no_problem_document_repeats_what_was_wrong(seen: Seen) -> None:
    assert {name: text for name, text in seen.problems.items() if heard(text)} == {}


def test_no_dead_letter_holds_a_planted_secret(seen: Seen) -> None:
    assert not any(heard(letter) for letter in seen.letters)


async def test_what_stands_in_a_streams_address_is_not_logged(stack: Stack, seen: Seen) -> None:
    secret = "tick-in-the-address-4471"
    for query in (f"ticket={secret}", f"api_key={secret}"):
        with suppress(WebSocketException, OSError):
            async with connect(f"{stack.ws_url}/ws/password?{query}", proxy=None) as ws:
                await ws.recv()
    await asyncio.sleep(0.5)

    assert secret not in stack.log("gateway")
