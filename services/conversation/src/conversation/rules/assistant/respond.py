"""From a question and its record to an answer: which topic, which teller, and what to ask next."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from common.contracts.chat import ChatAsked, ChatCitation
from common.contracts.conversations import Decision
from common.wording import stems
from conversation.rules.assistant import (
    general,
    of_conversation,
    of_failures,
    of_network,
    of_run,
    of_scenario,
)
from conversation.rules.assistant.figures import listed
from conversation.rules.assistant.record import Part, Record, record_of
from conversation.rules.assistant.retrieval import passages
from conversation.rules.assistant.telling import Fact, Telling
from conversation.rules.assistant.topics import (
    OF_CONVERSATION,
    Named,
    named_in,
    refers_back,
    topics_in,
)


@dataclass(frozen=True, slots=True)
class Reply:
    content: str
    topic: str
    citations: tuple[ChatCitation, ...] = ()
    suggestions: tuple[str, ...] = ()


TELLERS: dict[str, tuple[Part, Callable[[Telling], None]]] = {
    "overview": ("interpretation", of_run.overview),
    "bottleneck": ("run", of_run.bottleneck),
    "latency": ("run", of_run.latency),
    "cost": ("run", of_run.cost),
    "success": ("run", of_run.success),
    "capacity": ("run", of_run.capacity),
    "confidence": ("run", of_run.confidence),
    "failures": ("failures", of_failures.failures),
    "mitigation": ("run", of_failures.mitigation),
    "monitoring": ("failures", of_failures.monitoring),
    "pattern": ("network", of_network.pattern),
    "alternatives": ("network", of_network.alternatives),
    "agents": ("network", of_network.agents),
    "tools": ("network", of_network.tools),
    "humans": ("network", of_network.humans),
    "flow": ("network", of_network.flow),
    "models": ("network", of_network.models),
    "scenario": ("interpretation", of_scenario.scenario),
    "assumptions": ("interpretation", of_scenario.assumptions),
    "compliance": ("interpretation", of_scenario.compliance),
    "rerun": ("interpretation", of_scenario.rerun),
    "edit": ("interpretation", of_scenario.edit),
    "compare": ("interpretation", of_scenario.compare),
    "export": ("interpretation", of_scenario.export),
}
"""Topic → the part of the record it needs, and who tells it."""

QUESTIONS: dict[str, str] = {
    "bottleneck": "What is the bottleneck?",
    "cost": "What does a task cost, and who spends it?",
    "failures": "Which failures hurt most?",
    "mitigation": "What should I change?",
    "pattern": "Why this pattern?",
    "humans": "Where does a person decide?",
    "confidence": "How sure are these figures?",
    "assumptions": "What was assumed or left open?",
}
_NOT_YET = {
    "interpretation": "the scenario has not been read yet",
    "network": "the network is not planned yet",
    "failures": "the failures are not chosen yet",
    "run": "there are no figures, because the run is not done",
    "narrative": "the story is not told yet",
}


def respond(asked: ChatAsked) -> Reply:
    """Answer from the record where there is one; say plainly what is not there and what cannot be done."""
    if asked.facts is not None and "conversation_id" in asked.facts:
        return _of_conversation(asked, asked.facts)
    record = record_of(asked)
    if record is None:
        return _without_record(asked)
    named = named_in(asked.message, _names(record))
    topics = topics_in(asked.message, without=OF_CONVERSATION)
    if not named and refers_back(asked.message):
        named, topics = _carried_over(asked, record, topics)
    return _about(asked, record, named, topics)


def _about(
    asked: ChatAsked, record: Record, named: tuple[Named, ...], topics: tuple[str, ...]
) -> Reply:
    topic = topics[0] if topics else ""
    at_once = _without_telling(asked, record, topic, is_named=bool(named), topics=topics)
    if at_once is not None:
        return at_once
    part = TELLERS[topic][0] if topic in TELLERS else "interpretation"
    if topic in TELLERS and not record.report.get(part):
        return _not_yet(record, part, topic)
    told = Telling(record)
    topic = _tell(told, asked, named, topics)
    if not told.text:
        return _searched(asked, record)
    return Reply(told.text, topic, tuple(told.citations), _suggest(record, topic))


def _without_telling(
    asked: ChatAsked, record: Record, topic: str, *, is_named: bool, topics: tuple[str, ...]
) -> Reply | None:
    """What needs no figure of the record: meanings, courtesies, refusals, how far it is."""
    if _ASKS_MEANING.match(asked.message) and (meaning := general.definition(asked.message)):
        return Reply(meaning, "definition", suggestions=_suggest(record, ""))
    if topic in {"greeting", "thanks", "help"} and not is_named:
        return _pleasantry(topic, record)
    if topic == "perform" and "what_if" not in topics:
        return Reply(general.refusal(asked.message), "cannot", suggestions=_suggest(record, ""))
    return _status(record) if topic == "status" else None


def _tell(
    told: Telling, asked: ChatAsked, named: tuple[Named, ...], topics: tuple[str, ...]
) -> str:
    """Have the right teller speak; returns the topic it turned out to be."""
    topic = topics[0] if topics else ""
    if _names_other_pattern(asked.message, told.record):
        of_network.alternatives(told)
        return "alternatives"
    if "what_if" in topics:
        of_scenario.what_if(told, asked.message, named[0].ref if named else None)
        return "what_if"
    if named and _is_about_thing(topic, named[0]):
        _tell_thing(told, named[0], topics)
        return named[0].kind
    if topic == "capacity":
        of_run.capacity(told, asked.message)
    elif topic in TELLERS:
        TELLERS[topic][1](told)
    return topic


def _is_about_thing(topic: str, named: Named) -> bool:
    """A named agent, tool or mode is the subject, unless the question is about the whole in other words."""
    wide = {"bottleneck", "alternatives", "compare", "rerun", "edit", "export", "scenario"}
    return topic not in wide or (named.weight >= 2 and topic not in {"edit", "compare"})


_FIGURES = {"cost", "latency", "bottleneck", "capacity", "success"}


def _tell_thing(told: Telling, named: Named, topics: tuple[str, ...]) -> None:
    match named.kind:
        case "agent" if topics and topics[0] in _FIGURES and told.record.run:
            of_network.agent_figures(told, named.ref)
        case "agent" if topics and topics[0] == "tools":
            of_network.agent_tools(told, named.ref)
        case "agent":
            of_network.agent(told, named.ref)
        case "tool":
            of_network.tool(told, named.ref)
        case "mode":
            of_failures.mode(told, named.ref)


_ASKS_MEANING = re.compile(
    r"\s*(?:what(?:'s| is| are| does| do) (?:a |an |the )?[\w -]{2,30}(?: mean)?\s*\??$|explain |define )",
    re.I,
)


def _names_other_pattern(question: str, record: Record) -> bool:
    """Whether the question is about a pattern that was considered and not chosen."""
    network = record.network
    if network is None:
        return False
    asked = set(stems(question))
    others = {a.pattern for a in network.alternatives} - {network.pattern}
    return any(set(stems(pattern.replace("_", " "))) <= asked for pattern in others)


_ALONE = {
    "rerun",
    "export",
    "compliance",
    "compare",
    "capacity",
    "perform",
    "help",
    "overview",
    "status",
}
"""Topics about the whole: `it` is the simulation there, not the agent talked about before."""


def _carried_over(
    asked: ChatAsked, record: Record, topics: tuple[str, ...]
) -> tuple[tuple[Named, ...], tuple[str, ...]]:
    """What a question that leans on the talk before it means: the thing, and if need be the topic, of the last ones."""
    named: tuple[Named, ...] = ()
    if topics and topics[0] in _ALONE:
        return named, topics
    for turn in [turn for turn in asked.history if turn.role == "user"][:-4:-1]:
        named = named or named_in(turn.content, _names(record))
        topics = topics or topics_in(turn.content, without=OF_CONVERSATION)
        if named and topics:
            break
    return named, topics


def _names(record: Record) -> list[tuple[str, str, str]]:
    return [
        *(("agent", agent.id, agent.name) for agent in record.agents.values()),
        *(("tool", tool.name, tool.name) for tool in record.tools.values()),
        *(("mode", mode.id, mode.name) for mode in record.modes.values()),
    ]


def _pleasantry(topic: str, record: Record) -> Reply:
    title = (
        record.interpretation.title.rstrip("…") if record.interpretation else record.simulation_id
    )
    if topic == "thanks":
        return Reply("You are welcome.", topic, suggestions=_suggest(record, ""))
    if topic == "help":
        text = f"{general.CAPABILITIES} The record named is “{title}” ({record.status}). {general.CANNOT}"
        return Reply(text, topic, suggestions=_suggest(record, ""))
    text = f"Hello. I have the record of “{title}” here ({record.status}); ask me about it."
    return Reply(text, topic, suggestions=_suggest(record, ""))


def _status(record: Record) -> Reply:
    here = [
        part
        for part in ("interpretation", "network", "failures", "run", "narrative")
        if record.report.get(part)
    ]
    text = (
        f"The simulation is {record.status}. In the record so far: {listed(here) or 'nothing yet'}."
    )
    reason = record.report.get("reason")
    if reason:
        text += f" It ended because: {reason}"
    status = ChatCitation(text=record.status, value=record.status, path="/status")
    return Reply(text, "status", (status,), _suggest(record, "status"))


def _not_yet(record: Record, part: str, topic: str) -> Reply:
    text = f"I cannot answer that from this record: {_NOT_YET[part]}; the simulation is {record.status}."
    if record.report.get("reason"):
        text += f" It ended because: {record.report['reason']}"
    return Reply(text, topic, suggestions=_suggest(record, topic))


def _searched(asked: ChatAsked, record: Record) -> Reply:
    told = Telling(record)
    for passage in passages(asked.message, record.report):
        told.point("{text}", text=Fact(passage.part, passage.keys, "text"))
    if told.text:
        text = f"What the record says that comes closest:\n{told.text}"
        return Reply(text, "search", tuple(told.citations), _suggest(record, ""))
    if meaning := general.definition(asked.message):
        return Reply(meaning, "definition", suggestions=_suggest(record, ""))
    text = f"{general.NOT_FOUND} {general.CANNOT} Ask, for example: {_suggest(record, '')[0]}"
    return Reply(text, "unknown", suggestions=_suggest(record, ""))


def _suggest(record: Record, topic: str) -> tuple[str, ...]:
    """Questions this record can answer, without the one just asked."""
    able = [name for name in QUESTIONS if name != topic and record.report.get(TELLERS[name][0])]
    questions = [QUESTIONS[name] for name in able]
    return tuple(questions[:3]) or ("How far is the simulation?",)


def _of_conversation(asked: ChatAsked, facts: Mapping[str, Any]) -> Reply:
    topic = next(iter(topics_in(asked.message)), "")
    asks = ("What was decided?", "Who voted how?", "What speaks against it?")
    if topic == "perform":
        return Reply(general.refusal(asked.message), "cannot", suggestions=asks)
    if topic in {"greeting", "thanks", "help"}:
        text = "You are welcome." if topic == "thanks" else f"Hello. {general.CAPABILITIES}"
        return Reply(text, topic, suggestions=asks)
    minutes, topic = of_conversation.told(asked.message, facts, _decision_in(facts))
    return Reply("\n".join(minutes.lines), topic, tuple(minutes.citations), asks)


def _decision_in(facts: Mapping[str, Any]) -> Decision | None:
    try:
        return Decision.model_validate(facts["decision"]) if facts.get("decision") else None
    except ValidationError:
        return None


def _without_record(asked: ChatAsked) -> Reply:
    topics = topics_in(asked.message)
    topic = topics[0] if topics else ""
    asks = ("What can you do?", "How do I rehearse a scenario?")
    if general.looks_like_scenario(asked.message):
        text = (
            f"This reads like a scenario. I only answer questions; to rehearse it, send the "
            f"text to `POST /simulate`. {general.CAPABILITIES}"
        )
        return Reply(text, "scenario", suggestions=asks)
    if meaning := general.definition(asked.message):
        return Reply(f"{meaning} {general.START}", "definition", suggestions=asks)
    if topic == "perform":
        return Reply(
            f"{general.refusal(asked.message)} {general.START}", "cannot", suggestions=asks
        )
    if topic == "thanks":
        return Reply("You are welcome.", topic, suggestions=asks)
    if topic in {"greeting", "help"}:
        return Reply(
            f"Hello. {general.CAPABILITIES} {general.START} {general.CANNOT}",
            topic,
            suggestions=asks,
        )
    lead = (
        general.NO_RECORD if topic else "I know only this system's simulations and conversations."
    )
    missing = _named_but_absent(asked)
    return Reply(
        f"{missing or lead} {general.CAPABILITIES} {general.START}",
        topic or "unknown",
        suggestions=asks,
    )


def _named_but_absent(asked: ChatAsked) -> str:
    if asked.simulation_id:
        return f"There is no simulation “{asked.simulation_id}” in the record."
    return (
        f"There is no conversation “{asked.conversation_id}” in the record."
        if asked.conversation_id
        else ""
    )
