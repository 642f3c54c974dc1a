"""Against a real llama.cpp server whose model talks nonsense: transport, grammar, slots, limits, cancellation."""

import asyncio
import time
from contextlib import aclosing

import pytest

from common.llm import peer
from common.llm.connect import port_on
from common.llm.errors import AnswerInvalid, ContextOverflow, ModelError
from common.llm.port import Ask, Delta, Done, Message
from common.llm.settings import ModelSettings
from common.llm.shared import in_memory
from failure.rules.proposal import ProposedFailures
from interpreter.rules.proposal import ProposedReading
from mapper.rules.proposal import ProposedFit
from narrator.rules.retelling import ToldStory
from planner.editing.llm import ProposedCommands
from planner.review.llm import ProposedSummary
from planner.rules.proposal import ProposedPlan

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not peer.is_there(), reason=peer.HINT),
    pytest.mark.timeout(300),
]
SHAPES = (
    *(ProposedReading, ProposedPlan, ProposedFit, ProposedFailures),
    *(ToldStory, ProposedCommands, ProposedSummary),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return peer.make_model(tmp_path_factory.mktemp("peer"))


@pytest.fixture(scope="module")
def server(model):
    with peer.llama_server(model) as url:
        yield url


def settings(url: str, **more) -> ModelSettings:
    given = {"base_url": url, "model": "tiny-random", "concurrency": 2, "first_token_s": 30.0}
    return ModelSettings(profile="test", compatible=given | more, reuse_answers=False)


def ask(text: str, **more) -> Ask:
    return Ask(
        **{
            "agent": "tester",
            "messages": (Message("user", text),),
            "max_tokens": 400,
            "temperature": 0.8,
            "deadline_s": 60.0,
        }
        | more
    )


async def test_a_hundred_structured_calls_are_valid_or_honestly_given_up(server):
    port = port_on(in_memory(), settings(server))
    outcomes = {"valid": 0, "given up": 0}

    async def one(number: int) -> None:
        shape = SHAPES[number % len(SHAPES)]
        try:
            question = ask(f"say anything, {number}", seed=number, deadline_s=240.0)
            found = await port.structured(question, shape)
        except AnswerInvalid:
            outcomes["given up"] += 1
        else:
            assert isinstance(found.value, shape)
            outcomes["valid"] += 1

    await asyncio.gather(*(one(n) for n in range(100)))

    print(outcomes)
    assert sum(outcomes.values()) == 100
    assert outcomes["valid"] > 0
    await port.aclose()


async def test_text_streams_and_ends_with_usage(server):
    port = port_on(in_memory(), settings(server))

    parts = [part async for part in port.stream(ask("hello", max_tokens=60))]

    assert isinstance(parts[-1], Done)
    assert sum(isinstance(part, Delta) for part in parts) > 1
    assert parts[-1].answer.usage.output_tokens
    assert parts[-1].answer.usage.cost_usd is None
    await port.aclose()


async def test_a_cancelled_call_frees_the_slot_within_two_seconds(model):
    with peer.llama_server(model, slots=1) as url:
        port = port_on(in_memory(), settings(url, concurrency=1))
        async with aclosing(port.stream(ask("count", max_tokens=4_000, temperature=1.5))) as parts:
            await anext(parts)
        began = time.monotonic()

        await port.complete(ask("hello", max_tokens=5))

        assert time.monotonic() - began < 2.0
        await port.aclose()


async def test_a_request_longer_than_the_context_is_told_apart(model):
    with peer.llama_server(model, slots=1, context=512) as url:
        port = port_on(in_memory(), settings(url))

        with pytest.raises(ContextOverflow) as raised:
            await port.complete(ask("word " * 3_000))

        assert raised.value.tried[0].code == "context_length_exceeded"
        await port.aclose()


async def test_a_server_that_is_still_loading_answers_in_the_end(model):
    with peer.llama_server(model, waits=False) as url:
        port = port_on(in_memory(), settings(url))
        end = time.monotonic() + 20
        codes, answer = set(), None
        while answer is None and time.monotonic() < end:
            try:
                answer = await port.complete(ask("hello", max_tokens=5, deadline_s=20.0))
            except ModelError as error:
                codes.add(error.tried[0].code)
                await asyncio.sleep(0.2)

        assert answer is not None
        assert codes <= {
            "refused",
            "circuit_open",
        }  # nobody listens yet; what answers 503 is waited for
        await port.aclose()


async def test_two_workers_share_one_slot_and_neither_times_out(model):
    stores = in_memory()
    with peer.llama_server(model, slots=1) as url:
        workers = [port_on(stores, settings(url, concurrency=1)) for _ in range(2)]

        answers = await asyncio.gather(
            *(w.complete(ask(f"hello {n}", max_tokens=80)) for n in range(6) for w in workers)
        )

        assert len(answers) == 12
        for worker in workers:
            await worker.aclose()
