"""Clients: they submit at a steady rate, keep a ledger, and follow what they submitted over websockets."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from chaos.kinds import CONVERSATION, SIMULATION, Kind
from chaos.ledger import Ledger
from rig import Stack

RETRY_S = 0.3
FULL_EVERY = 10
SUBMIT_WITHIN_S = 240.0


@dataclass(slots=True, kw_only=True)
class Answers:
    """What the service said. `bare_503` are refusals that did not say when to come back."""

    statuses: Counter[str] = field(default_factory=Counter)
    bare_503: int = 0

    def note(self, answer: httpx2.Response) -> None:
        self.statuses[str(answer.status_code)] += 1
        self.bare_503 += answer.status_code == 503 and "retry-after" not in answer.headers


@dataclass(slots=True, kw_only=True)
class Transcript:
    """What one reader got, over all its connections."""

    kind: Kind
    record_id: str
    seqs: list[int] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    connections: int = 0
    closed: Counter[int] = field(default_factory=Counter)
    is_over: bool = False


class Load:
    """`rate_per_s` submissions for as long as `run` goes on; every one is followed by `readers` websockets.

    Every `talk_every`-th is a conversation (0: none), the others are simulations.
    """

    def __init__(
        self,
        stack: Stack,
        ledger: Ledger,
        *,
        rate_per_s: float,
        readers: int = 1,
        tasks: int = 20,
        full_every: int = FULL_EVERY,
        talk_every: int = 0,
    ) -> None:
        self._client = stack.client(15)
        self._stack = stack
        self._ledger = ledger
        self._rate_per_s = rate_per_s
        self._readers = readers
        self._tasks = tasks
        self._full_every = full_every
        self._talk_every = talk_every
        self._work: set[asyncio.Task[Any]] = set()
        self.fault = "calm"
        self.answers = Answers()
        self.transcripts: list[Transcript] = []
        self.given_up = 0
        self._asked = 0

    async def run(self, name: str) -> None:
        """Until cancelled; `name` makes the idempotency keys of this run its own."""
        number = 0
        while True:
            talks = self._talk_every and number % self._talk_every == self._talk_every - 1
            kind = CONVERSATION if talks else SIMULATION
            self._spawn(self.submit(f"{name}-{number}", self.fault, kind))
            number += 1
            await asyncio.sleep(1 / self._rate_per_s)

    async def rest(self, within_s: float) -> None:
        """Wait until every submission has its answer and every reader its end."""
        end = asyncio.get_running_loop().time() + within_s
        while self._work and asyncio.get_running_loop().time() < end:
            await asyncio.wait(self._work, timeout=1)
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def submit(self, key: str, fault: str, kind: Kind = SIMULATION) -> str | None:
        """Ask until it is accepted, always under the same key; then write it down, then follow it."""
        body = kind.body(key, self._options() if kind is SIMULATION else {})
        end = asyncio.get_running_loop().time() + SUBMIT_WITHIN_S
        while asyncio.get_running_loop().time() < end:
            try:
                answer = await self._client.post(
                    kind.post, json=body, headers={"Idempotency-Key": key}
                )
            except httpx2.HTTPError as error:
                self.answers.statuses[type(error).__name__] += 1
            else:
                self.answers.note(answer)
                if answer.is_success:
                    return self._accepted(kind, str(answer.json()[kind.id_field]), key, fault)
            await asyncio.sleep(RETRY_S)
        self.given_up += 1
        return None

    def _options(self) -> dict[str, Any]:
        """Every `full_every`-th has its failures rehearsed too; the others are cheap, so there can be many of them."""
        is_full = self._asked % self._full_every == 0
        self._asked += 1
        return {"tasks": self._tasks} | ({} if is_full else {"failures": []})

    def _accepted(self, kind: Kind, record_id: str, key: str, fault: str) -> str:
        self._ledger.write(kind.name, record_id, key, fault)
        for _ in range(self._readers):
            transcript = Transcript(kind=kind, record_id=record_id)
            self.transcripts.append(transcript)
            self._spawn(read(self._stack, transcript))
        return record_id

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


async def read(stack: Stack, transcript: Transcript) -> None:
    """Follow to the end through every lost connection, always after the last `seq` that was seen."""
    while not transcript.is_over:
        after = transcript.seqs[-1] if transcript.seqs else 0
        path = transcript.kind.socket.format(transcript.record_id)
        url = f"{stack.ws_url}{path}?after={after}"
        try:
            async with connect(
                url, proxy=None, compression=None, max_size=None, open_timeout=5
            ) as ws:
                transcript.connections += 1
                async for text in ws:
                    _note(transcript, json.loads(text))
                    if transcript.is_over:
                        return
            transcript.closed[ws.close_code or 0] += 1
        except (OSError, WebSocketException, TimeoutError):
            transcript.closed[0] += 1
        await asyncio.sleep(random.uniform(0.1, 1.0))


def _note(transcript: Transcript, frame: dict[str, Any]) -> None:
    if "event_type" not in frame or "seq" not in frame:
        return
    transcript.seqs.append(frame["seq"])
    # A conversation's frames are named by their place.
    transcript.event_ids.append(frame.get("event_id", str(frame["seq"])))
    transcript.is_over = transcript.kind.is_end(frame)
