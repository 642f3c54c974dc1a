"""`simulator models`: what is configured, how it is doing, and a pull that only says it is done when it is."""

import json
import os

import pytest
from typer.testing import CliRunner

from common.llm.ollama import Progress
from common.llm.testing import Reply, json_reply, scripted_in_thread
from simulator_cli.main import app
from simulator_cli.render.models import bar_line

KEY = "sk-or-v1-not-to-be-seen"
TAGS = {"models": [{"name": "big:8b", "digest": "d", "size": 4_900_000_000}]}
OFFERS = {
    "data": [
        {
            "id": "a/b",
            "context_length": 64_000,
            "pricing": {"prompt": "0.0000005", "completion": "0.000002"},
        }
    ]
}


def ollama(**more):
    return {
        "__api__version": lambda _: json_reply({"version": "0.30.1"}),
        "__api__tags": lambda _: json_reply(TAGS),
        "__api__ps": lambda _: json_reply(
            {"models": [{"name": "big:8b", "context_length": 8192, "size_vram": 1}]}
        ),
    } | more


def run(monkeypatch, *arguments: str, **env: str):
    for name in [n for n in os.environ if n.startswith("LLM_")]:
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(app, ["models", *arguments])


def test_providers_are_listed_in_the_order_they_are_asked_without_their_keys(monkeypatch):
    with (
        scripted_in_thread(json_reply({}), **ollama()) as local,
        scripted_in_thread(json_reply(OFFERS)) as cloud,
    ):
        done = run(
            monkeypatch,
            LLM_ORDER="openrouter,ollama",
            LLM_OLLAMA__BASE_URL=local.url,
            LLM_OPENROUTER__API_KEY=KEY,
            LLM_OPENROUTER__BASE_URL=f"{cloud.url}/api/v1",
            LLM_BUDGET_DAY_USD="2",
        )

    assert done.exit_code == 0
    assert done.stdout.index("1. openrouter") < done.stdout.index("2. ollama")
    for told in ("a/b", "64000", "big:8b", "4.9 GB", "8192", "loaded", "0.30.1", "$2 per day"):
        assert told in done.stdout
    assert KEY not in done.output


def test_a_provider_that_is_away_is_said_to_be_and_ends_nothing(monkeypatch):
    done = run(monkeypatch, "--json", LLM_OLLAMA__BASE_URL="http://127.0.0.1:9")

    (state,) = json.loads(done.stdout)["providers"]
    assert done.exit_code == 0
    assert (state["provider"], state["problem"], state["models"]) == ("ollama", "refused", [])


def test_a_wrong_key_is_told_apart_from_a_dead_server(monkeypatch):
    with scripted_in_thread(json_reply({"error": {"message": KEY}}, status=401)) as cloud:
        done = run(
            monkeypatch,
            LLM_OPENROUTER__API_KEY=KEY,
            LLM_OPENROUTER__BASE_URL=f"{cloud.url}/api/v1",
        )

    assert "does not answer: unauthorized" in done.stdout
    assert KEY not in done.output


def test_a_bad_setting_is_named(monkeypatch):
    done = run(monkeypatch, LLM_OLLAMA__MODLE="x")

    assert done.exit_code == 1
    assert "LLM_OLLAMA__MODLE" in done.stderr


def lines(*rows: dict) -> Reply:
    return Reply(pieces=(b"".join(json.dumps(row).encode() + b"\n" for row in rows),))


def test_a_pull_is_done_when_ollama_says_success(monkeypatch):
    reply = lines(
        {"status": "pulling manifest"},
        {"status": "pulling ab", "digest": "ab", "total": 10, "completed": 10},
        {"status": "success"},
    )
    with scripted_in_thread(reply) as server:
        done = run(monkeypatch, "pull", "m:1b", LLM_OLLAMA__BASE_URL=server.url)
        as_json = run(monkeypatch, "pull", "m:1b", "--json", LLM_OLLAMA__BASE_URL=server.url)

    assert (done.exit_code, done.stdout) == (0, "m:1b is installed.\n")
    shares = [json.loads(line)["share"] for line in as_json.stdout.splitlines()]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (lines({"error": "pull model manifest: file does not exist"}), "has no model 'm:1b'"),
        (lines({"status": "pulling manifest"}), "The pull failed (cut)"),
    ],
)
def test_a_pull_that_is_not_done_says_so(monkeypatch, reply, told):
    with scripted_in_thread(reply) as server:
        done = run(monkeypatch, "pull", "m:1b", LLM_OLLAMA__BASE_URL=server.url)

    assert done.exit_code == 1
    assert told in done.stderr
    assert "is installed" not in done.output


def test_the_bar_keeps_its_width():
    steps = [
        Progress(status="x" * n, done_bytes=n, total_bytes=10, share=n / 10) for n in (0, 5, 10)
    ]

    assert len({len(bar_line(step)) for step in steps}) == 1
