"""The fault matrix: what a server does wrong, what the caller sees, how often was asked, how long it took."""

import asyncio
import time
from dataclasses import dataclass, field

import pytest
from pydantic import BaseModel

from common.llm.connect import port_on
from common.llm.errors import (
    ContextOverflow,
    DeadlinePassed,
    ModelError,
    ModelMisused,
    ModelRefused,
    NoModelAnswered,
)
from common.llm.port import Ask, Message
from common.llm.settings import ModelSettings
from common.llm.shared import in_memory
from common.llm.testing import Reply, delta, event, fails, json_reply, says, scripted, streams


@pytest.fixture(scope="module", autouse=True)
def the_client_is_imported():
    """The first call of a process imports it; the times below are those of calls."""
    import openai.resources.chat as chat

    return chat


OK = says("fine")
HTML = Reply(status=502, content_type="text/html", pieces=(b"<html>bad gateway</html>",))
BIG = 10 * 1024 * 1024


def ask(deadline_s: float = 4.0, **more) -> Ask:
    return Ask(agent="tester", messages=(Message("user", "hello"),), deadline_s=deadline_s, **more)


def settings(url: str, second: str | None = None, **first) -> ModelSettings:
    given = {"base_url": f"{url}/v1", "model": "m", "first_token_s": 1.0, "idle_s": 0.5}
    providers = {"compatible": given | first}
    if second:
        providers["openrouter"] = {
            "base_url": f"{second}/api/v1",
            "api_key": "sk-or-v1-secret-of-the-test",
            "model": "cloud/m",
            "price_output_usd": "1",
            "price_input_usd": "1",
        }
    return ModelSettings(profile="test", order=("compatible", "openrouter"), **providers)


@dataclass
class Fault:
    """One row: alone it ends as `alone` after `calls` requests; with a healthy neighbour the neighbour answers."""

    name: str
    replies: list[Reply] = field(default_factory=list)
    alone: type[ModelError] | str = NoModelAnswered
    calls: int = 3
    within_s: float = 2.5
    code: str = ""
    neighbour_answers: bool = True


QUOTA = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
IN_FLIGHT = {
    "code": 402,
    "message": "in flight",
    "metadata": {"limit_source": "openrouter_in_flight_budget"},
}
MODERATED = {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}}
TOO_LONG = {"code": 400, "type": "exceed_context_size_error", "message": "exceeds the context"}
LOADING = {"code": 503, "type": "unavailable_error", "message": "Loading model"}
IN_BAND = event(
    id="gen-1",
    error={"code": "server_error", "message": "upstream broke"},
    choices=[{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
)
ENDLESS = [delta("word " * 500) for _ in range(60)]

MATRIX = [
    Fault("400", [fails(400)], ModelMisused, 1, code="bad_request", neighbour_answers=False),
    Fault(
        "400 context", [fails(400, TOO_LONG)], ContextOverflow, 1, code="context_length_exceeded"
    ),
    Fault("401", [fails(401)], NoModelAnswered, 1, code="unauthorized"),
    Fault("402 no money", [fails(402)], NoModelAnswered, 1, code="payment_required"),
    Fault("402 in flight", [fails(402, IN_FLIGHT, retry_after="0.2"), OK], "fine", 2),
    Fault("403", [fails(403)], NoModelAnswered, 1, code="forbidden"),
    Fault(
        "403 budget",
        [fails(403, {"message": "no", "metadata": {"limit_source": "openrouter_key_limit"}})],
        NoModelAnswered,
        1,
        code="spend_limit",
    ),
    Fault(
        "403 moderation",
        [fails(403, MODERATED)],
        ModelRefused,
        1,
        code="content_filter",
        neighbour_answers=False,
    ),
    Fault(
        "404 model",
        [fails(404, {"message": "model 'm' not found"})],
        NoModelAnswered,
        1,
        code="model_not_found",
    ),
    Fault("408", [fails(408), OK], "fine", 2),
    Fault("408 for ever", [fails(408)], NoModelAnswered, 3, code="timeout"),
    Fault("413", [fails(413)], ModelMisused, 1, code="too_large", neighbour_answers=False),
    Fault("422", [fails(422)], ModelMisused, 1, code="unprocessable", neighbour_answers=False),
    Fault("429 without a wish", [fails(429), OK], "fine", 2, within_s=3.0),
    Fault("429 retry-after 2 s", [fails(429, retry_after="2"), OK], "fine", 2, within_s=3.2),
    Fault(
        "429 retry-after 300 s",
        [fails(429, retry_after="300")],
        NoModelAnswered,
        1,
        0.5,
        code="rate_limited",
    ),
    Fault("429 quota", [fails(429, QUOTA)], NoModelAnswered, 1, 0.5, code="quota"),
    Fault("500", [fails(500), OK], "fine", 2),
    Fault("500 for ever", [fails(500)], NoModelAnswered, 3, code="http_500"),
    Fault("502 html", [HTML], NoModelAnswered, 3, code="http_502"),
    Fault("503 loading, then up", [fails(503, LOADING), fails(503, LOADING), OK], "fine", 3),
    Fault(
        "503 busy",
        [fails(503, "server busy, please try again.  maximum pending requests exceeded"), OK],
        "fine",
        2,
    ),
    Fault("529", [fails(529), OK], "fine", 2),
    Fault("reset", [Reply(answers=False, end="reset")], NoModelAnswered, 3, code="connection"),
    Fault(
        "hang", [Reply(answers=False, end="hang")], NoModelAnswered, 1, code="timeout_first_token"
    ),
    Fault(
        "headers, then hang", [streams(end="hang")], NoModelAnswered, 1, code="timeout_first_token"
    ),
    Fault(
        "only keep-alive comments",
        [streams(*([b": ping\n\n", 0.1] * 40))],
        NoModelAnswered,
        1,
        code="timeout_first_token",
    ),
    Fault(
        "one byte per 10 s",
        [streams(delta("a"), 10.0, delta("b"))],
        NoModelAnswered,
        1,
        code="timeout_idle",
    ),
    Fault("cut without finish reason", [streams(delta("half"))], NoModelAnswered, 3, code="cut"),
    Fault(
        "reset within the stream",
        [streams(delta("half"), end="reset")],
        NoModelAnswered,
        3,
        code="connection",
    ),
    Fault("finish reason, no [DONE]", [streams(delta("fi"), delta("ne", "stop"))], "fine", 1),
    Fault(
        "error inside a 200 stream",
        [streams(delta("half"), IN_BAND)],
        NoModelAnswered,
        3,
        code="stream_error",
    ),
    Fault(
        "error inside a 200 body",
        [json_reply({"error": {"code": 502, "message": "down"}})],
        NoModelAnswered,
        3,
        code="http_502",
    ),
    Fault(
        "rate limit inside a 200",
        [streams(event(error={"code": 429, "message": "slow down"}, choices=[])), OK],
        "fine",
        2,
        3.0,
    ),
    Fault(
        "garbage chunk",
        [streams(delta("half"), b"data: {nonsense\n\n")],
        NoModelAnswered,
        3,
        code="garbage",
    ),
    Fault("garbage body", [Reply(pieces=(b"nonsense",))], NoModelAnswered, 2, code="garbage"),
    Fault("no choices", [json_reply({"choices": None})], NoModelAnswered, 2, code="garbage"),
    Fault("empty content", [says("")], NoModelAnswered, 2, code="empty_answer"),
    Fault(
        "null content with reasoning",
        [
            streams(
                event(
                    choices=[
                        {
                            "index": 0,
                            "delta": {"content": None, "reasoning": "hm"},
                            "finish_reason": "stop",
                        }
                    ]
                )
            )
        ],
        NoModelAnswered,
        2,
        code="empty_answer",
    ),
    Fault(
        "wrong content type",
        [Reply(content_type="text/html", pieces=(b"<html>hi</html>",))],
        NoModelAnswered,
        2,
        code="wrong_content_type",
    ),
    Fault(
        "10 MB answer",
        [Reply(pieces=(b'{"choices": "' + b"x" * BIG + b'"}',))],
        NoModelAnswered,
        2,
        code="too_large_answer",
    ),
    Fault(
        "10 MB error",
        [Reply(status=500, pieces=(b"x" * BIG,))],
        NoModelAnswered,
        2,
        code="too_large_answer",
    ),
    Fault("endless tokens", [streams(*ENDLESS, end="hang")], NoModelAnswered, 2, code="endless"),
    Fault(
        "refusal",
        [says("", finish="content_filter")],
        ModelRefused,
        1,
        code="content_filter",
        neighbour_answers=False,
    ),
    Fault(
        "redirect",
        [Reply(status=302, headers={"Location": "http://127.0.0.1:9/"})],
        NoModelAnswered,
        1,
        code="http_302",
    ),
    Fault(
        "whole answer, not streamed",
        [json_reply({"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]})],
        "fine",
        1,
    ),
]


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.name)
async def test_a_lone_provider_with_this_fault_ends_as_the_table_says(row):
    async with scripted(*row.replies) as server:
        port = port_on(in_memory(), settings(server.url))
        began = time.monotonic()
        if isinstance(row.alone, str):
            answer = await port.complete(ask())
            assert (answer.text, answer.attempts) == (row.alone, row.calls)
        else:
            with pytest.raises(ModelError) as raised:
                await port.complete(ask())
            assert type(raised.value) is row.alone
            if row.alone in (NoModelAnswered, ContextOverflow):
                assert raised.value.tried[0].code == row.code
        assert time.monotonic() - began < row.within_s
        assert len(server.calls) == row.calls
        await port.aclose()


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.name)
async def test_with_a_second_provider_the_fault_is_not_seen(row):
    async with scripted(*row.replies) as server, scripted(OK) as other:
        port = port_on(in_memory(), settings(server.url, other.url))
        began = time.monotonic()
        if not row.neighbour_answers:
            with pytest.raises(ModelError):
                await port.complete(ask())
            assert other.calls == []
        else:
            assert (await port.complete(ask())).text == "fine"
            assert time.monotonic() - began < 2.0
        await port.aclose()


async def test_a_refused_connection_costs_no_time():
    async with scripted(OK) as other:
        port = port_on(in_memory(), settings("http://127.0.0.1:9", other.url))
        began = time.monotonic()

        answer = await port.complete(ask())

        assert (answer.provider, answer.text) == ("openrouter", "fine")
        assert time.monotonic() - began < 0.5
        await port.aclose()


async def test_nothing_of_the_key_or_the_address_is_in_the_error():
    echo = fails(401, "Incorrect API key provided: sk-live-abcdef123456 at http://u:p@h/")
    async with scripted(echo) as server:
        port = port_on(in_memory(), settings(server.url, api_key="sk-live-abcdef123456"))

        with pytest.raises(NoModelAnswered) as raised:
            await port.complete(ask())

        told = f"{raised.value} {raised.value.because} {raised.value.__cause__!r}"
        assert "abcdef" not in told
        assert "127.0.0.1" not in told
        await port.aclose()


async def test_the_deadline_holds_however_slowly_tokens_come():
    slow = streams(*(x for _ in range(100) for x in (delta("a"), 0.2)))
    async with scripted(slow) as server:
        port = port_on(in_memory(), settings(server.url))
        began = time.monotonic()

        with pytest.raises(DeadlinePassed):
            await port.complete(ask(deadline_s=1.0))

        assert time.monotonic() - began < 1.3
        await port.aclose()


async def test_a_cancelled_call_lets_its_server_go_and_is_no_failure():
    async with scripted(streams(delta("a"), end="hang"), OK) as server:
        port = port_on(in_memory(), settings(server.url, idle_s=30.0, concurrency=1))
        call = asyncio.create_task(port.complete(ask(deadline_s=30.0)))
        while not server.calls:  # noqa: ASYNC110 - the server is no coroutine of ours
            await asyncio.sleep(0.01)

        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        began = time.monotonic()
        while not server.abandoned:
            assert time.monotonic() - began < 2.0
            await asyncio.sleep(0.01)

        assert (await port.complete(ask())).text == "fine"
        await port.aclose()


class Shape(BaseModel):
    word: str
    count: int


async def test_a_shape_is_not_asked_for_in_other_ways_when_that_is_not_the_trouble():
    async with scripted(fails(400, TOO_LONG)) as server:
        port = port_on(in_memory(), settings(server.url))

        with pytest.raises(ContextOverflow):
            await port.structured(ask(), Shape)

        assert len(server.calls) == 1
        await port.aclose()


async def test_a_server_that_knows_no_schemas_is_asked_in_words_and_this_is_remembered():
    refuses = fails(400, "response_format json_schema is not supported")
    good = says('Sure! ```json\n{"word": "a", "count": 1}\n```')
    async with scripted(refuses, refuses, good) as server:
        port = port_on(in_memory(), settings(server.url))

        first = await port.structured(ask(), Shape)
        second = await port.structured(ask(seed=2), Shape)

        assert first.value == second.value == Shape(word="a", count=1)
        formats = [r.body.get("response_format", {}).get("type") for r in server.calls]
        assert formats == ["json_schema", "json_object", None, None]
        assert '"word"' in server.calls[-1].body["messages"][0]["content"]
        await port.aclose()
