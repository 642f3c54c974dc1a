"""Each format is complete, valid in its own grammar, and no text of users can break out of it."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from common.contracts.report import Report
from common.contracts.values import Band
from common.exports import EXPORTS, ExportNotReady
from common.exports.escaping import dot, identifiers, markdown, markdown_block, mermaid
from common.exports.numbers import changed, with_band, written
from common.exports.otlp import otlp_requests

WHOLE = Report.model_validate_json(
    (Path(__file__).parent / "data" / "report.json").read_text("utf-8")
)
EVIL = 'x"]; click a0 "javascript:alert(1)"\n```\n| a | <script>alert(1)</script> [y](http://z.example) $a$ `b` \\'


def with_text(text: str) -> Report:
    """The report with `text` wherever a person may write."""
    network = WHOLE.network
    assert network is not None
    agents = tuple(a.model_copy(update={"name": text, "role": text}) for a in network.agents)
    edges = tuple(
        c.model_copy(update={"label": text, "when": text if c.share is not None else None})
        for c in network.connections
    )
    evil = network.model_copy(
        update={"agents": agents, "connections": edges, "pattern_reason": text}
    )
    return WHOLE.model_copy(update={"network": evil, "scenario_text": text, "scenario_name": text})


def test_every_format_of_the_public_api_is_there() -> None:
    assert set(EXPORTS) == {
        "json", "markdown", "mermaid", "dot", "otlp", "crewai", "langgraph", "openai-agents",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_the_same_report_gives_the_same_text(name: str) -> None:
    assert EXPORTS[name].export(WHOLE) == EXPORTS[name].export(WHOLE)


@pytest.mark.parametrize("name", sorted(set(EXPORTS) - {"json", "markdown"}))
def test_what_is_not_there_yet_is_said_and_not_made_up(name: str) -> None:
    bare = WHOLE.model_copy(update={"network": None, "narrative": None, "status": "running"})

    with pytest.raises(ExportNotReady, match="running"):
        EXPORTS[name].export(bare)


def test_json_comes_back_as_the_same_report() -> None:
    assert Report.model_validate_json(EXPORTS["json"].export(WHOLE)) == WHOLE


# Markdown


def test_the_report_has_its_sections_in_order() -> None:
    text = EXPORTS["markdown"].export(WHOLE)

    assert re.findall(r"^## (.*)$", text, re.M) == [
        "In short",
        "The scenario",
        "The network",
        "The figures",
        "What can go wrong",
        "What helps, and what it costs",
        "Which assumptions move the result",
        "The story of the run",
        "What to be woken up for",
        "Assumptions",
        "Open questions",
        "How this was made",
    ]


def test_every_table_row_has_as_many_cells_as_its_head() -> None:
    for report in (WHOLE, with_text(EVIL)):
        lines = EXPORTS["markdown"].export(report).splitlines()
        width = 0
        for line in lines:
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("| ") else 0
            assert not (width and cells) or cells == width, line
            width = cells


def test_a_report_without_a_run_says_what_is_missing() -> None:
    early = WHOLE.model_copy(update={"run": None, "narrative": None, "failures": None})

    text = EXPORTS["markdown"].export(early)

    assert "**Not there yet:** the failures, the run, the story." in text
    assert "## The figures" not in text
    assert "## The network" in text


def test_unknown_prices_are_said_and_never_nought() -> None:
    run = WHOLE.run
    assert run is not None
    base = run.baseline.model_copy(update={"cost_usd_per_task": None, "cost_usd_per_month": None})
    text = EXPORTS["markdown"].export(
        WHOLE.model_copy(
            update={"run": run.model_copy(update={"baseline": base, "all_failures": None})}
        )
    )

    assert re.search(r"\| Cost per task \| not known \|", text)
    assert "a price is missing" in text


def test_markdown_lets_no_markup_through() -> None:
    text = EXPORTS["markdown"].export(with_text(EVIL))

    assert "<script" not in text
    assert not re.search(r"(?<!\\)\[y(?<!\\)\]", text)
    assert "http://" not in text
    assert len(re.findall(r"^```", text, re.M)) == 2  # the one diagram


@given(st.text(max_size=60))
def test_an_inline_text_stays_on_its_line_and_opens_nothing(text: str) -> None:
    safe = markdown(text)

    assert "\n" not in safe
    assert "<" not in safe
    assert not re.search(r"(?<!\\)(\\\\)*[`|*\[]", safe)
    assert not re.match(r"[-+#=>]|\d+[.)]\s", markdown_block(text))


# Mermaid and DOT


def test_the_flowchart_shows_every_agent_tool_and_connection() -> None:
    network = WHOLE.network
    assert network is not None
    text = EXPORTS["mermaid"].export(WHOLE)

    assert len(re.findall(r"^    a\d+[\[({]", text, re.M)) == len(network.agents)
    assert len(re.findall(r"^    t\d+\[\(", text, re.M)) == len(network.tools)
    assert (
        len(re.findall(r"^    a\d+ (-->|-\.->|<-->)", text, re.M)) == len(network.connections) + 1
    )


@given(st.text(max_size=80))
def test_a_mermaid_label_holds_no_character_that_means_something(text: str) -> None:
    assert not set(mermaid(text)) & set("\"'`[](){}<>|&\n\\")


def test_hostile_names_change_no_line_of_the_flowchart_but_its_labels() -> None:
    def frame(text: str) -> list[str]:
        return [re.sub(r'"[^"]*"|\|[^|]*\|', "", line) for line in text.splitlines()]

    assert frame(EXPORTS["mermaid"].export(with_text(EVIL))) == frame(
        EXPORTS["mermaid"].export(with_text("a"))
    )


@given(st.text(max_size=80))
def test_a_dot_string_ends_where_it_should(text: str) -> None:
    assert re.fullmatch(r'"(?:[^"\\\n]|\\.)*"', dot(text))


def test_dot_has_balanced_braces_and_an_edge_per_connection() -> None:
    network = WHOLE.network
    assert network is not None
    text = EXPORTS["dot"].export(with_text(EVIL))
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)

    assert (bare.count("{"), bare.count("}")) == (1, 1)
    assert bare.count(" -> ") == len(network.connections)


# OTLP


def requests_of(report: Report) -> dict[str, dict[str, Any]]:
    assert report.narrative is not None
    return otlp_requests(
        report.narrative, started_at=report.created_at, simulation_id=report.simulation_id
    )


json_format: Any = importlib.import_module("google.protobuf.json_format")  # has no type stubs
REQUESTS: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@pytest.mark.parametrize("path", sorted(REQUESTS))
def test_each_body_is_what_opentelemetrys_own_protocol_reads(path: str) -> None:
    message = REQUESTS[path]()

    json_format.ParseDict(requests_of(WHOLE)[path], message)

    assert message.ByteSize() > 100


def test_spans_keep_parents_services_and_the_mark_of_simulation() -> None:
    narrative = WHOLE.narrative
    assert narrative is not None
    found = {}
    for group in requests_of(WHOLE)["/v1/traces"]["resourceSpans"]:
        resource = {a["key"]: a["value"] for a in group["resource"]["attributes"]}
        assert resource["sim.simulated"] == {"boolValue": True}
        for span in group["scopeSpans"][0]["spans"]:
            found[span["spanId"]] = (
                span.get("parentSpanId"),
                resource["service.name"]["stringValue"],
            )
            assert span["traceId"] == narrative.trace_id
            assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"])

    assert found == {s.span_id: (s.parent_id, s.service) for s in narrative.spans}


def test_histograms_have_one_more_count_than_bounds_and_add_up() -> None:
    points = [
        point
        for group in requests_of(WHOLE)["/v1/metrics"]["resourceMetrics"]
        for metric in group["scopeMetrics"][0]["metrics"]
        for point in metric.get("histogram", {}).get("dataPoints", [])
    ]

    assert points
    for point in points:
        assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
        assert sum(map(int, point["bucketCounts"])) == int(point["count"])


def test_the_document_holds_all_three_signals() -> None:
    assert set(json.loads(EXPORTS["otlp"].export(WHOLE))) == {
        "resourceSpans",
        "resourceMetrics",
        "resourceLogs",
    }


# numbers and names


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.00998, "usd", "$0.00998"),
        (0.125, "share", "12.5 %"),
        (5400, "seconds", "90 min"),
        (7300, "seconds", "2.0 h"),
    ],
)
def test_a_figure_is_written_in_the_unit_that_fits(value: float, form: Any, text: str) -> None:
    assert written(value, form) == text


def test_a_band_shows_its_ends_and_an_unknown_one_says_so() -> None:
    assert with_band(Band(value=1, low=0.5, high=2), "seconds") == "1.0 s (0.50 s … 2.0 s)"
    assert with_band(None, "usd") == "not known"
    assert (
        changed(Band(value=0.02, low=-0.01, high=0.05), "points")
        == "+2.0 points (-1.0 points … +5.0 points)"
    )


@given(st.lists(st.text(max_size=20), max_size=8, unique=True))
def test_every_name_becomes_an_identifier_of_its_own(names: list[str]) -> None:
    found = identifiers(names)

    assert len(set(found.values())) == len(names)
    assert all(word.isidentifier() and word.isascii() for word in found.values())
