"""Answers from the figures of the run."""

import re
from collections.abc import Sequence

from common.contracts.run import AgentFigures, Sensitivity
from conversation.rules.assistant.figures import counted, listed, written
from conversation.rules.assistant.telling import Fact, Telling, run_fact

BASE = "baseline"

_CAUSES = {
    "queueing": "waiting in queues",
    "model": "model calls",
    "tool": "tool calls",
    "human": "people deciding",
    "retries": "retries",
    "backoff": "waiting before retries",
    "rework": "rework after rejections",
    "network": "passing the task on",
}


def overview(t: Telling) -> None:
    """Goal, shape, figures, the story's headline."""
    read, network = t.record.interpretation, t.record.network
    if read:
        t.say(
            "This rehearses “{title}”: {goal}",
            title=read.title,
            goal=Fact("interpretation", ("goal", "name"), "text"),
        )
    if network:
        people = sum(agent.kind == "human" for agent in network.agents)
        size = counted(len(network.agents) - people, "agent")
        with_people = f" and {counted(people, 'person')}" if people else ""
        t.say(
            "The network has {size}{people} in a {pattern} pattern with {tools}",
            size=size,
            people=with_people,
            pattern=network.pattern.replace("_", " "),
            tools=counted(len(network.tools), "tool"),
        )
    success_line(t)
    latency_line(t)
    cost_line(t)
    if t.record.narrative:
        t.say(
            "The story in one line: {headline}", headline=Fact("narrative", ("headline",), "text")
        )


def success_line(t: Telling) -> bool:
    return t.say(
        "{value} of tasks succeed in the plain run (95 % band {low} to {high})",
        value=run_fact("share", BASE, "success", "value"),
        low=run_fact("share", BASE, "success", "low"),
        high=run_fact("share", BASE, "success", "high"),
    )


def latency_line(t: Telling) -> bool:
    return t.say(
        "Half of the tasks take at most {p50}, 95 % at most {p95}, 99 % at most {p99}",
        p50=run_fact("seconds", BASE, "latency_s", "p50", "value"),
        p95=run_fact("seconds", BASE, "latency_s", "p95", "value"),
        p99=run_fact("seconds", BASE, "latency_s", "p99", "value"),
    )


def cost_line(t: Telling) -> bool:
    run = t.record.run
    if run is None:
        return False
    least = "at least " if run.baseline.cost_is_lower_bound else ""
    if run.baseline.cost_usd_per_task is None:
        return t.say(
            "What a task costs is unknown: a price it needs is not known, and unknown is not nought"
        )
    told = t.say(
        "A task costs {least}{cost} in model and tool fees",
        least=least,
        cost=run_fact("usd", BASE, "cost_usd_per_task", "value"),
    )
    t.say(
        "At the rehearsed volume that is {least}{month} a month",
        least=least,
        month=run_fact("usd", BASE, "cost_usd_per_month", "value"),
    )
    return told


def bottleneck(t: Telling) -> None:
    """Who fills first, by how much, what relief gains."""
    run = t.record.run
    if run is None:
        return
    found = run.baseline.bottleneck
    if found is None:
        t.say("The run names no bottleneck: nothing in the network came near its limit")
    else:
        t.say(
            "{name} ({kind}) fills first: it is busy {share} of the time",
            name=t.record.name(found.ref),
            kind=found.kind,
            share=run_fact("share", BASE, "bottleneck", "utilisation"),
        )
        if found.reason and "busy" not in found.reason:
            t.say("{reason}", reason=Fact("run", (BASE, "bottleneck", "reason"), "text"))
        _queue_at(t, found.ref)
        if found.relief:
            t.say("Relief: {relief}", relief=Fact("run", (BASE, "bottleneck", "relief"), "text"))
        t.say(
            "That would take {gain} off the 95 % latency",
            gain=run_fact("seconds", BASE, "bottleneck", "latency_p95_gain_s"),
        )
        if found.cost_usd_per_month:
            t.say(
                "The extra server costs about {cost} a month",
                cost=run_fact("usd", BASE, "bottleneck", "cost_usd_per_month"),
            )
    _next_busiest(t, found.ref if found else None)


def _queue_at(t: Telling, ref: str) -> None:
    index = agent_index(t, ref)
    if index is not None:
        t.say(
            "A task waits there {wait} on average and {p95} at the 95 % mark",
            wait=run_fact("seconds", BASE, "agents", index, "wait_s_mean"),
            p95=run_fact("seconds", BASE, "agents", index, "wait_s_p95"),
        )


def _next_busiest(t: Telling, ref: str | None) -> None:
    others = [
        f
        for f in busiest(t.record.run.baseline.agents if t.record.run else ())
        if f.agent_id != ref
    ]
    if others:
        index = agent_index(t, others[0].agent_id)
        assert index is not None
        t.say(
            "Next comes {name} at {share}",
            name=t.record.name(others[0].agent_id),
            share=run_fact("share", BASE, "agents", index, "utilisation", "value"),
        )


def busiest(agents: Sequence[AgentFigures]) -> list[AgentFigures]:
    return sorted(agents, key=lambda figures: (-figures.utilisation.value, figures.agent_id))


def agent_index(t: Telling, agent_id: str) -> int | None:
    """Where the agent stands in the baseline's figures."""
    agents = t.record.run.baseline.agents if t.record.run else ()
    return next((i for i, figures in enumerate(agents) if figures.agent_id == agent_id), None)


def latency(t: Telling) -> None:
    """The quantiles, and where the time goes."""
    latency_line(t)
    run = t.record.run
    if run is None:
        return
    lost = sorted(run.baseline.time_lost_s.items(), key=lambda item: (-item[1], item[0]))
    large = [cause for cause, seconds in lost if seconds > 0][:4]
    if large:
        t.paragraph()
        t.say("Where the average task's time goes:")
        for cause in large:
            t.point(
                "{cause}: {time}",
                cause=_CAUSES.get(cause, cause),
                time=run_fact("seconds", BASE, "time_lost_s", cause),
            )
    t.paragraph()
    if run.baseline.bottleneck and large[:1] == ["queueing"]:
        t.say(
            "The first place to look is {name}, which is busy {share} of the time",
            name=t.record.name(run.baseline.bottleneck.ref),
            share=run_fact("share", BASE, "bottleneck", "utilisation"),
        )


def cost(t: Telling) -> None:
    """Per task and month, tokens, and who spends it."""
    cost_line(t)
    t.say(
        "A task reads {read} and writes {write} tokens",
        read=run_fact("count", BASE, "tokens_in_per_task"),
        write=run_fact("count", BASE, "tokens_out_per_task"),
    )
    run = t.record.run
    spenders = [f for f in (run.baseline.agents if run else ()) if f.cost_usd_per_task]
    spenders.sort(key=lambda f: (-(f.cost_usd_per_task or 0.0), f.agent_id))
    if spenders:
        t.paragraph()
        t.say("Most of it is spent by:")
    for figures in spenders[:3]:
        index = agent_index(t, figures.agent_id)
        assert index is not None
        t.point(
            "{name}: {cost} per task",
            name=t.record.name(figures.agent_id),
            cost=run_fact("usd", BASE, "agents", index, "cost_usd_per_task"),
        )


def success(t: Telling) -> None:
    """How often it works: plain, with every failure injected, with the mitigations."""
    success_line(t)
    run = t.record.run
    if run is None:
        return
    bad = {name: n for name, n in sorted(run.baseline.outcomes.items()) if name != "ok" and n}
    if bad:
        parts = (f"{written(n, 'count')} {name.replace('_', ' ')}" for name, n in bad.items())
        t.say(
            "Of {tasks} tasks, the others ended so: {parts}",
            tasks=run_fact("count", BASE, "tasks"),
            parts=listed(parts),
        )
    t.say(
        "With every chosen failure injected, {share} succeed",
        share=run_fact("share", "all_failures", "figures", "success", "value"),
    )
    best = best_mitigation(t)
    if best is not None:
        t.say(
            "With “{name}” in place it is {share}",
            name=run.mitigated[best].name,
            share=run_fact("share", "mitigated", best, "figures", "success", "value"),
        )


def best_mitigation(t: Telling) -> int | None:
    """The mitigation run that gains most success; null when none surely gains any."""
    run = t.record.run
    gains = [
        (m.gain_success.value, -i)
        for i, m in enumerate(run.mitigated if run else ())
        if m.gain_success.low > 0
    ]
    return -max(gains)[1] if gains else None


_RATE = re.compile(
    r"(\d[\d,.]*)\s*(?:[a-z]+\s){0,2}(?:per|a|an|each|every|/)\s?(second|minute|min|hour|day|week)",
    re.I,
)
_PER_MIN = {
    "second": 60.0,
    "minute": 1.0,
    "min": 1.0,
    "hour": 1 / 60,
    "day": 1 / 1_440,
    "week": 1 / 10_080,
}


def asked_rate(question: str) -> float | None:
    """Tasks per minute, when the question names a rate ("100 requests per hour")."""
    found = _RATE.search(question)
    return float(found[1].replace(",", "")) * _PER_MIN[found[2].lower()] if found else None


def capacity(t: Telling, question: str = "") -> None:
    """What arrives, what leaves, how much room there is."""
    run = t.record.run
    if run is None:
        return
    found = run.baseline.bottleneck
    limit = (
        run.arrival_rate_per_min / found.utilisation if found and found.utilisation > 0 else None
    )
    asked = asked_rate(question)
    if asked is not None and limit is not None:
        verdict = (
            "less than" if asked < 0.8 * limit else "close to" if asked < limit else "more than"
        )
        t.say(
            "That is {asked} tasks a minute, {verdict} what fills the network",
            asked=written(asked, "number"),
            verdict=verdict,
        )
    t.say(
        "The run was fed {rate} tasks a minute ({source}) and finished {out} a minute",
        rate=run_fact("number", "arrival_rate_per_min"),
        source=run.arrival_rate_source or "source not stated",
        out=run_fact("number", BASE, "throughput_per_min", "value"),
    )
    if found and limit is not None:
        t.say(
            "{name} is busy {share} of the time, so by proportion (not by a run) the network fills up at about "
            "{limit} tasks a minute",
            name=t.record.name(found.ref),
            share=run_fact("share", BASE, "bottleneck", "utilisation"),
            limit=written(limit, "number"),
        )
    rate = f" to {written(asked, 'number')}" if asked is not None else ""
    t.say("To be sure, rehearse it: rerun with `options.arrival_rate_per_min` set{rate}", rate=rate)


def most_sensitive(items: Sequence[Sensitivity]) -> list[tuple[int, Sensitivity]]:
    """The assumptions that move success most; those that hardly move it are left out."""
    moved = [
        (i, item)
        for i, item in enumerate(items)
        if abs(item.success_high - item.success_low) >= 0.01
    ]
    return sorted(moved, key=lambda p: (-abs(p[1].success_high - p[1].success_low), p[0]))[:3]


def confidence(t: Telling) -> None:
    """Why to believe the figures, and which assumption moves them most."""
    run = t.record.run
    if run is None:
        return
    t.say(
        (
            "The figures come from a seeded simulation (seed {seed}) of {tasks} tasks in {n} "
            "replications, not from a model's opinion; the same seed and options give the same "
            "numbers"
        ),
        seed=str(run.seed),
        tasks=run_fact("count", "tasks"),
        n=run_fact("count", "replications"),
    )
    success_line(t)
    for index, item in most_sensitive(run.sensitivity):
        t.point(
            "if {parameter} is {low} instead of {high}, success goes from {b} to {a}",
            parameter=item.parameter,
            low=written(item.low, "number"),
            high=written(item.high, "number"),
            a=run_fact("share", "sensitivity", index, "success_low"),
            b=run_fact("share", "sensitivity", index, "success_high"),
        )
    t.paragraph()
    assumed = [
        mode
        for mode in (t.record.failures.modes if t.record.failures else ())
        if mode.likelihood.is_assumed
    ]
    if assumed:
        t.say(
            "{n} of {all} failure likelihoods are assumed, because nobody has published a figure",
            n=str(len(assumed)),
            all=str(len(t.record.modes)),
        )
    for index, _ in enumerate(run.assumptions[:4]):
        t.point("Assumed: {text}", text=Fact("run", ("assumptions", index), "text"))
