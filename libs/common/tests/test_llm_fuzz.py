"""Whatever a server sends, the layer answers or raises one of its own errors."""

import contextlib
import random

from pydantic import BaseModel

from common.llm.connect import port_on
from common.llm.errors import ModelError
from common.llm.port import Ask, Message
from common.llm.settings import ModelSettings
from common.llm.shared import in_memory
from common.llm.testing import Reply, says, scripted


class Shape(BaseModel):
    word: str


ASK = Ask(agent="tester", messages=(Message("user", "hello"),), deadline_s=0.6)


def nonsense(chance: random.Random) -> Reply:
    """Bytes that look a little like an answer."""
    words = (
        b"data: ",
        b"\n\n",
        b'{"choices":[',
        b'{"delta":{"content":',
        b'"a"',
        b"null",
        b"]",
        b"}",
    )
    more = (
        b"[DONE]",
        b'"error":',
        b'"finish_reason":"stop"',
        b"\xff\x00",
        b": ping\n",
        b"event: x\n",
    )
    body = b"".join(chance.choice(words + more) for _ in range(chance.randrange(30)))
    return Reply(
        status=chance.choice([200, 200, 200, 204, 206, 304, 400, 418, 429, 500, 599]),
        content_type=chance.choice(["text/event-stream", "application/json", "", "text/plain; x"]),
        pieces=(body,),
        headers=chance.choice([{}, {"retry-after": "nan"}, {"x-ratelimit-remaining-tokens": "0"}]),
        end=chance.choice(["close", "close", "reset"]),
        answers=chance.random() > 0.05,
    )


async def test_whatever_a_server_sends_only_our_errors_leave():
    chance = random.Random(5)
    async with scripted(says("fine")) as server:
        for _ in range(80):
            server.replies[:] = [nonsense(chance)]
            given = {"base_url": f"{server.url}/v1", "model": "m"}
            timers = {"first_token_s": 0.3, "idle_s": 0.3}
            port = port_on(in_memory(), ModelSettings(profile="test", compatible=given | timers))
            with contextlib.suppress(ModelError):
                if chance.random() < 0.3:
                    await port.structured(ASK, Shape)
                else:
                    await port.complete(ASK)
            await port.aclose()
    assert len(server.calls) >= 80
