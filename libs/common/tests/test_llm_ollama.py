"""Ollama's native side, as its documents and source say it behaves."""

import asyncio
import json
import time

import pytest

from common.llm.faults import Fault, classify
from common.llm.ollama import OllamaApi
from common.llm.testing import Reply, fails, json_reply, scripted


def lines(*rows: dict, status: int = 200) -> Reply:
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return Reply(status=status, content_type="application/x-ndjson", pieces=(body,))


BEGUN = {"status": "pulling manifest"}


async def pull(server) -> list:
    return [step async for step in OllamaApi(base_url=server.url).pull("m")]


async def test_a_pull_that_says_success_is_done():
    rows = (
        {"status": "pulling manifest"},
        {"status": "pulling ab", "digest": "ab", "total": 10, "completed": 10},
        {"status": "success"},
    )
    async with scripted(lines(*rows)) as server:
        steps = await pull(server)

        assert [s.share for s in steps] == [0.0, 0.999, 1.0]
        assert server.requests[0].body == {"model": "m", "stream": True}


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (lines(BEGUN, {"error": "pull model manifest: file does not exist"}), "model_not_found"),
        (lines(BEGUN), "cut"),
        (lines({"error": "disk full"}, status=500), "pull_failed"),
        (Reply(pieces=(b"nonsense\n",)), "garbage"),
        (Reply(pieces=(b"x" * 200_000,)), ""),
    ],
)
async def test_a_pull_that_does_not_say_success_failed(reply, code):
    async with scripted(reply) as server:
        with pytest.raises(Fault) as raised:
            await pull(server)

        assert raised.value.code == code


async def test_models_and_their_abilities_are_read():
    rows = [
        {"name": "e:1", "digest": "d", "size": 3, "capabilities": ["embedding"]},
        {"name": "c:1", "digest": "d", "size": 2, "capabilities": ["completion", "tools"]},
        {"name": "nomic-embed-text:latest", "digest": "d", "size": 2},
    ]
    async with scripted(json_reply({"models": rows})) as server:
        found = await OllamaApi(base_url=server.url).models()

        assert [m.name for m in found if m.can_chat] == ["c:1"]


async def test_the_context_length_is_found_under_any_architecture():
    body = {"capabilities": ["completion"], "model_info": {"qwen9.context_length": 40_960}}
    async with scripted(json_reply(body)) as server:
        assert (await OllamaApi(base_url=server.url).show("m")).context_tokens == 40_960


async def test_a_server_that_is_just_starting_is_waited_for():
    async with scripted(json_reply({"version": "0.30"})) as server:
        await server.stop()
        api = OllamaApi(base_url=server.url)
        waiting = asyncio.create_task(api.wait_until_up(5.0))
        await asyncio.sleep(0.4)
        await server.start()

        assert await waiting
        assert not await OllamaApi(base_url="http://127.0.0.1:9").wait_until_up(0.3)


async def test_a_hanging_server_is_not_alive_within_a_second():
    async with scripted(Reply(answers=False, end="hang")) as server:
        began = time.monotonic()

        assert not await OllamaApi(base_url=server.url).is_alive()
        assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (fails(404, "model 'x' not found"), "model_not_found"),
        (Reply(status=500, content_type="text/html", pieces=(b"<html>",)), "http_500"),
        (Reply(pieces=(b"nonsense",)), "garbage"),
        (Reply(answers=False, end="reset"), "connection"),
    ],
)
async def test_whatever_the_native_side_does_is_a_fault_of_ours(reply, code):
    async with scripted(reply) as server:
        with pytest.raises(Fault) as raised:
            await OllamaApi(base_url=server.url).show("x")

        assert classify(raised.value).code == code


async def test_loading_and_unloading_name_how_long_to_keep():
    async with scripted(json_reply({"done_reason": "load"})) as server:
        api = OllamaApi(base_url=server.url)
        await api.load("m", "30m")
        await api.load("m", "-1")
        await api.unload("m")

        assert [r.body["keep_alive"] for r in server.requests] == ["30m", -1, 0]
