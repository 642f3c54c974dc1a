"""Failures, figures, journey, story and trace: the facts are there, and what is not known is not made up."""

import re
from collections.abc import Callable

import pytest
from rich.console import RenderableType

from common.contracts.failures import FailurePlan, Likelihood
from common.contracts.narrative import Chapter, Citation, Narrative
from common.contracts.network import Network
from common.contracts.run import JourneyStep, RunResult, Sensitivity
from common.contracts.values import Band, Provenance
from simulator_cli.errors import CommandError
from simulator_cli.rehearsal import Rehearsal, read_rehearsal
from simulator_cli.render.effects import best_mitigation, gains, impacts
from simulator_cli.render.failures import failures_view, likelihood
from simulator_cli.render.figures import figures_view
from simulator_cli.render.journey import Clock, Journey, chosen_steps
from simulator_cli.render.load import bar
from simulator_cli.render.next_steps import next_steps
from simulator_cli.render.report import provenance_line, report_view
from simulator_cli.render.story import Footnotes, cited, story_view
from simulator_cli.render.trace import SpanTree, in_tree_order, read_spans

WIDTHS = pytest.mark.parametrize("width", [80, 120])

type Draw = Callable[[RenderableType, int], str]


def words(text: str) -> str:
    return " ".join(text.split())


@WIDTHS
def test_a_whole_rehearsal_fits_the_width(rehearsal: Rehearsal, draw: Draw, width: int) -> None:
    text = draw(report_view(rehearsal), width)

    for title in ("SCENARIO", "NETWORK", "FAILURES", "RUN", "ONE TASK'S JOURNEY", "STORY"):
        assert f"{title} " in text
    assert "settle claims quickly and fairly" in text


@WIDTHS
def test_parts_not_reached_are_left_out(network: Network, draw: Draw, width: int) -> None:
    text = draw(report_view(Rehearsal(simulation_id="s", status="failed", network=network)), width)

    assert "NETWORK" in text
    assert "RUN" not in text
    assert "STORY" not in text


def test_what_answered_is_stated_by_stage() -> None:
    rules = Provenance(agent="PlannerAgent")
    model = Provenance(engine="llm", provider="ollama", model="qwen", prompt_version="3")
    fallen = Provenance(fallback_reason="no model answered")

    assert provenance_line({"tools": rules, "run": rules}).plain == (
        "Answered by the rules engines."
    )
    assert provenance_line({"tools": model, "run": rules, "failures": fallen}).plain == (
        "Answered by qwen of ollama, prompt 3 (tools); the rules engines (run); "
        "the rules engines because no model answered (failures)."
    )


def test_failures_name_place_source_risk_and_remedy(
    failures: FailurePlan, network: Network, draw: Draw
) -> None:
    text = words(draw(failures_view(failures, network), 320))

    assert "108 Payment service outage A3 bank_transfer (tool) 2 % per call" in text
    assert "published status pages, 2025 circuit breaker" in text
    assert "Decision Drafter, Decision Drafter → Decision Checker" in text
    assert "nothing catalogued" in text
    assert "3 chosen of 41 considered" in text


def test_a_narrow_table_has_every_fact_of_the_wide_one(
    failures: FailurePlan, network: Network, draw: Draw
) -> None:
    text = words(draw(failures_view(failures, network), 80))

    assert "108 Payment service outage A3 at bank_transfer (tool) 2 % per call" in text
    assert "helps: circuit breaker" in text
    assert "at Decision Drafter, Decision Drafter → Decision Checker" in text


def test_a_share_of_failures_is_never_told_as_a_rate() -> None:
    stated = Likelihood(
        value=0.08, basis="share_of_failures", simulated_per_opportunity=0.01, source="s"
    )

    assert likelihood(stated) == "8 % of failures; simulated with 1 %"


def test_an_unpublished_likelihood_is_unknown_and_marked_as_assumed(
    failures: FailurePlan, draw: Draw
) -> None:
    text = words(draw(failures_view(failures, None), 320))

    assert "unknown; simulated with 5 % — assumed: one absence in 20" in text
    assert "assumed; Cemri et al. 2025, table 2" in text


@WIDTHS
def test_figures_compare_baseline_failures_and_mitigations(
    run: RunResult, network: Network, failures: FailurePlan, draw: Draw, width: int
) -> None:
    text = draw(figures_view(run, network, failures), width)

    for fact in ("with failures", "with mitigations", "41 s (37–45)", "4.2 min", "26 min"):
        assert fact in text
    assert "95 % (93–97)" in text
    assert "−11.0 pp" in text
    assert "Bottleneck Senior Adjuster: every fifth claim" in text
    assert "3.2 min off the p95" in words(text)
    assert "queueing 62 s, human 48 s, model 14 s" in words(text)
    assert "retries" not in text
    assert "seed 7" in text
    assert "Little's law holds" in words(text)


@WIDTHS
def test_unknown_costs_are_unknown_in_every_column(run: RunResult, draw: Draw, width: int) -> None:
    unknown = {"cost_usd_per_task": None, "cost_usd_per_month": None}
    blind = run.model_copy(
        update={
            "baseline": run.baseline.model_copy(update=unknown),
            "all_failures": None,
            "mitigated": (),
        }
    )

    lines = draw(figures_view(blind, None, None), width).splitlines()

    costs = [line for line in lines if line.strip().startswith("cost/")]
    assert [line.split() for line in costs] == [
        ["cost/task", "unknown"],
        ["cost/month", "unknown"],
    ]
    assert not any("$0.00" in line for line in lines)


def test_a_cost_known_in_part_says_at_least(run: RunResult, draw: Draw) -> None:
    bound = run.baseline.model_copy(update={"cost_is_lower_bound": True})

    text = draw(figures_view(run.model_copy(update={"baseline": bound}), None, None), 120)

    assert "at least $0.031 ($0.028–$0.034)" in text
    assert "at least $3,348" in text


def test_outcomes_are_counted_and_those_that_did_not_happen_left_out(
    run: RunResult, draw: Draw
) -> None:
    ended = run.baseline.model_copy(update={"outcomes": {"ok": 1_190, "failed": 10, "declined": 0}})

    text = words(draw(figures_view(run.model_copy(update={"baseline": ended}), None, None), 100))

    assert "Tasks ended baseline: ok 1,190, failed 10." in text
    assert "declined" not in text


def test_a_failure_that_hit_nobody_has_nothing_to_recover(run: RunResult, draw: Draw) -> None:
    missed = run.failures[0].model_copy(update={"tasks_hit": 0.0})
    unseen = run.failures[0].model_copy(update={"time_to_detect_s": None, "detected_share": 0.0})

    text = draw(impacts(run.model_copy(update={"failures": (missed, unseen)}), None), 100)

    assert words(text).count("— —") == 1
    assert "never" in text


def test_mitigations_that_gain_nothing_are_counted_not_listed(
    run: RunResult, failures: FailurePlan, draw: Draw
) -> None:
    idle = run.mitigated[0].model_copy(
        update={"name": "idle", "gain_success": Band(value=0.0, low=0.0, high=0.0)}
    )

    text = words(
        draw(gains(run.model_copy(update={"mitigated": (idle, *run.mitigated)}), failures), 100)
    )

    assert "deputy after 30 min (against Approver away) +2.0 pp" in text
    assert text.index("all mitigations (against 2 failures) +8.0 pp") < text.index("deputy")
    assert "idle" not in text
    assert "1 other gained no success" in text


def test_sensitivity_tells_what_moves_and_only_that(run: RunResult, draw: Draw) -> None:
    human = Sensitivity(
        parameter="human.response_s",
        low=8,
        high=2_820,
        success_low=0.9,
        success_high=0.9,
        latency_p95_low_s=115,
        latency_p95_high_s=6_443,
        swing=6_328,
    )

    text = draw(figures_view(run.model_copy(update={"sensitivity": (human,)}), None, None), 100)

    assert "human.response_s 8 → 2,820: p95 1.9 min → 1.8 h\n" in re.sub(r" +\n", "\n", text)


def test_the_widest_set_of_mitigations_is_the_one_compared(run: RunResult) -> None:
    best = best_mitigation(run)

    assert best is not None
    assert best.name == "all mitigations"
    assert best_mitigation(run.model_copy(update={"mitigated": ()})) is None


@pytest.mark.parametrize(
    ("busy", "filled"), [(0.0, 0), (0.001, 1), (0.5, 10), (1.0, 20), (1.7, 20)]
)
def test_a_bar_is_as_long_as_the_share_and_never_longer_than_its_column(
    busy: float, filled: int
) -> None:
    assert bar(busy).plain.count("█") == filled
    assert len(bar(busy).plain) == 20


@WIDTHS
def test_the_journey_tells_who_broke_and_who_waited(
    run: RunResult, network: Network, failures: FailurePlan, draw: Draw, width: int
) -> None:
    text = words(draw(Journey(run.journey, network, failures), width))

    assert "● Claims Intake 2 s" in text
    assert "✗ Payment service outage" in text
    assert "Senior Adjuster decides 10 min" in text
    assert text.startswith("0 s")


def test_what_an_agent_did_stands_under_it_without_naming_it_again(
    run: RunResult, network: Network, draw: Draw
) -> None:
    lines = draw(Journey(run.journey, network), 80).splitlines()

    assert "● Claims Intake" in lines[0]
    assert "  ⚙ mail_inbox " in lines[1]
    assert "Claims Intake" not in lines[1]


def test_a_long_journey_keeps_what_matters_most() -> None:
    calls = tuple(
        JourneyStep(index=n, kind="model_call", sim_time_s=float(n), ref="m") for n in range(40)
    )
    broke = JourneyStep(index=40, kind="failure_mode_triggered", sim_time_s=3.5, ref="f")

    assert chosen_steps((*calls, broke)) == (broke,)


def test_bars_of_the_journey_stay_within_their_column() -> None:
    clock = Clock(start_s=0.0, end_s=10.0, width=10)

    assert clock.bar(0.0, 5.0) == "━━━━━"
    assert clock.bar(10.0, 10.0) == " " * 9 + "━"
    assert Clock(start_s=3.0, end_s=3.0, width=10).bar(3.0, 3.0) == "━"


@WIDTHS
def test_the_story_cites_the_event_behind_each_number(
    narrative: Narrative, draw: Draw, width: int
) -> None:
    text = words(draw(story_view(narrative), width))

    assert "twentieth took 4.2 min[1] or longer" in text
    assert "the 4.2 min[1] fall by a third" in text
    assert "In event r1.run.9: [1]:latency_s.p95.value" in text
    assert "[2]" not in text
    assert "Approval queue — oldest request older than 30 min" in text


def test_a_citation_is_not_found_inside_another_number() -> None:
    chapter = Chapter(
        kind="broke",
        title="t",
        text="It falls to 90 % while 0 % show; $0.5 is not $0.",
        citations=(
            Citation(text="0 %", value=0.0, event_id="e", path="p"),
            Citation(text="$0", value=0.0, event_id="e", path="q"),
        ),
    )

    assert cited(chapter, Footnotes()).plain == (
        "It falls to 90 % while 0 %[1] show; $0.5 is not $0[2]."
    )


def test_spans_stand_under_their_parents_and_orphans_are_kept(narrative: Narrative) -> None:
    orphan = narrative.spans[2].model_copy(update={"span_id": "o", "parent_id": "gone"})

    order = [(depth, span.span_id) for depth, span in in_tree_order((*narrative.spans, orphan))]

    assert order == [(0, "o"), (0, "a"), (1, "b"), (2, "c")]


@WIDTHS
def test_the_trace_shows_every_span_on_its_clock(
    narrative: Narrative, draw: Draw, width: int
) -> None:
    text = words(draw(SpanTree(narrative.spans), width))

    assert "execute_tool mail_inbox" in text
    assert "300 ms" in text
    assert "3 spans" in text
    assert "no trace" in draw(SpanTree(()), width)


def test_an_unreadable_trace_says_how_to_see_it_anyway() -> None:
    with pytest.raises(CommandError) as caught:
        read_spans({"spans": [{"name": 3}]})

    assert "--json" in (caught.value.hint or "")


def test_a_report_survives_the_way_over_json(rehearsal: Rehearsal) -> None:
    wire = rehearsal.model_dump(mode="json", by_alias=True)

    assert read_rehearsal(wire | {"a_new_field": 1}) == rehearsal


def test_a_report_of_another_version_is_refused_with_the_place() -> None:
    with pytest.raises(CommandError, match=r"at run"):
        read_rehearsal({"simulation_id": "s", "status": "completed", "run": {}})


@WIDTHS
def test_addresses_are_offered_only_while_something_answers_there(draw: Draw, width: int) -> None:
    stays = draw(next_steps("s1", base_url="http://127.0.0.1:4", stops_after=False), width)
    ends = draw(next_steps("s1", base_url="http://127.0.0.1:4", stops_after=True), width)

    assert "http://127.0.0.1:4/docs" in stays
    assert "http://" not in ends
    assert "./simulator report s1" in ends
