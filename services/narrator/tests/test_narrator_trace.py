"""Spans, logs and metrics under OpenTelemetry names, with one root and honest times."""

import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from common.contracts.events import RunCompleted
from narrator.rules.metrics import histogram
from narrator.rules.narrate import narrate

Make = Callable[..., RunCompleted]


def test_the_span_tree_has_one_root_and_every_parent_exists(make_run: Make) -> None:
    spans = narrate(make_run()).spans
    ids = {span.span_id for span in spans}

    assert [s.name for s in spans if s.parent_id is None] == ["invoke_workflow form-intake"]
    assert all(span.parent_id in ids for span in spans if span.parent_id)
    assert len(ids) == len(spans)


def test_children_lie_within_their_parents(make_run: Make) -> None:
    spans = {span.span_id: span for span in narrate(make_run()).spans}

    for span in spans.values():
        assert span.start_s <= span.end_s
        if span.parent_id:
            parent = spans[span.parent_id]
            assert parent.start_s <= span.start_s
            assert span.end_s <= parent.end_s


def test_a_retry_is_a_sibling_with_its_own_status(make_run: Make) -> None:
    chats = [
        s for s in narrate(make_run()).spans if s.name == "chat medium" and s.service == "reader"
    ]

    assert [(c.status, c.attributes.get("error.type")) for c in chats] == [
        ("error", "429"),
        ("ok", None),
    ]
    assert chats[0].parent_id == chats[1].parent_id


def test_every_agent_is_a_service_and_everything_is_marked_simulated(make_run: Make) -> None:
    narrative = narrate(make_run())

    assert {s.service for s in narrative.spans} == {"form-intake", "reader", "checker", "officer"}
    assert all(s.attributes["sim.simulated"] is True for s in narrative.spans)
    assert all(log.attributes["sim.simulated"] is True for log in narrative.logs)


def test_a_wait_for_a_person_is_a_span_of_its_own(make_run: Make) -> None:
    waits = [s for s in narrate(make_run()).spans if s.name == "sim.human_approval"]

    assert [(w.service, w.end_s - w.start_s) for w in waits] == [("officer", 480.0)]


def test_failures_are_logged_with_the_span_they_struck(make_run: Make) -> None:
    narrative = narrate(make_run())
    reader = next(s for s in narrative.spans if s.name.startswith("invoke_agent Form"))

    struck = next(
        log for log in narrative.logs if log.attributes.get("event.name") == "sim.failure.triggered"
    )

    assert struck.span_id == reader.span_id
    assert [event["name"] for event in reader.events] == [
        "sim.failure.triggered", "sim.failure.recovered", "sim.data_flow",
    ]  # fmt: skip


def test_ids_have_the_lengths_of_the_w3c_and_repeat(make_run: Make) -> None:
    first, second = narrate(make_run()), narrate(make_run())

    assert first == second
    assert re.fullmatch("[0-9a-f]{32}", first.trace_id)
    assert all(re.fullmatch("[0-9a-f]{16}", span.span_id) for span in first.spans)


def test_without_a_journey_there_are_no_spans_but_still_metrics(make_run: Make) -> None:
    narrative = narrate(make_run(walked=False))

    assert (narrative.spans, narrative.logs) == ((), ())
    assert any(m.name == "gen_ai.workflow.duration" for m in narrative.metrics)


def test_tokens_and_durations_are_histograms_under_the_conventions_names(make_run: Make) -> None:
    metrics = {m.name: m for m in narrate(make_run()).metrics}

    tokens = {
        p.attributes["gen_ai.token.type"]: p.sum
        for p in metrics["gen_ai.client.token.usage"].histograms
    }
    failed = [
        p
        for p in metrics["gen_ai.client.operation.duration"].histograms
        if p.attributes.get("error.type") == "429"
    ]
    assert tokens == {"input": 1_400, "output": 90}
    assert [(p.count, p.sum) for p in failed] == [(1, 2.0)]


def test_the_workflow_histogram_counts_every_task(make_run: Make) -> None:
    for seed in range(20):
        run = make_run(seed)
        point = next(
            m for m in narrate(run).metrics if m.name == "gen_ai.workflow.duration"
        ).histograms[0]
        assert sum(point.counts) == point.count == run.run.baseline.tasks
        assert min(point.counts) >= 0
        assert point.attributes["sim.interpolated"] is True


@given(st.lists(st.floats(0, 1e5), max_size=50))
def test_a_histogram_puts_each_value_at_or_below_its_bound(values: list[float]) -> None:
    bounds = (1.0, 10.0, 100.0)

    point = histogram(values, bounds, {})

    assert sum(point.counts) == point.count == len(values)
    assert point.counts[0] == sum(v <= 1.0 for v in values)
    assert point.counts[-1] == sum(v > 100.0 for v in values)


def test_a_metric_whose_figure_is_unknown_has_no_point(make_run: Make) -> None:
    names = {m.name for m in narrate(make_run(priced=False)).metrics}

    assert "sim.cost.usd" not in names


def test_a_step_that_sums_up_its_tries_becomes_one_span_per_try(make_run: Make) -> None:
    run = make_run()
    steps = tuple(s for s in run.run.journey if s.index not in (1, 2, 4))
    whole = run.model_copy(update={"run": run.run.model_copy(update={"journey": steps})})

    chats = [s for s in narrate(whole).spans if s.name == "chat medium" and s.service == "reader"]

    assert [(c.status, round(c.end_s - c.start_s, 6)) for c in chats] == [
        ("error", 0.75),
        ("ok", 0.75),
    ]
    assert [c.attributes.get("gen_ai.usage.output_tokens") for c in chats] == [None, 80]
    assert all(c.attributes["sim.try_length_estimated"] for c in chats)
