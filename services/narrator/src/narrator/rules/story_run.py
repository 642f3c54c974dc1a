"""What happened: the tasks, the outcomes, the time, the money, the tightest place."""

from narrator.rules.facts import Fact, Teller, at
from narrator.rules.run_view import RunView, listed, plain, plain_quote

_CAUSES = {
    "queueing": "waiting in line for a busy agent",
    "model": "models thinking and writing",
    "tool": "tools answering",
    "human": "people deciding",
    "retries": "repeating failed calls",
    "backoff": "pausing between retries",
    "rework": "doing rejected work again",
    "network": "messages on their way",
}
_NOTEWORTHY_SHARE = 0.02  # a cause below one fiftieth of the mean is not worth a sentence
_CROWDED = 0.8
_VISITS_TOLD = 6


def happened(view: RunView, t: Teller) -> Teller:
    _say_setting(view, t)
    _say_outcome(view, t)
    t.say(
        "Half of the tasks are done within {p50}; one in twenty takes longer than {p95}.",
        p50=at("seconds", "baseline", "latency_s", "p50", "value"),
        p95=at("seconds", "baseline", "latency_s", "p95", "value"),
    )
    _say_deadline(view, t)
    _say_time(view, t)
    _say_way(view, t)
    _say_cost(view, t)
    _say_bottleneck(view, t)
    return t


_PATTERN_WORDS = {
    "single": "one agent with its tools",
    "sequential": "a pipeline",
    "parallel": "parallel branches",
    "router": "a router with specialists",
    "supervisor": "a supervisor with workers",
    "hierarchical": "supervisors on two levels",
    "evaluator_loop": "a maker and a checker in a loop",
    "group_chat": "a moderated discussion",
    "handoff": "agents that hand the case on",
    "blackboard": "agents around a shared store",
}


def _say_setting(view: RunView, t: Teller) -> None:
    network = view.heard.network
    crew = listed((view.name(a.id) for a in network.agents), 5)
    ways = _PATTERN_WORDS[network.pattern]
    if network.pattern == "single" and not network.tools:
        ways = "one agent"
    t.say(
        "{tasks} tasks went through {ways} ({crew}), arriving at {rate} per minute ({source}).",
        tasks=at("count", "baseline", "tasks"),
        rate=at("number", "arrival_rate_per_min"),
        ways=ways,
        crew=crew,
        source=_plain_source(view.run.arrival_rate_source),
    ) or t.say("The tasks went through {ways} ({crew}).", ways=ways, crew=crew)


def _plain_source(text: str) -> str:
    """Where the rate comes from, as part of a sentence; text with digits is quoted."""
    line = " ".join(text.split()).rstrip(".") or "assumed"
    return plain(line)


def _say_outcome(view: RunView, t: Teller) -> None:
    declined = view.run.baseline.outcomes.get("declined", 0)
    t.say(
        "Without any failure injected, {success} of them end well (between {low} and {high}).",
        success=at("share", "baseline", "success", "value"),
        low=at("share", "baseline", "success", "low"),
        high=at("share", "baseline", "success", "high"),
    )
    if declined:
        t.say(
            "People declined {declined} of them, which counts as a correct outcome.",
            declined=at("count", "baseline", "outcomes", "declined"),
        )
    wrong = view.run.baseline.outcomes.get("wrong", 0)
    if wrong:
        t.say(
            "Delivered although wrong, so that nobody notices on the day: {wrong}.",
            wrong=at("count", "baseline", "outcomes", "wrong"),
        )


def _say_deadline(view: RunView, t: Teller) -> None:
    """Whether the scenario's own limit is kept; the limit is quoted as it was written."""
    limits = [
        q
        for q in view.heard.interpretation.quantities
        if q.kind == "deadline" and q.base_value and q.base_unit == "s"
    ]
    if not limits:
        return
    limit = limits[0]
    allowed = limit.base_value or 0.0
    latency = view.run.baseline.latency_s
    asked = plain_quote(limit.evidence[0].text if limit.evidence else limit.name)
    p95 = at("seconds", "baseline", "latency_s", "p95", "value")
    p99 = at("seconds", "baseline", "latency_s", "p99", "value")
    if latency.p99.value <= allowed:
        words = "{asked} is kept even by the slowest task in a hundred ({p99})."
    elif latency.p95.value <= allowed:
        words = "{asked} is kept by nineteen tasks in twenty; the slowest in a hundred takes {p99}."
    elif latency.p50.value <= allowed:
        words = "{asked} is kept by most tasks, but missed by one in twenty, which takes longer than {p95}."
    else:
        words = "{asked} is missed by more than half of the tasks."
    t.say(f"The scenario's limit {words}", asked=asked, p95=p95, p99=p99)


def _say_way(view: RunView, t: Teller) -> None:
    """The followed task's visits with their lengths, in order."""
    visits = [s for s in view.run.journey if s.kind == "agent_complete" and s.agent_id][
        :_VISITS_TOLD
    ]
    if len(visits) < 2:
        return
    words = [f"{{name{n}}} ({{time{n}}})" for n, _ in enumerate(visits)]
    parts: dict[str, Fact | str] = {}
    for n, step in enumerate(visits):
        parts[f"name{n}"] = view.name(step.agent_id or "")
        parts[f"time{n}"] = Fact("/duration_s", "seconds", step=step.index)
    more = sum(s.kind == "agent_complete" for s in view.run.journey) > len(visits)
    tail = " and on" if more else ""
    t.say(f"The task that was followed went through {', '.join(words)}{tail}.", **parts)


def _say_time(view: RunView, t: Teller) -> None:
    lost = sorted(view.run.baseline.time_lost_s.items(), key=lambda item: (-item[1], item[0]))
    total = sum(seconds for _, seconds in lost)
    told = [(c, s) for c, s in lost if total > 0 and s >= _NOTEWORTHY_SHARE * total][:3]
    if not told:
        return
    first, *others = (
        (_CAUSES.get(cause, cause), at("seconds", "baseline", "time_lost_s", cause))
        for cause, _ in told
    )
    if not others:
        t.say("A task's time is spent on {cause}: {s} on average.", cause=first[0], s=first[1])
    elif len(others) == 1:
        t.say(
            "Most of a task's time goes into {a} ({a_s} on average), then into {b} ({b_s}).",
            a=first[0],
            a_s=first[1],
            b=others[0][0],
            b_s=others[0][1],
        )
    else:
        t.say(
            "Most of a task's time goes into {a} ({a_s} on average), then into {b} ({b_s}) and {c} ({c_s}).",
            a=first[0],
            a_s=first[1],
            b=others[0][0],
            b_s=others[0][1],
            c=others[1][0],
            c_s=others[1][1],
        )


def _say_cost(view: RunView, t: Teller) -> None:
    least = "at least " if view.run.baseline.cost_is_lower_bound else ""
    per_task = at("usd", "baseline", "cost_usd_per_task", "value")
    month = at("usd", "baseline", "cost_usd_per_month", "value")
    told = t.say(
        "A task costs {least}{cost}, which is {least}{month} a month at this rate.",
        least=least,
        cost=per_task,
        month=month,
    ) or t.say("A task costs {least}{cost}.", least=least, cost=per_task)
    if not told:
        t.say("What a task costs cannot be said: a price is not known, and it is not guessed here.")


def _say_bottleneck(view: RunView, t: Teller) -> None:
    limit = view.run.baseline.bottleneck
    if limit is None:
        return
    name = view.name(limit.ref)
    full = limit.utilisation >= _CROWDED
    outlook = "little room is left for a peak" if full else "it would fill first if more tasks came"
    t.say(
        "The tightest place is {name}, busy {share} of the time; {outlook}.",
        name=name,
        share=at("share", "baseline", "bottleneck", "utilisation"),
        outlook=outlook,
    )
