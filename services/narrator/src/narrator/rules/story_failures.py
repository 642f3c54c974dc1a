"""What broke first, and what saved it."""

from common.contracts.run import FailureOutcome
from narrator.rules.facts import Teller, at
from narrator.rules.run_view import RunView, hurts_success, is_rare, listed, slows

_QUIET_DETECTION = 0.3


def broke(view: RunView, t: Teller) -> Teller:
    if not view.run.failures:
        t.say(
            "No failure was injected into this run, so nothing broke; the figures above are the fair weather."
        )
        return t
    _say_first_in_journey(view, t)
    harmful = [(i, o) for i, o in view.by_harm if hurts_success(o)]
    common = [(i, o) for i, o in harmful if not view.is_staged(o.failure_id)]
    for rank, (index, outcome) in enumerate(common[:3]):
        _say_harm(view, t, index, outcome, is_first=rank == 0)
    for index, outcome in [pair for pair in harmful if pair not in common][:2]:
        _say_staged(view, t, index, outcome)
    if not harmful:
        t.say(
            "None of the injected failures lowers the share of good outcomes beyond what chance explains."
        )
    _say_slowest(view, t)
    _say_drilled(view, t)
    _say_together(view, t)
    if not t.sentences:
        modes = listed(view.mode_name(o.failure_id) for o in view.run.failures)
        t.say("{modes} were injected; the figures of what they did are not at hand.", modes=modes)
    return t


def _say_first_in_journey(view: RunView, t: Teller) -> None:
    for step in view.run.journey:
        if step.kind == "failure_mode_triggered":
            where = f"at {view.name(step.agent_id)}" if step.agent_id else view.where(step.ref)
            t.say(
                "In the task that was followed step by step, {mode} struck first, {where}.",
                mode=view.mode_name(step.ref),
                where=where,
            )
            return


def _say_harm(
    view: RunView, t: Teller, index: int, outcome: FailureOutcome, *, is_first: bool
) -> None:
    opening = "The most damaging failure is" if is_first else "Next comes"
    told = t.say(
        "{opening} {mode} {where}: it hits {hit} of the tasks and costs {lost} of good outcomes, "
        "which leaves {after}.",
        opening=opening,
        mode=view.mode_name(outcome.failure_id),
        where=view.where(outcome.failure_id),
        hit=at("share", "failures", index, "tasks_hit"),
        lost=at("points", "failures", index, "delta_success", "value", size=True),
        after=at("share", "failures", index, "figures", "success", "value"),
    )
    mode = view.modes.get(outcome.failure_id)
    if told and mode and is_first:
        t.say("{reason}", reason=_quoted_figures(mode.reason))
    if told:
        _say_detection(view, t, index, outcome)


def _say_staged(view: RunView, t: Teller, index: int, outcome: FailureOutcome) -> None:
    """Figures of an incident hold for a run that has one, which has to be said beside them."""
    told = t.say(
        "Every run with {mode} {where} was given one on purpose: it hits {hit} of the tasks of such a run "
        "and costs {lost} of good outcomes, which leaves {after}; weigh that by how seldom it comes.",
        mode=view.mode_name(outcome.failure_id),
        where=view.where(outcome.failure_id),
        hit=at("share", "failures", index, "tasks_hit"),
        lost=at("points", "failures", index, "delta_success", "value", size=True),
        after=at("share", "failures", index, "figures", "success", "value"),
    )
    mode = view.modes.get(outcome.failure_id)
    if told and mode:
        t.say("{reason}", reason=_quoted_figures(mode.reason))
        _say_detection(view, t, index, outcome)


def _quoted_figures(text: str) -> str:
    """A sentence of another stage; when it has figures of its own it is quoted as that stage's words."""
    line = " ".join(text.split())
    if not any(c.isdigit() for c in line):
        return line
    return f"The failure agent chose it for this reason: “{line.replace('“', '‘').replace('”', '’').rstrip('.')}”."


def _say_detection(view: RunView, t: Teller, index: int, outcome: FailureOutcome) -> None:
    if outcome.detected_share is None:
        return
    seen = at("share", "failures", index, "detected_share")
    wait = at("seconds", "failures", index, "time_to_detect_s", "value")
    if outcome.detected_share == 0:
        t.say(
            "None of these cases shows on a dashboard: every span is green while the result is wrong."
        )
        return
    if outcome.detected_share == 1:
        t.say("It always shows itself, {wait} after it struck.", wait=wait) or t.say(
            "It always shows itself."
        )
        return
    if outcome.detected_share >= _QUIET_DETECTION:
        t.say(
            "It shows itself in {seen} of the cases, {wait} after it struck.",
            seen=seen,
            wait=wait,
        ) or t.say("It shows itself in {seen} of the cases.", seen=seen)
    else:
        t.say(
            "Only {seen} of these cases show on a dashboard: every span is green while the result is wrong.",
            seen=seen,
        )


def _say_slowest(view: RunView, t: Teller) -> None:
    slow = [(i, o) for i, o in enumerate(view.run.failures) if slows(o)]
    if not slow:
        return
    index, outcome = max(
        slow, key=lambda p: p[1].delta_latency_p95_s.value if p[1].delta_latency_p95_s else 0.0
    )
    t.say(
        "The worst delay comes from {mode} {where}: the slowest task in twenty takes {more} longer.",
        mode=view.mode_name(outcome.failure_id),
        where=view.where(outcome.failure_id),
        more=at("seconds", "failures", index, "delta_latency_p95_s", "value"),
    )


def _say_drilled(view: RunView, t: Teller) -> None:
    """Of what was too rare to weigh, the mode that leaves fewest struck tasks well; the engine drilled it apart."""
    drilled = [
        (o.recovered_share, i, o)
        for i, o in enumerate(view.run.failures)
        if is_rare(o) and o.recovered_share is not None and not view.is_staged(o.failure_id)
    ]
    if not drilled:
        return
    share, index, outcome = min(drilled, key=lambda item: item[:2])
    words = "none" if share == 0 else "{well}"
    told = t.say(
        "Among the failures too rare for this run, {mode} {where} is the worst: drilled on purpose, "
        f"{words} of the struck tasks ended well.",
        mode=view.mode_name(outcome.failure_id),
        where=view.where(outcome.failure_id),
        well=at("share", "failures", index, "recovered_share") if share else "",
    )
    if told:
        _say_detection(view, t, index, outcome)


def _say_together(view: RunView, t: Teller) -> None:
    if view.run.all_failures is None or len(view.run.failures) < 2:
        return
    t.say(
        "With all of them in one run, {after} of the tasks still end well, against {before} in fair weather.",
        after=at("share", "all_failures", "figures", "success", "value"),
        before=at("share", "baseline", "success", "value"),
    )


def saved(view: RunView, t: Teller) -> Teller:
    recovered = [
        (i, o)
        for i, o in enumerate(view.run.failures)
        if o.recovery_path and o.recovered_share and not is_rare(o)
    ]
    recovered.sort(key=lambda p: (-(p[1].recovered_share or 0.0), p[0]))
    for index, outcome in recovered[:3]:
        t.say(
            "After {mode} {where}, {share} of the tasks that were hit ended well all the same: {path}.",
            mode=view.mode_name(outcome.failure_id),
            where=view.where(outcome.failure_id),
            share=at("share", "failures", index, "recovered_share"),
            path=listed((view.saver(step) for step in outcome.recovery_path), 3),
        )
    _say_harmless(view, t, told={o.failure_id for _, o in recovered[:3]})
    _say_people(view, t)
    _say_verifiers(view, t)
    if not t.sentences:
        t.say(
            "Nothing had to be saved."
            if not view.run.failures
            else "Nothing in this design caught a failure; what went wrong stayed wrong."
        )
    return t


def _say_harmless(view: RunView, t: Teller, told: set[str]) -> None:
    """What was absorbed, and what was too rare to tell: two different things."""
    calm = [o for o in view.run.failures if not hurts_success(o) and not slows(o)]
    absorbed = [
        view.mode_name(o.failure_id) for o in calm if not is_rare(o) and o.failure_id not in told
    ]
    rare = [view.mode_name(o.failure_id) for o in calm if is_rare(o)]
    if absorbed:
        t.say(
            "The network absorbed {modes}: neither outcome nor time changed measurably.",
            modes=listed(absorbed, 4),
        )
    if rare:
        t.say(
            "{modes} struck too seldom in this run to change its figures; that is luck and not safety.",
            modes=listed(rare, 5),
        )


def _say_people(view: RunView, t: Teller) -> None:
    for person in view.people:
        index = view.agent_index(person.id)
        if index is None:
            continue
        few = view.run.baseline.agents[index].visits_per_task <= 1
        t.say(
            "{person} gets {visits} {unit}{when} to see, and a case stands in line for {wait} on average "
            "before the person's own time begins.",
            person=view.name(person.id),
            visits=at("share" if few else "number", "baseline", "agents", index, "visits_per_task"),
            unit="of the tasks" if few else "cases per task",
            when=_condition(view, person.id),
            wait=at("seconds", "baseline", "agents", index, "wait_s_mean"),
        )


def _condition(view: RunView, person_id: str) -> str:
    """Which cases come to a person, in the network's own words."""
    for edge in view.heard.network.connections:
        if edge.target == person_id and edge.when:
            return f" (“{' '.join(edge.when.split())}”)"
    return ""


def _say_verifiers(view: RunView, t: Teller) -> None:
    checkers = [a for a in view.heard.network.agents if a.is_verifier and a.kind == "agent"]
    rework = view.run.baseline.time_lost_s.get("rework", 0.0)
    if checkers and rework > 0:
        t.say(
            "{checkers} sent work back; redoing it costs {rework} per task on average, "
            "and is why fewer wrong results left.",
            checkers=listed(view.name(a.id) for a in checkers),
            rework=at("seconds", "baseline", "time_lost_s", "rework"),
        )
