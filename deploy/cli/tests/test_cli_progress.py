"""Progress from the frames heard, and how it is shown on screens and in pipes."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.spinner import Spinner

from common.contracts.events import STAGES
from common.contracts.run import RunResult
from common.contracts.stream import Frame
from simulator_cli.client import Gateway
from simulator_cli.errors import CommandError
from simulator_cli.follow import check_completed, follow
from simulator_cli.render.events import detail
from simulator_cli.render.progress import Progress, ProgressView, stage_of

type Draw = Callable[[RenderableType, int], str]
type MakeFrame = Callable[..., Frame]


def heard(frames: list[Frame]) -> Progress:
    state = Progress()
    for frame in frames:
        state = state.hear(frame)
    return state


def test_each_stage_is_done_once_with_the_time_since_the_one_before(
    story_frames: list[Frame],
) -> None:
    state = heard(story_frames)

    assert [entry.stage for entry in state.done] == list(STAGES)
    assert [entry.took_s for entry in state.done] == [0.25, 0.25, 0.25, 0.25, 0.25, 0.5]
    assert state.outcome == "completed"
    assert state.current is None


def test_the_stage_being_worked_on_is_the_first_that_is_not_done(story_frames: list[Frame]) -> None:
    assert Progress().current == "interpretation"
    assert heard(story_frames[:3]).current == "tools"


def test_notes_tell_what_was_found(story_frames: list[Frame]) -> None:
    notes = {entry.stage: entry.note for entry in heard(story_frames).done}

    assert notes["interpretation"] == "insurance · 2 steps"
    assert notes["architecture"] == "parallel · 6 agents · 1 person"
    assert notes["tools"] == "3 tools"
    assert notes["failures"] == "3 failure modes of 41 considered"


def test_what_a_stage_found_may_come_in_a_later_event(
    make_frame: MakeFrame, run: RunResult
) -> None:
    first = make_frame(1, "agent_start", source="intake", event_id="r1.run.1")
    figures = {"run": run.model_dump(mode="json")}
    last = make_frame(2, "observability", event_id="r1.run.2", payload=figures)

    assert [entry.note for entry in heard([first]).done] == [""]
    assert [entry.note for entry in heard([first, last]).done] == [
        "p95 4.2 min · success 95 % · $0.031 per task"
    ]


def test_first_figures_of_a_run_under_way_do_not_end_it(
    make_frame: MakeFrame, run: RunResult
) -> None:
    chosen = make_frame(1, "failures_selected", event_id="r1.failures.1")
    first = make_frame(2, "observability", event_id="r1.run.p1", payload={"progress": 0.1})
    figures = {"run": run.model_dump(mode="json")}
    last = make_frame(3, "observability", event_id="r1.run.1", payload=figures)

    under_way, over = heard([chosen, first]), heard([chosen, first, last])

    assert [entry.stage for entry in under_way.done] == ["failures"]
    assert over.done[-1].took_s == (last.timestamp - chosen.timestamp).total_seconds()


def test_an_unknown_cost_is_unknown_in_the_progress_too(
    make_frame: MakeFrame, run: RunResult
) -> None:
    figures = run.model_dump(mode="json")
    figures["baseline"]["cost_usd_per_task"] = None
    frame = make_frame(1, "observability", event_id="r1.run.2", payload={"run": figures})

    assert heard([frame]).done[0].note.endswith("unknown per task")


@pytest.mark.parametrize(
    ("event_type", "payload", "told"),
    [
        ("tool_used", {"tool": "mail", "ref": "mail", "duration_s": 0.3}, "mail, 300 ms"),
        ("agent_start", {"name": "Intake", "ref": "intake", "status": "ok"}, "Intake"),
        ("agent_complete", {"ref": "intake", "duration_s": 2.0, "status": "error"}, "2 s, error"),
        ("data_flow", {"ref": "intake->pay", "label": "claim"}, "claim → pay"),
        ("data_flow", {"ref": "intake->pay"}, "→ pay"),
        ("simulation_failed", {"reason": "gave up"}, "gave up"),
        ("observability", {"alerts": []}, ""),
    ],
)
def test_an_event_is_told_by_the_fields_that_say_what_it_is_about(
    make_frame: MakeFrame, event_type: str, payload: dict[str, Any], told: str
) -> None:
    assert detail(make_frame(1, event_type, source="intake", payload=payload)) == told


def test_a_payload_of_another_shape_breaks_nothing(make_frame: MakeFrame) -> None:
    state = Progress().hear(
        make_frame(
            1, "failures_selected", source="FailureSimulationAgent", payload={"failures": "three"}
        )
    )

    assert [(entry.stage, entry.note) for entry in state.done] == [("failures", "")]


def test_a_stage_is_known_by_its_event_id_and_else_by_who_spoke(make_frame: MakeFrame) -> None:
    by_id = make_frame(1, "observability", event_id="r2.run.7", source="Someone")
    by_source = make_frame(1, "narrative", event_id="x", source="ObservabilityNarrativeAgent")

    assert stage_of(by_id) == "run"
    assert stage_of(by_source) == "narrative"
    assert stage_of(make_frame(1, "simulation_started")) is None


def test_a_new_revision_begins_again(story_frames: list[Frame], make_frame: MakeFrame) -> None:
    edited = make_frame(10, "architecture_edited", revision=2, event_id="r2.gateway.1")

    state = heard([*story_frames, edited])

    assert (state.outcome, state.done, state.revision) == ("running", (), 2)


def test_a_failure_keeps_its_reason(make_frame: MakeFrame) -> None:
    state = heard([make_frame(1, "simulation_failed", payload={"reason": "planner gave up."})])

    with pytest.raises(CommandError, match=r"^Simulation s1 failed: planner gave up\.$") as caught:
        check_completed(state, "s1")
    assert "simulator logs" in (caught.value.hint or "")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_live_view_shows_done_current_and_waiting_stages(
    story_frames: list[Frame], draw: Draw, width: int
) -> None:
    text = draw(ProgressView(heard(story_frames[:3]), Spinner("dots")), width)

    assert "✓ Planning the network" in text
    assert "Mapping tools and skills…" in text
    assert "  Telling the story" in text


def test_a_pipe_gets_one_plain_line_per_stage(gateway: Any, story_frames: list[Frame]) -> None:
    gateway.frames = story_frames
    out = StringIO()

    with Gateway(gateway.base_url) as client:
        follow(client, "s1", Console(file=out, width=100))

    lines = out.getvalue().splitlines()
    assert len(lines) == len(STAGES)
    assert lines[0].split() == [
        *("✓", "Reading", "the", "scenario"),
        *("250", "ms"),
        *("insurance", "·", "2", "steps"),
    ]
    assert "\x1b" not in out.getvalue()


def test_a_terminal_ends_with_all_stages_done(gateway: Any, story_frames: list[Frame]) -> None:
    gateway.frames = story_frames
    out = StringIO()

    with Gateway(gateway.base_url) as client:
        state = follow(client, "s1", Console(file=out, width=80, force_terminal=True))

    assert state.outcome == "completed"
    assert "Telling the story" in out.getvalue()


def test_times_are_the_servers_not_ours(story_frames: list[Frame]) -> None:
    later = [
        frame.model_copy(update={"timestamp": frame.timestamp + timedelta(days=9)})
        for frame in story_frames
    ]

    assert heard(later).done == heard(story_frames).done
