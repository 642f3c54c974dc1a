"""Answers from the record of a conversation: what was decided, by whom, against what, and what is open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.contracts.chat import ChatCitation
from common.contracts.conversations import Decision
from common.personas import CRITERIA
from common.wording import stems
from conversation.rules.assistant.figures import counted, listed, sentence
from conversation.rules.assistant.topics import topics_in

MAX_QUOTES = 3


@dataclass(slots=True)
class Minutes:
    """Collects what is said about a conversation; quotes name the message they stand in."""

    facts: Mapping[str, Any]
    decision: Decision | None
    lines: list[str] = field(default_factory=list)
    citations: list[ChatCitation] = field(default_factory=list)

    def say(self, text: str, path: str = "", value: object = None) -> None:
        self.lines.append(sentence(text))
        if path:
            plain = value if isinstance(value, int | float | str | bool) else None
            self.citations.append(ChatCitation(text=text[:120], value=plain, path=path))

    def quote(self, message: Mapping[str, Any]) -> None:
        who = message.get("agent_name") or "the user"
        self.lines.append(f"- {who}: {message['content']}")
        cited = ChatCitation(text=message["content"][:120], event_id=message["id"], path="/content")
        self.citations.append(cited)

    def name(self, agent_id: str) -> str:
        messages = self.facts.get("messages") or ()
        known = {m.get("sender_id"): m.get("agent_name") for m in messages}
        return known.get(agent_id) or agent_id.replace("_", " ")

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        return self.facts.get("messages") or ()


def told(question: str, facts: Mapping[str, Any], decision: Decision | None) -> tuple[Minutes, str]:
    """The answer to a question about a conversation, and its topic."""
    minutes = Minutes(facts, decision)
    topics = [topic for topic in topics_in(question) if topic in _TELLERS]
    topic = topics[0] if topics else ""
    if topic:
        _TELLERS[topic](minutes)
    if not minutes.lines and _quoted(minutes, question):
        topic = "search"
    if not minutes.lines:
        topic = topic or "overview"
        _overview(minutes)
    return minutes, topic


def _overview(m: Minutes) -> None:
    goal, status = m.facts.get("goal_description", ""), m.facts.get("status", "unknown")
    m.say(f"The conversation is about: “{goal}”", "/goal_description")
    m.say(
        f"It is {status}, in the phase {m.facts.get('phase')}, after {counted(len(m.messages), 'message')}",
        "/status",
        status,
    )
    if m.facts.get("final_summary"):
        m.say(str(m.facts["final_summary"]), "/final_summary")
    else:
        _open(m)


def _decision(m: Minutes) -> None:
    decision = m.decision
    if decision is None:
        m.say("Nothing is decided yet")
        _open(m)
        return
    rule = decision.rule.replace("_", " ")
    m.say(
        f"“{decision.option}” was chosen ({rule}; {decision.agreement:.0%} of the weight cast)",
        "/decision/option",
        decision.option,
    )
    best = next((o for o in decision.options if o.option_id == decision.option_id), None)
    if best is not None:
        strong = sorted(best.scores, key=lambda s: -s.score)[:2]
        reasons = [f"{CRITERIA.get(s.criterion, s.criterion)} {s.score:.2f}" for s in strong]
        m.say(
            f"Its score is {best.total:.2f}; it is strongest on {listed(reasons)}",
            "/decision/options/0/total",
            best.total,
        )
        for score in strong:
            for evidence in [e for e in score.evidence if e.startswith("+")][:1]:
                m.say(
                    f"For {CRITERIA.get(score.criterion, score.criterion)}: {evidence.lstrip('+ ')}"
                )
        if best.safeguards:
            m.say(f"On condition that: {listed(best.safeguards)}", "/decision/options/0/safeguards")


def _votes(m: Minutes) -> None:
    if m.decision is None or not m.decision.votes:
        m.say("Nobody has voted yet")
        return
    last = max(vote.ballot for vote in m.decision.votes)
    names = {o.option_id: o.name for o in m.decision.options}
    for vote in [vote for vote in m.decision.votes if vote.ballot == last]:
        choice = f"for “{names.get(vote.choice, vote.choice)}”" if vote.choice else "abstained"
        m.lines.append(f"- {m.name(vote.agent_id)}: {choice} ({vote.reason})")
    m.say(
        f"That was ballot {last}; {m.decision.turnout:.0%} of the weight was cast",
        "/decision/turnout",
        m.decision.turnout,
    )
    for dissent in m.decision.dissents:
        m.say(f"{m.name(dissent.agent_id)} dissents: {dissent.reason}")


def _options(m: Minutes) -> None:
    if m.decision is None:
        for message in [x for x in m.messages if x.get("message_type") == "proposal"]:
            m.quote(message)
        return
    for place, option in enumerate(m.decision.options):
        m.lines.append(f"- {option.name}: {option.total:.2f}")
        m.citations.append(
            ChatCitation(
                text=option.name, value=option.total, path=f"/decision/options/{place}/total"
            )
        )


def _objections(m: Minutes) -> None:
    risks = m.decision.risks if m.decision else ()
    for place, risk in enumerate(risks):
        answer = f"; the answer: {risk.answer}" if risk.answer else "; nobody has answered it"
        m.say(
            f"{m.name(risk.raised_by)} on {CRITERIA.get(risk.criterion, risk.criterion)}: {risk.text}{answer}",
            f"/decision/risks/{place}/text",
        )
    if not risks and m.decision is not None:
        m.say("Nothing was noted against what was decided")


def _actions(m: Minutes) -> None:
    for place, action in enumerate(m.decision.actions if m.decision else ()):
        m.lines.append(
            f"- {action.text} ({m.name(action.owner)}, about {action.estimate_days:g} working days, {action.basis})"
        )
        m.citations.append(ChatCitation(text=action.text, path=f"/decision/actions/{place}/text"))
    if m.decision is None:
        m.say("There are no actions before a decision")


def _open(m: Minutes) -> None:
    for question in m.facts.get("questions") or ():
        if question.get("status") == "open":
            m.say(f"It waits for your answer to: “{question['text']}”", "/questions")
    for assumption in m.decision.assumptions if m.decision else ():
        m.say(f"Assumed: {assumption}", "/decision/assumptions")


def _quoted(m: Minutes, question: str) -> bool:
    """The messages that share most of the question's rarer words."""
    asked = {stem for stem in stems(question) if len(stem) > 3}
    scored = [(len(asked & set(stems(x["content"]))), -n, x) for n, x in enumerate(m.messages)]
    best = [
        item
        for item in sorted(scored, key=lambda s: s[:2], reverse=True)
        if asked and item[0] * 2 >= len(asked)
    ]
    for _, _, message in best[:MAX_QUOTES]:
        m.quote(message)
    return bool(best)


_TELLERS: dict[str, Callable[[Minutes], None]] = {
    "overview": _overview,
    "status": _overview,
    "decision": _decision,
    "mitigation": _decision,
    "votes": _votes,
    "options": _options,
    "alternatives": _options,
    "objections": _objections,
    "failures": _objections,
    "actions": _actions,
    "assumptions": _open,
}
