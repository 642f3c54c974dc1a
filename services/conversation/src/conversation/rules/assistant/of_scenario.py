"""Answers from the reading of the scenario, and how to rehearse something else."""

import re

from common.wording import stems
from conversation.rules.assistant import of_run
from conversation.rules.assistant.figures import listed, written
from conversation.rules.assistant.of_failures import by_harm, harm
from conversation.rules.assistant.of_run import BASE
from conversation.rules.assistant.telling import Fact, Telling, run_fact


def scenario(t: Telling) -> None:
    """What was understood, with the words it was read from."""
    read = t.record.interpretation
    if read is None:
        return
    t.say(
        "Understood as “{title}” in {industry}; the goal: {goal}",
        title=Fact("interpretation", ("title",), "text"),
        industry=Fact("interpretation", ("industry", "name"), "text"),
        goal=Fact("interpretation", ("goal", "name"), "text"),
    )
    if read.actors:
        t.say("People and systems: {names}", names=listed(actor.name for actor in read.actors))
    for index, step in enumerate(read.steps[:10]):
        words = f" (“{step.evidence[0].text}”)" if step.evidence else " (inferred)"
        t.point(
            "{name}{words}",
            name=Fact("interpretation", ("steps", index, "name"), "text"),
            words=words,
        )
    t.paragraph()
    if read.quantities:
        t.say(
            "Numbers in the text: {names}",
            names=listed(quantity.name for quantity in read.quantities),
        )
    if read.constraints:
        t.say("Constraints: {names}", names=listed(found.name for found in read.constraints))


def assumptions(t: Telling) -> None:
    """What was assumed, and what only the person can answer."""
    read = t.record.interpretation
    if read and read.questions:
        t.say("Open questions from the text:")
        for index, question in enumerate(read.questions[:6]):
            t.point(
                "{text} ({why})",
                text=Fact("interpretation", ("questions", index, "text"), "text"),
                why=question.why.rstrip("."),
            )
    t.paragraph()
    stated = _assumed(t)
    if stated:
        t.say("Assumed, because nothing said otherwise:")
    for fact in stated:
        t.point("{text}", text=fact)


def _assumed(t: Telling) -> list[Fact]:
    """Every assumption once, wherever it was made first."""
    read, network, run = t.record.interpretation, t.record.network, t.record.run
    texts: dict[str, Fact] = {}
    for index, found in enumerate(read.assumptions if read else ()):
        texts.setdefault(found.text, Fact("interpretation", ("assumptions", index, "text"), "text"))
    for index, found in enumerate(network.assumptions if network else ()):
        texts.setdefault(found.text, Fact("network", ("assumptions", index, "text"), "text"))
    for index, text in enumerate(run.assumptions if run else ()):
        texts.setdefault(text, Fact("run", ("assumptions", index), "text"))
    return list(texts.values())[:10]


def compliance(t: Telling) -> None:
    """Rules the text names, risks, and which tools can do harm."""
    read, network = t.record.interpretation, t.record.network
    for index, _ in enumerate(read.compliance if read else ()):
        t.point("rule: {name}", name=Fact("interpretation", ("compliance", index, "name"), "text"))
    if read and not read.compliance:
        t.say("The scenario names no rule or regulation")
    for index, _ in enumerate(read.risks if read else ()):
        t.point(
            "risk read in the text: {name}",
            name=Fact("interpretation", ("risks", index, "name"), "text"),
        )
    t.paragraph()
    write = [
        tool.name
        for tool in (network.tools if network else ())
        if tool.side_effect in {"write", "irreversible"}
    ]
    if write:
        t.say("Tools that change something: {names}", names=listed(write))
    secrets = [c for tool in (network.tools if network else ()) for c in tool.credentials]
    if secrets:
        t.say("Credentials needed: {names}", names=listed(secrets))
    t.say("I read what the record says and give no legal advice")


def rerun(t: Telling) -> None:
    """The request that repeats it, and what to change in it."""
    run = t.record.run
    key = t.record.simulation_id
    t.say(
        "Same again, exactly: `POST /simulations/{id}/rerun` with an empty body; the seed{seed} keeps the numbers",
        id=key,
        seed=f" ({run.seed})" if run else "",
    )
    t.point('other luck: `{{"options": {{"seed": {n}}}}}`', n=str((run.seed if run else 1) + 1))
    rate = written(run.arrival_rate_per_min * 2, "number").replace(",", "") if run else "10"
    t.point('twice the load: `{{"options": {{"arrival_rate_per_min": {rate}}}}}`', rate=rate)
    t.point(
        'more tasks, narrower bands: `{{"options": {{"tasks": {n}}}}}`',
        n=str(min(5_000, (run.tasks if run else 200) * 4)),
    )
    t.point('no failures at all: `{{"options": {{"failures": []}}}}`')
    t.paragraph()
    t.say("Then `GET /simulations/compare?a={id}&b=<new id>` shows both side by side", id=key)


def edit(t: Telling) -> None:
    """How to change the network in words."""
    names = [agent.name for agent in t.record.agents.values() if agent.kind == "agent"]
    t.say(
        (
            'Say it in plain words: `POST /simulations/{id}/edit` with `{{"command": "…"}}`; each '
            "edit is a new revision that is rehearsed again, and can be undone"
        ),
        id=t.record.simulation_id,
    )
    if names:
        t.point("“rename {a} to …”", a=names[0])
        t.point("“add a reviewer after {a}”", a=names[-1])
    if len(names) > 2:
        t.point("“remove {a}”", a=names[1])
    t.point("“require human approval before the last step”")


def compare(t: Telling) -> None:
    t.say(
        (
            "`GET /simulations/compare?a={id}&b=<other id>` puts two runs side by side, with the "
            "difference of every figure; I see one record at a time"
        ),
        id=t.record.simulation_id,
    )
    network = t.record.network
    if network and network.alternatives:
        t.say(
            "Inside this record I can compare the chosen pattern with {names}: ask for the alternatives",
            names=listed(other.name for other in network.alternatives),
        )


def export(t: Telling) -> None:
    t.say(
        (
            "`GET /simulations/{id}/export?format=…` knows json, mermaid, dot, markdown, otlp, "
            "crewai, langgraph and openai-agents"
        ),
        id=t.record.simulation_id,
    )
    t.say(
        "On the command line: `./simulator report {id} --format mermaid`", id=t.record.simulation_id
    )


_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(%|percent|x\b|times)?", re.I)


def what_if(t: Telling, question: str, struck: str | None) -> None:
    """What the record already shows about the change asked for, and the request that rehearses it."""
    run = t.record.run
    asked = set(stems(question))
    if struck is not None:
        _if_struck(t, struck)
    if run and asked & set(
        stems("double volume load traffic rate more tasks requests peak triple grow orders half")
    ):
        factor = load_factor(question)
        found = run.baseline.bottleneck
        if found:
            t.say(
                "{name} is busy {share} of the time at {rate} tasks a minute",
                name=t.record.name(found.ref),
                share=run_fact("share", BASE, "bottleneck", "utilisation"),
                rate=run_fact("number", "arrival_rate_per_min"),
            )
            at = found.utilisation * factor
            word = (
                "beyond what it can do, so its queue would grow without end"
                if at >= 1
                else f"{written(at, 'share')} busy"
            )
            t.say(
                "At {factor} times that it would be, by proportion and not by a run, {word}",
                factor=written(factor, "number"),
                word=word,
            )
        rate = written(run.arrival_rate_per_min * factor, "number").replace(",", "")
        t.say(
            'To know: `POST /simulations/{id}/rerun` with `{{"options": {{"arrival_rate_per_min": {rate}}}}}`',
            id=t.record.simulation_id,
            rate=rate,
        )
    if not t.lines:
        _nearest_sensitivity(t)
        t.say(
            (
                "The record has no run of exactly that. A change of load, seed or failures is `POST "
                "/simulations/{id}/rerun` with options; a change of the network is `POST "
                "/simulations/{id}/edit` with the change in words, for instance what you just wrote"
            ),
            id=t.record.simulation_id,
        )


def load_factor(question: str) -> float:
    """How many times the present load is meant; 2 where the question does not say."""
    words = question.lower()
    for word, factor in (
        ("double", 2.0),
        ("twice", 2.0),
        ("triple", 3.0),
        ("half", 0.5),
        ("tenfold", 10.0),
    ):
        if word in words:
            return factor
    found = _NUMBER.search(words)
    if found is None:
        return 2.0
    number, unit = float(found[1]), (found[2] or "").strip()
    if unit in {"%", "percent"}:
        less = any(word in words for word in ("less", "fewer", "drop", "fall", "lower"))
        return max(0.05, 1 - number / 100) if less else 1 + number / 100
    return number if unit in {"x", "times"} and number > 0 else 2.0


def _if_struck(t: Telling, ref: str) -> None:
    run = t.record.run
    hits = [
        (i, o)
        for i, o in by_harm(run.failures if run else ())
        if any(
            target.ref == ref
            for target in (
                t.record.modes[o.failure_id].targets if o.failure_id in t.record.modes else ()
            )
        )
    ]
    name = t.record.name(ref)
    if hits:
        t.say("What the run shows when {name} is struck", name=name)
        for index, outcome in hits[:3]:
            harm(t, index, outcome)
    else:
        t.say("No failure was injected at {name} in this run", name=name)
    t.paragraph()
    t.say(
        'To rehearse the network without it: `POST /simulations/{id}/edit` with `{{"command": "remove {name}"}}`',
        id=t.record.simulation_id,
        name=name,
    )


def _nearest_sensitivity(t: Telling) -> None:
    run = t.record.run
    for index, item in of_run.most_sensitive(run.sensitivity if run else ())[:2]:
        t.point(
            "{parameter} from {low} to {high} moves success from {a} to {b}",
            parameter=item.parameter,
            low=written(item.low, "number"),
            high=written(item.high, "number"),
            a=run_fact("share", "sensitivity", index, "success_low"),
            b=run_fact("share", "sensitivity", index, "success_high"),
        )
