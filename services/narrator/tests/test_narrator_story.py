"""Each figure of the story stands where its citation says, and nothing is told that is not known."""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.events import RunCompleted, shown
from common.contracts.narrative import Chapter, Citation
from common.contracts.report import Report
from common.contracts.scenario import Quantity, ScenarioRequest
from common.contracts.stream import StreamEvent
from common.contracts.values import Band
from common.exports.numbers import Form, written
from narrator.rules.facts import resolve
from narrator.rules.narrate import narrate

Make = Callable[..., RunCompleted]
UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "%": 0.01, "points": 0.01, "": 1.0}
NUMBER = re.compile(r"^(?P<sign>-?)\$?(?P<digits>[\d,]*\.?\d+)\s*(?P<unit>ms|s|min|h|%|points|)$")


def agrees(citation: Citation, payload_value: float) -> bool:
    """Whether the written number equals the value, up to half of its last digit; a sign may stand in the words."""
    found = NUMBER.match(citation.text)
    assert found, citation.text
    digits = found["digits"].replace(",", "")
    decimals = len(digits.partition(".")[2])
    # Two significant digits of small numbers leave less than half a digit of the last place.
    tolerance: float = 0.5001 * 0.1**decimals * UNITS[found["unit"]]
    told = float(digits) * UNITS[found["unit"]]
    return abs(abs(payload_value) - told) <= tolerance


def uncited_digits(chapter: Chapter) -> str:
    """The digits that remain when quotations and cited figures are taken out."""
    text = re.sub(r"“[^”]*”", "", chapter.text)
    for cited in sorted({c.text for c in chapter.citations}, key=len, reverse=True):
        text = re.sub(rf"(?<![\d.,$]){re.escape(cited)}(?!\d)", "", text)
    return "".join(re.findall(r"\d+", text))


def check_citations(run: RunCompleted, citations: tuple[Citation, ...]) -> None:
    payloads = {event.event_id: event.payload for event in run.stream}
    for citation in citations:
        value = resolve(payloads[citation.event_id], citation.path)
        assert value == citation.value
        assert agrees(citation, value), citation


@pytest.mark.parametrize(
    "lacks", [{}, {"failures": False}, {"priced": False}, {"walked": False}, {"agents": 1}], ids=str
)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_every_digit_of_the_story_is_cited_and_every_citation_holds(
    lacks: dict[str, bool], seed: int, make_run: Make
) -> None:
    run = make_run(seed, **lacks)

    narrative = narrate(run)

    for chapter in narrative.chapters:
        assert uncited_digits(chapter) == ""
        assert not re.search(r"None(?! of)", chapter.text)
        check_citations(run, chapter.citations)
    for alert in narrative.alerts:
        assert alert.citations
        check_citations(run, alert.citations)


REAL = Path(__file__).parents[3] / "libs" / "common" / "tests" / "data" / "report.json"


@pytest.fixture(scope="module")
def real_run() -> RunCompleted:
    """A run of the engine, with the stream events its worker shows."""
    report = Report.model_validate_json(REAL.read_text("utf-8"))
    assert report.run
    assert report.interpretation
    assert report.network
    assert report.failures
    steps = [
        StreamEvent(
            event_id="",
            event_type="agent_complete",
            source=step.agent_id or "",
            payload={"step": step.index, "duration_s": step.duration_s},
        )
        for step in report.run.journey
        if step.kind == "agent_complete"
    ]
    figures = StreamEvent(
        event_id="",
        event_type="observability",
        source="SimulationEngine",
        payload={"run": report.run.model_dump(mode="json", exclude={"journey"})},
    )
    return RunCompleted(
        event_id=UUID(int=3),
        simulation_id=report.simulation_id,
        occurred_at=report.created_at,
        request=ScenarioRequest(scenario_id="s", text=report.scenario_text),
        stream=shown(1, "run", [*steps, figures]),
        interpretation=report.interpretation,
        network=report.network,
        failures=report.failures,
        run=report.run,
    )


def test_the_story_of_a_real_run_is_cited_too_and_follows_the_task(real_run: RunCompleted) -> None:
    narrative = narrate(real_run)

    for chapter in narrative.chapters:
        assert uncited_digits(chapter) == ""
        check_citations(real_run, chapter.citations)
    way = [c for c in narrative.chapters[0].citations if c.path == "/duration_s"]
    assert len(way) >= 2
    assert len({c.event_id for c in way}) == len(way)


def test_the_spans_of_a_real_run_lie_within_their_parents(real_run: RunCompleted) -> None:
    spans = {span.span_id: span for span in narrate(real_run).spans}

    for span in spans.values():
        if span.parent_id:
            parent = spans[span.parent_id]
            assert parent.start_s - 1e-6 <= span.start_s
            assert span.end_s <= parent.end_s + 1e-6


@pytest.mark.parametrize(
    ("limit_s", "words"),
    [(1e9, "kept even by the slowest"), (1e-3, "missed by more than half of the tasks")],
)
def test_the_scenarios_own_deadline_is_judged(limit_s: float, words: str, make_run: Make) -> None:
    run = make_run()
    limit = Quantity(
        name="deadline", kind="deadline", value=1, unit="h", base_value=limit_s, base_unit="s"
    )
    told = run.interpretation.model_copy(update={"quantities": (limit,)})

    happened = narrate(run.model_copy(update={"interpretation": told})).chapters[0]

    assert f"The scenario's limit “deadline” is {words}" in happened.text


def test_a_failure_too_rare_to_judge_is_not_called_harmless(make_run: Make) -> None:
    run = make_run(1)
    nothing = Band(value=0, low=0, high=0)
    rare = tuple(
        o.model_copy(
            update={"tasks_hit": 0.0, "delta_success": nothing, "delta_latency_p95_s": nothing}
        )
        for o in run.run.failures
    )

    chapters = narrate(
        run.model_copy(update={"run": run.run.model_copy(update={"failures": rare})})
    ).chapters
    broke, saved = chapters[1], chapters[2]

    assert "drilled on purpose" in broke.text
    assert "luck and not safety" in saved.text
    assert "absorbed" not in saved.text


def test_an_incident_that_every_run_was_given_is_said_to_be_staged(make_run: Make) -> None:
    run = make_run(5)
    staged = tuple(m.model_copy(update={"effect": "outage"}) for m in run.failures.modes)

    narrative = narrate(
        run.model_copy(update={"failures": run.failures.model_copy(update={"modes": staged})})
    )

    assert "was given one on purpose" in narrative.chapters[1].text
    assert "The most damaging failure is" not in narrative.chapters[1].text


def test_a_run_without_its_observability_event_is_told_without_figures(make_run: Make) -> None:
    run = make_run().model_copy(update={"stream": ()})

    narrative = narrate(run)

    assert [c.citations for c in narrative.chapters] == [()] * 4
    assert all(uncited_digits(c) == "" and c.text for c in narrative.chapters)
    assert narrative.alerts == ()


@pytest.mark.parametrize("kind", ["happened", "broke", "saved", "change"])
@pytest.mark.parametrize("failures", [True, False])
def test_every_chapter_has_something_to_say(kind: str, failures: bool, make_run: Make) -> None:
    chapters: dict[str, Chapter] = {
        c.kind: c for c in narrate(make_run(3, failures=failures)).chapters
    }

    assert len(chapters[kind].text) > 40


def test_the_most_damaging_failure_is_named_first(make_run: Make) -> None:
    run = make_run(5)
    worst = min(run.run.failures, key=lambda o: o.delta_success.value if o.delta_success else 0)
    name = next(m.name for m in run.failures.modes if m.id == worst.failure_id)

    broke = next(c for c in narrate(run).chapters if c.kind == "broke")

    assert f"The most damaging failure is “{name}”" in broke.text


def test_unknown_prices_are_said_to_be_unknown(make_run: Make) -> None:
    happened = narrate(make_run(1, priced=False)).chapters[0]

    assert "$" not in happened.text
    assert "a price is not known" in happened.text


def test_a_lower_bound_is_told_as_at_least(make_run: Make) -> None:
    runs = [make_run(seed) for seed in range(12)]

    for run in runs:
        told = "at least $" in narrate(run).chapters[0].text
        assert told == run.run.baseline.cost_is_lower_bound


def test_a_mitigation_without_a_sure_gain_is_not_recommended(make_run: Make) -> None:
    for seed in range(12):
        run = make_run(seed)
        sure = [m for m in run.run.mitigated if m.gain_success.low > 0]
        change = next(c for c in narrate(run).chapters if c.kind == "change")
        assert ("Do this first" in change.text) == bool(sure)


def test_a_silent_failure_gets_a_sampled_review_and_no_page(make_run: Make) -> None:
    for seed in range(12):
        run = make_run(seed)
        silent = {
            m.name
            for m in run.failures.modes
            for o in run.run.failures
            if o.failure_id == m.id and (o.detected_share is None or o.detected_share < 0.5)
        }
        pages = [a.name for a in narrate(run).alerts if a.severity == "page"]
        assert not [page for page in pages for name in silent if page.startswith(name)]


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.0042, "seconds", "4 ms"), (0.42, "seconds", "0.42 s"), (4.2, "seconds", "4.2 s"),
        (95.4, "seconds", "95 s"), (600, "seconds", "10 min"), (9000, "seconds", "2.5 h"),
        (0.9734, "share", "97.3 %"), (0.5, "share", "50 %"), (0.0004, "share", "0.04 %"), (1, "share", "100 %"),
        (0.0123, "usd", "$0.0123"), (3.5, "usd", "$3.50"), (1234.5, "usd", "$1,234"), (1234, "count", "1,234"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_a_person_would(value: float, form: Form, text: str) -> None:
    assert written(value, form) == text
