"""What traces show of a call: the GenAI names, the outcome, the money; content only when asked for."""

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from common.llm import spans
from common.llm.connect import port_on
from common.llm.port import Ask, Message
from common.llm.settings import ModelSettings
from common.llm.shared import in_memory
from common.llm.testing import fails, says, scripted

SECRET = "sk-or-v1-very-secret-key"


@pytest.fixture
def exporter(monkeypatch):
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(spans, "_tracer", provider.get_tracer("test"))
    return memory


async def traced(exporter, *replies, **more):
    async with scripted(*replies) as server:
        given = ModelSettings(
            profile="test",
            openrouter={
                "base_url": f"{server.url}/api/v1",
                "api_key": SECRET,
                "model": "cloud/m",
                "price_input_usd": "1",
                "price_output_usd": "10",
            },
            **more,
        )
        port = port_on(in_memory(), given)
        ask = Ask(
            agent="planner",
            messages=(Message("user", f"plan with {SECRET}"),),
            prompt_version="plan/3",
            simulation_id="s1",
            deadline_s=5.0,
        )
        await port.complete(ask)
        await port.aclose()
    return exporter.get_finished_spans()


async def test_each_attempt_is_a_span_under_the_genai_names(exporter):
    failed, ok = await traced(exporter, fails(500), says("an answer"))

    assert failed.name == ok.name == "chat cloud/m"
    assert (failed.attributes["error.type"], failed.status.status_code) == (
        "http_500",
        StatusCode.ERROR,
    )
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openrouter",
        "gen_ai.request.model": "cloud/m",
        "gen_ai.response.model": "served",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.agent.name": "planner",
        "gen_ai.conversation.id": "s1",
        "gen_ai.output.type": "text",
        "sim.prompt.version": "plan/3",
        "sim.cost.usd": pytest.approx(0.000081),
    }
    assert {name: ok.attributes[name] for name in expected} == expected
    assert ok.attributes["gen_ai.response.time_to_first_chunk"] > 0


async def test_content_is_left_out_unless_asked_for_and_keys_always(exporter):
    (plain,) = await traced(exporter, says("an answer"))
    exporter.clear()
    (full,) = await traced(exporter, says("an answer"), capture_content=True)

    assert "answer" not in plain.to_json()
    assert "an answer" in full.attributes["gen_ai.output.messages"]
    assert "plan with" in full.attributes["gen_ai.input.messages"]
    assert SECRET not in plain.to_json() + full.to_json()


async def test_durations_and_tokens_are_metrics_of_the_same_names(exporter, monkeypatch):
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("test")
    names = {
        "_duration": "gen_ai.client.operation.duration",
        "_tokens": "gen_ai.client.token.usage",
        "_first_chunk": "gen_ai.client.operation.time_to_first_chunk",
    }
    for instrument, name in names.items():
        monkeypatch.setattr(spans, instrument, meter.create_histogram(name))

    await traced(exporter, fails(500), says("an answer"))

    found = {
        metric.name: list(metric.data.data_points)
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert set(found) == set(names.values())
    errors = {p.attributes.get("error.type") for p in found["gen_ai.client.operation.duration"]}
    assert errors == {"http_500", None}
    kinds = {p.attributes["gen_ai.token.type"]: p.sum for p in found["gen_ai.client.token.usage"]}
    assert kinds == {"input": 11, "output": 7}
