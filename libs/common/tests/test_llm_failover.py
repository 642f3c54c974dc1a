"""Order of providers, circuits, streams, re-use, budgets: the promises of the layer, over scripted servers."""

import asyncio
import time
from contextlib import aclosing
from decimal import Decimal

import pytest
from pydantic import BaseModel

from common.llm import ledger
from common.llm.connect import port_on
from common.llm.errors import (
    AnswerInvalid,
    BudgetSpent,
    DeadlinePassed,
    NoModelAnswered,
    StreamBroken,
)
from common.llm.limits import Gate
from common.llm.port import Ask, Delta, Done, Message, Reset
from common.llm.settings import ModelSettings
from common.llm.shared import Entry, MemoryShared, SharedUnavailable, Stores, in_memory
from common.llm.testing import (
    delta,
    event,
    fails,
    json_reply,
    says,
    scripted,
    streams,
)


@pytest.fixture(scope="module", autouse=True)
def the_client_is_imported():
    """The first call of a process imports it; the times below are those of calls."""
    import openai.resources.chat as chat

    return chat


def ask(text: str = "hello", deadline_s: float = 5.0, **more) -> Ask:
    return Ask(agent="tester", messages=(Message("user", text),), deadline_s=deadline_s, **more)


def local(url: str, **more) -> dict:
    return {"base_url": f"{url}/v1", "model": "m", "first_token_s": 1.0, "idle_s": 0.5} | more


def cloud(url: str, **more) -> dict:
    return {
        "base_url": f"{url}/api/v1",
        "api_key": "sk-or-secret-secret",
        "model": "cloud/m",
        "price_input_usd": "1",
        "price_output_usd": "10",
    } | more


def settings(**given) -> ModelSettings:
    return ModelSettings(profile="test", order=("compatible", "openrouter"), **given)


def ollama_routes(*models: str) -> dict:
    rows = [{"name": m, "digest": f"sha-{m}", "size": 9 if "big" in m else 1} for m in models]
    return {
        "__api__version": lambda _: json_reply({"version": "0.30.1"}),
        "__api__tags": lambda _: json_reply({"models": rows}),
        "__api__generate": lambda _: json_reply({"done": True, "done_reason": "load"}),
    }


async def test_the_first_provider_answers_while_it_can():
    async with scripted(says("local")) as one, scripted(says("cloud")) as two:
        port = port_on(in_memory(), settings(compatible=local(one.url), openrouter=cloud(two.url)))

        answer = await port.complete(ask())

        assert (answer.text, answer.provider, two.calls) == ("local", "compatible", [])
        await port.aclose()


async def test_ollama_down_is_answered_by_the_cloud_and_ollama_back_is_used_again_without_a_restart():
    async with (
        scripted(says("cloud")) as two,
        scripted(says("local"), **ollama_routes("m:1b")) as one,
    ):
        await one.stop()
        given = ModelSettings(
            profile="test",
            ollama={"base_url": one.url, "model": "m:1b", "concurrency": 4},
            openrouter=cloud(two.url),
            reuse_answers=False,
        )
        port = port_on(in_memory(), given)

        began = time.monotonic()
        answers = [await port.complete(ask()) for _ in range(3)]
        assert {a.provider for a in answers} == {"openrouter"}
        assert time.monotonic() - began < 2.0

        await one.start()
        await asyncio.sleep(1.1)  # a sign of life is looked for once a second
        assert (await port.complete(ask())).provider == "ollama"
        await port.aclose()


async def test_both_down_says_who_failed_how():
    given = settings(compatible=local("http://127.0.0.1:9"), openrouter=cloud("http://127.0.0.1:9"))
    port = port_on(in_memory(), given)

    with pytest.raises(NoModelAnswered) as raised:
        await port.complete(ask())

    assert raised.value.because == "model_unavailable (compatible: refused, openrouter: refused)"
    await port.aclose()


async def test_a_failing_provider_is_left_alone_and_probed_by_one_call_only():
    clock = [1_000.0]
    async with scripted(fails(500)) as one, scripted(says("cloud")) as two:
        port = port_on(in_memory(), settings(compatible=local(one.url), openrouter=cloud(two.url)))
        port.now, port.reuses = lambda: clock[0], False
        for _ in range(3):
            await port.complete(ask())
        before = len(one.calls)
        await port.complete(ask())
        assert len(one.calls) == before

        clock[0] += 6.0
        one.replies[:] = [streams(0.3, delta("back", "stop"))]
        answers = await asyncio.gather(*(port.complete(ask(f"q{n}")) for n in range(4)))

        assert len(one.calls) == before + 1
        assert sorted(a.provider for a in answers) == ["compatible", *["openrouter"] * 3]
        assert (await port.complete(ask())).provider == "compatible"
        await port.aclose()


async def test_a_probe_that_found_no_place_is_left_to_the_next_call():
    clock, stores = [1_000.0], in_memory()
    async with scripted(fails(500)) as one, scripted(says("cloud")) as two:
        given = settings(
            compatible=local(one.url, concurrency=1, spill_after_s=0.0), openrouter=cloud(two.url)
        )
        port = port_on(stores, given)
        port.now, port.reuses = lambda: clock[0], False
        for _ in range(3):
            await port.complete(ask())
        clock[0] += 6.0
        one.replies[:] = [says("back")]
        full = Gate(leases={"other": clock[0] + 9}).model_dump_json().encode()
        await stores.state.put("gate.compatible", full)

        busy = await port.complete(ask())
        await stores.state.put("gate.compatible", b"{}")
        after = await port.complete(ask())

        assert (busy.provider, after.provider) == ("openrouter", "compatible")
        await port.aclose()


async def test_waiting_for_the_same_question_counts_against_the_deadline():
    slow = streams(*(x for _ in range(30) for x in (delta("a"), 0.1)))
    async with scripted(slow) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))
        began = time.monotonic()

        results = await asyncio.gather(
            port.complete(ask(deadline_s=1.0)),
            port.complete(ask(deadline_s=1.0)),
            return_exceptions=True,
        )

        assert [type(r) for r in results] == [DeadlinePassed] * 2
        assert time.monotonic() - began < 1.5
        await port.aclose()


async def test_a_stream_that_breaks_before_its_first_token_is_replaced_silently():
    async with scripted(streams()) as one, scripted(says("cloud")) as two:
        port = port_on(in_memory(), settings(compatible=local(one.url), openrouter=cloud(two.url)))

        parts = [part async for part in port.stream(ask())]

        assert [p for p in parts if isinstance(p, Reset)] == []
        assert isinstance(parts[-1], Done)
        assert parts[-1].answer.text == "cloud"
        await port.aclose()


async def test_a_stream_that_breaks_later_is_voided_aloud_and_started_anew():
    async with scripted(streams(delta("half a "))) as one, scripted(says("whole")) as two:
        port = port_on(in_memory(), settings(compatible=local(one.url), openrouter=cloud(two.url)))

        parts = [part async for part in port.stream(ask())]

        resets = [n for n, p in enumerate(parts) if isinstance(p, Reset)]
        after = "".join(p.text for p in parts[resets[-1] :] if isinstance(p, Delta))
        assert parts[resets[-1]] == Reset("cut")
        assert after == parts[-1].answer.text == "whole"
        await port.aclose()


async def test_a_stream_that_breaks_with_nobody_left_ends_with_what_was_shown():
    async with scripted(streams(delta("half"))) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))

        with pytest.raises(StreamBroken) as raised:
            [part async for part in port.stream(ask())]

        assert raised.value.partial_text == "half"
        await port.aclose()


async def test_a_reader_that_leaves_a_stream_frees_the_server():
    async with scripted(streams(delta("a"), end="hang")) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url, idle_s=30)))
        async with aclosing(port.stream(ask(deadline_s=30))) as parts:
            assert await anext(parts) == Delta("a")

        async with asyncio.timeout(2):
            while not one.abandoned:  # noqa: ASYNC110 - the server is no coroutine of ours
                await asyncio.sleep(0.01)
        await port.aclose()


async def test_the_same_request_twice_is_one_upstream_call_also_at_the_same_time_and_in_another_worker():
    stores = in_memory()
    async with scripted(streams(0.1, delta("once", "stop"))) as one:
        given = settings(compatible=local(one.url))
        port, other_worker = port_on(stores, given), port_on(stores, given)

        answers = await asyncio.gather(port.complete(ask()), port.complete(ask()))
        answers.append(await other_worker.complete(ask()))

        assert [a.text for a in answers] == ["once"] * 3
        assert [a.is_reused for a in answers] == [False, True, True]
        assert len(one.calls) == 1
        await port.aclose()
        await other_worker.aclose()


async def test_a_redelivered_job_re_uses_its_answer_even_a_random_one_and_another_job_does_not():
    async with scripted(says("a")) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))
        for job in ("j1", "j1", "j2"):
            await port.complete(ask(temperature=0.9, job=job))
        assert len(one.calls) == 2

        await port.complete(ask(temperature=0.9))
        await port.complete(ask(temperature=0.9))
        assert len(one.calls) == 4
        await port.aclose()


async def test_other_parameters_are_another_question():
    async with scripted(says("a")) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))
        for more in ({}, {"seed": 1}, {"max_tokens": 9}, {"prompt_version": "p/2"}):
            await port.complete(ask(**more))
        assert len(one.calls) == 4
        await port.aclose()


async def test_what_was_cut_is_not_re_used():
    async with scripted(says("half", finish="length")) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))

        answers = [await port.complete(ask()) for _ in range(2)]

        assert [a.finish_reason for a in answers] == ["length", "length"]
        assert len(one.calls) == 2
        await port.aclose()


class Pair(BaseModel):
    low: int
    high: int


def in_order(pair: Pair) -> list[str]:
    return [] if pair.low <= pair.high else ["low is above high"]


async def test_a_wrong_answer_is_asked_again_with_what_is_wrong_and_only_the_last_answer():
    wrong, invalid = says('{"low": 3, "high": 1}'), says('{"low": "x"}')
    async with scripted(invalid, wrong, says('{"low": 1, "high": 3}')) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))

        found = await port.structured(ask(), Pair, in_order)

        assert found.value == Pair(low=1, high=3)
        assert found.answer.usage.output_tokens == 21
        second, third = (call.body["messages"] for call in one.calls[1:])
        assert "high: Field required" in second[-1]["content"]
        assert "low is above high" in third[-1]["content"]
        assert len(second) == len(third)
        assert (await port.structured(ask(), Pair, in_order)).answer.is_reused
        assert len(one.calls) == 3
        await port.aclose()


async def test_after_two_re_asks_it_is_given_up():
    async with scripted(says("no idea")) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))

        with pytest.raises(AnswerInvalid) as raised:
            await port.structured(ask(), Pair)

        assert len(one.calls) == 3
        assert raised.value.problems == ("the answer holds no JSON object",)
        await port.aclose()


async def test_the_schema_sent_is_closed_requires_everything_and_has_no_defaults():
    async with scripted(says('{"low": 1, "high": 3}')) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url)))
        await port.structured(ask(), Pair)

        schema = one.calls[0].body["response_format"]["json_schema"]["schema"]
        assert (schema["required"], schema["additionalProperties"]) == (["low", "high"], False)
        await port.aclose()


async def test_a_call_that_would_pass_the_budget_is_not_made():
    stores = in_memory()
    async with scripted(
        says("cloud", usage={"prompt_tokens": 100, "completion_tokens": 300})
    ) as two:
        given = settings(openrouter=cloud(two.url), budget_day_usd="0.01", reuse_answers=False)
        port = port_on(stores, given)

        for _ in range(2):
            await port.complete(ask(max_tokens=500))
        with pytest.raises(BudgetSpent):
            await port.complete(ask(max_tokens=500))

        account = await ledger.read_day(stores.ledger, time.time())
        assert len(two.calls) == 2
        assert account.total.cost_usd == Decimal("0.0031") * 2
        assert account.held == {}
        await port.aclose()


async def test_calls_at_the_same_time_cannot_pass_the_budget_together():
    async with scripted(streams(0.2, delta("a", "stop"))) as two:
        given = settings(
            openrouter=cloud(two.url), budget_simulation_usd="0.01", reuse_answers=False
        )
        port = port_on(in_memory(), given)

        results = await asyncio.gather(
            *(port.complete(ask(str(n), max_tokens=450, simulation_id="s")) for n in range(6)),
            return_exceptions=True,
        )

        assert len(two.calls) == 2
        assert sum(isinstance(r, BudgetSpent) for r in results) == 4
        await port.aclose()


async def test_the_budget_of_one_simulation_is_not_anothers_and_free_models_need_none():
    async with scripted(says("cloud")) as two, scripted(says("local")) as one:
        given = settings(
            openrouter=cloud(two.url), budget_simulation_usd="0.006", reuse_answers=False
        )
        port = port_on(in_memory(), given)
        for simulation_id in ("a", "b"):
            await port.complete(ask(max_tokens=500, simulation_id=simulation_id))

        free = port_on(in_memory(), settings(compatible=local(one.url), budget_day_usd="0"))
        assert (await free.complete(ask())).text == "local"
        await port.aclose()
        await free.aclose()


async def test_with_a_budget_an_unknown_price_is_refused_and_without_one_its_cost_is_null():
    unpriced = {"price_input_usd": None, "price_output_usd": None}
    models = {"__api__v1__models": lambda _: json_reply({"data": []})}
    async with scripted(says("cloud"), **models) as two:
        capped = port_on(
            in_memory(), settings(openrouter=cloud(two.url, **unpriced), budget_day_usd="5")
        )
        with pytest.raises(BudgetSpent):
            await capped.complete(ask())
        assert two.calls == []

        answer = await port_on(
            in_memory(), settings(openrouter=cloud(two.url, **unpriced))
        ).complete(ask())
        assert answer.usage.cost_usd is None


async def test_the_providers_own_cost_counts_before_the_price_list():
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "cost": 0.5}
    async with scripted(says("cloud", usage=usage)) as two:
        port = port_on(in_memory(), settings(openrouter=cloud(two.url)))

        assert (await port.complete(ask())).usage.cost_usd == Decimal("0.5")
        await port.aclose()


class Away:
    """A ledger nobody can reach."""

    async def get(self, key: str) -> Entry | None:
        raise SharedUnavailable(key)

    async def put(self, key: str, value: bytes) -> None:
        raise SharedUnavailable(key)

    async def swap(self, key: str, value: bytes, revision: int) -> bool:
        raise SharedUnavailable(key)


async def test_without_a_ledger_paid_calls_are_refused_and_local_ones_pass():
    stores = Stores(state=MemoryShared(), answers=MemoryShared(), ledger=Away())
    async with scripted(says("local")) as one, scripted(says("cloud")) as two:
        paid = port_on(stores, settings(openrouter=cloud(two.url), budget_day_usd="5"))
        free = port_on(stores, settings(compatible=local(one.url), budget_day_usd="5"))

        with pytest.raises(BudgetSpent):
            await paid.complete(ask())
        assert two.calls == []
        assert (await free.complete(ask())).text == "local"
        await paid.aclose()
        await free.aclose()


async def test_every_attempt_is_written_down_by_agent_simulation_and_day():
    stores = in_memory()
    async with scripted(fails(500), says("local")) as one:
        port = port_on(stores, settings(compatible=local(one.url)))
        await port.complete(ask(simulation_id="s1"))
        await port.complete(ask(simulation_id="s1"))

        account = await ledger.read_simulation(stores.ledger, "s1")
        assert [(c.outcome, c.is_reused) for c in account.calls] == [
            ("http_500", False),
            ("ok", False),
            ("ok", True),
        ]
        assert (account.total.calls, account.total.failed, account.total.reused) == (2, 1, 1)
        assert account.groups["tester/compatible/served"].output_tokens == 7
        assert (await ledger.read_day(stores.ledger, time.time())).outcomes["http_500"] == 1
        await port.aclose()


async def test_two_workers_share_one_place_and_neither_times_out():
    stores = in_memory()
    running = [0, 0]

    def slow(_):
        running[0] += 1
        running[1] = max(running)
        return streams(0.15, delta("a", "stop"))

    async with scripted(says("x"), **{"__v1__chat": slow}) as one:
        given = settings(compatible=local(one.url, concurrency=1), reuse_answers=False)
        workers = [port_on(stores, given) for _ in range(2)]
        began = time.monotonic()

        answers = await asyncio.gather(
            *(w.complete(ask(str(n))) for n in range(2) for w in workers)
        )

        assert len(answers) == len(one.calls) == 4
        assert time.monotonic() - began >= 4 * 0.15
        for worker in workers:
            await worker.aclose()


async def test_requests_above_the_limit_per_minute_go_to_the_next_provider():
    async with scripted(says("local")) as one, scripted(says("cloud")) as two:
        given = settings(
            compatible=local(one.url, requests_per_min=2, spill_after_s=0.0),
            openrouter=cloud(two.url),
            reuse_answers=False,
        )
        port = port_on(in_memory(), given)

        providers = [(await port.complete(ask())).provider for _ in range(4)]

        assert providers == ["compatible", "compatible", "openrouter", "openrouter"]
        await port.aclose()


async def test_a_header_that_says_nothing_is_left_pauses_the_provider():
    full = streams(delta("a", "stop"))
    full = type(full)(
        content_type=full.content_type,
        pieces=full.pieces,
        headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"},
    )
    async with scripted(full) as one, scripted(says("cloud")) as two:
        given = settings(
            compatible=local(one.url, spill_after_s=0.5),
            openrouter=cloud(two.url),
            reuse_answers=False,
        )
        port = port_on(in_memory(), given)

        providers = [(await port.complete(ask())).provider for _ in range(2)]

        assert providers == ["compatible", "openrouter"]
        await port.aclose()


async def test_a_request_longer_than_the_context_is_not_sent_where_it_would_be_cut_silently():
    async with scripted(says("local")) as one, scripted(says("cloud")) as two:
        given = settings(compatible=local(one.url, context_tokens=2_000), openrouter=cloud(two.url))
        port = port_on(in_memory(), given)

        answer = await port.complete(ask("word " * 3_000))

        assert (answer.provider, one.calls) == ("openrouter", [])
        await port.aclose()


def offer(name: str, prompt: str, completion: str, **more) -> dict:
    return {
        "id": name,
        "context_length": 128_000,
        "supported_parameters": ["structured_outputs", "reasoning", "max_tokens"],
        "architecture": {"output_modalities": ["text"]},
        "pricing": {"prompt": prompt, "completion": completion},
    } | more


OFFERS = [
    offer("a/free:free", "0", "0"),
    offer("a/dear", "0.00002", "0.0001"),
    offer("a/fair", "0.0000002", "0.000001"),
    offer("a/plain", "0.0000001", "0.0000001", supported_parameters=[]),
    offer("a/short", "0.0000001", "0.0000001", context_length=4_000),
    offer("a/odd", "-1", "-1"),
]


async def test_openrouter_is_asked_for_the_cheapest_model_that_can_do_the_task():
    models = {"__api__v1__models": lambda _: json_reply({"data": OFFERS})}
    async with scripted(says('{"low": 1, "high": 2}'), **models) as two:
        auto = cloud(two.url, model="auto", price_input_usd=None, price_output_usd=None)
        port = port_on(in_memory(), settings(openrouter=auto, budget_day_usd="1"))

        found = await port.structured(ask(task="plan"), Pair)
        await port.complete(ask(task="prose"))

        assert [c.body["model"] for c in two.calls] == ["a/fair", "a/plain"]
        assert two.calls[0].body["provider"] == {
            "data_collection": "deny",
            "require_parameters": True,
        }
        assert two.calls[0].headers["x-openrouter-title"] == "Scenario Simulator"
        assert found.answer.usage.cost_usd == Decimal("0.0000092")
        await port.aclose()


async def test_ollama_is_asked_for_its_largest_model_in_its_own_words():
    async with scripted(says("a"), **ollama_routes("tiny:1b", "big:8b")) as one:
        port = port_on(in_memory(), ModelSettings(profile="test", ollama={"base_url": one.url}))

        answer = await port.complete(ask(seed=3))

        body = one.calls[0].body
        assert (answer.provider, body["model"], body["seed"]) == ("ollama", "big:8b", 3)
        assert "max_tokens" in body
        assert "tool_choice" not in body
        await port.aclose()


async def test_a_model_that_is_pulled_meanwhile_is_used_at_once():
    rows: list[dict] = []
    routes = ollama_routes() | {"__api__tags": lambda _: json_reply({"models": rows})}
    async with scripted(says("local"), **routes) as one, scripted(says("cloud")) as two:
        given = ModelSettings(
            profile="test",
            ollama={"base_url": one.url, "model": "m:1b"},
            openrouter=cloud(two.url),
            reuse_answers=False,
        )
        port = port_on(in_memory(), given)
        assert (await port.complete(ask())).provider == "openrouter"

        rows.append({"name": "m:1b", "digest": "d", "size": 1})
        assert (await port.complete(ask())).provider == "ollama"
        await port.aclose()


async def test_a_context_length_makes_a_derived_model_once():
    made = []

    def create(request):
        made.append(request.body)
        return json_reply({"status": "success"})

    routes = ollama_routes("m:1b") | {"__api__create": create}
    async with scripted(says("a"), **routes) as one:
        given = ModelSettings(
            profile="test", ollama={"base_url": one.url, "model": "m:1b", "num_ctx": 8192}
        )
        port = port_on(in_memory(), given)
        await port.complete(ask("one"))
        await port.complete(ask("two"))

        assert [(m["from"], m["parameters"]) for m in made] == [("m:1b", {"num_ctx": 8192})]
        assert {c.body["model"] for c in one.calls} == {made[0]["model"]}
        await port.aclose()


async def test_other_weights_under_the_same_name_are_another_question():
    rows = [{"name": "m:1b", "digest": "old", "size": 1}]
    routes = ollama_routes("m:1b") | {"__api__tags": lambda _: json_reply({"models": rows})}
    async with scripted(says("a"), **routes) as one:
        given = ModelSettings(profile="test", ollama={"base_url": one.url, "model": "m:1b"})
        stores = in_memory()
        for digest in ("old", "new", "new"):
            rows[0]["digest"] = digest
            port = port_on(stores, given)
            await port.complete(ask())
            await port.aclose()

        assert len(one.calls) == 2


async def test_how_hard_a_model_thinks_is_passed_on_in_each_servers_words():
    async with scripted(says("local")) as one, scripted(says("cloud")) as two:
        for given in (
            settings(compatible=local(one.url, reasoning_effort="none")),
            settings(openrouter=cloud(two.url, reasoning_effort="low")),
        ):
            port = port_on(in_memory(), given)
            await port.complete(ask())
            await port.aclose()

        assert one.calls[0].body["reasoning_effort"] == "none"
        assert two.calls[0].body["reasoning"] == {"effort": "low"}


async def test_reasoning_is_progress_but_no_answer():
    thinking = event(choices=[{"index": 0, "delta": {"reasoning": "hm"}, "finish_reason": None}])
    slow = streams(*([thinking, 0.3] * 5), delta("done", "stop"))
    async with scripted(slow) as one:
        port = port_on(in_memory(), settings(compatible=local(one.url, first_token_s=0.5)))

        assert (await port.complete(ask())).text == "done"
        await port.aclose()
