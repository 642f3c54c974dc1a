"""What a question is about: topics by the phrases people ask them with, and the things of the record it names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from common.wording import PhraseIndex, stems, words

TOPICS: dict[str, tuple[str, ...]] = {
    "greeting": ("hello", "hi", "hey", "good morning", "good evening"),
    "thanks": ("thanks", "thank you", "cheers", "great job"),
    "help": (
        "help", "what can you do", "who are you", "how do you work", "what can i ask", "get started",
        "what are you", "how does this work", "your capabilities",
    ),
    "status": ("status", "finished yet", "still running", "progress", "how far", "why did it fail",
               "simulation failed", "stuck", "done yet"),
    "overview": (
        "summary", "summarize", "overview", "tell me about this simulation", "what =happened",
        "what did the simulation show", "in short", "result", "findings", "outcome", "tl dr", "report", "conclusion",
        "key points", "how did it go", "headline",
    ),
    "bottleneck": (
        "bottleneck", "slowest agent", "slow down", "which agent is slowest", "overloaded", "queue", "utilization",
        "holding up", "busiest", "busy", "limits throughput", "saturated", "choke point", "backlog", "waiting line",
    ),
    "latency": ("latency", "how long", "how fast", "slow", "response time", "turnaround", "p95", "p99", "p50",
                "median", "speed", "duration", "time per task", "where is time lost", "time lost", "quick"),
    "cost": ("cost", "price", "expensive", "money", "budget", "dollars", "usd", "token", "spend", "cheap",
             "how much does it", "per month", "bill", "afford"),
    "success": ("success", "success rate", "reliable", "reliability", "how often does it work", "accuracy",
                "quality", "wrong answers", "error rate", "robust", "how good", "trust", "resilient"),
    "capacity": ("throughput", "capacity", "volume", "how many tasks", "load", "arrival rate", "scale",
                 "tasks per minute", "tasks per hour", "peak", "handle more", "headroom", "can it handle",
                 "can it cope",
                 "can we handle"),
    "failures": (
        "failure", "fail", "go wrong", "break", "risk", "what could happen", "worst", "failure mode", "weakest",
        "weakness", "vulnerable", "dangerous", "blast radius", "outage", "incident", "crash",
    ),
    "mitigation": (
        "mitigate", "mitigation", "fix", "improve", "improvement", "prevent", "safer", "what should i change",
        "what to change", "recommend", "recommendation", "advice", "protect", "make it better", "what saved",
        "what should we do", "next step", "optimize", "reduce", "harden", "solve", "how can i lower",
    ),
    "pattern": ("pattern", "architecture", "why this design", "why this structure", "why did you choose",
                "why this network", "topology", "orchestration", "why is it sequential", "why supervisor",
                "design decision", "rationale"),
    "alternatives": ("alternative", "other option", "instead", "other pattern", "considered", "different design",
                     "another way", "else could"),
    "agents": ("agents", "which agents", "list agents", "who is in the network", "how many agents", "roles", "team",
               "who does what", "members"),
    "tools": ("tools", "which tools", "tool list", "side effect", "irreversible", "access rights", "permission",
              "write access", "credentials", "mcp", "integration", "systems does it use", "apis"),
    "humans": ("human", "person", "approval", "approve", "human in the loop", "manager", "manual", "oversight",
               "gate", "sign off", "escalate", "who decides"),
    "flow": ("flow", "connections", "who talks to whom", "what happens first", "order of steps", "data flow",
             "path", "sequence of", "handoff", "how does the data", "loop", "rework", "journey", "walk me through",
             "step by step"),
    "models": ("which model", "model class", "language model", "llm", "large model", "small model", "gpt"),
    "what_if": ("what if", "what happens if", "suppose", "if we add", "if i add", "if we double", "if the volume",
                "would happen", "if we remove", "imagine", "without the", "scenario where", "twice as many",
                "were to"),
    "rerun": ("rerun", "run again", "run it again", "seed", "repeat", "reproduce", "different options",
              "change the options", "another seed", "re run", "again with"),
    "edit": ("edit", "change the network", "add an agent", "remove an agent", "rename", "modify", "merge agents",
             "how do i change", "swap"),
    "compare": ("compare", "comparison", "difference between", "versus", "vs"),
    "export": ("export", "download", "mermaid", "langgraph", "crewai", "otlp", "as json", "diagram", "code for"),
    "monitoring": ("alert", "monitor", "observability", "dashboard", "page on", "metric", "detect", "trace", "logs",
                   "span", "notice", "on call"),
    "assumptions": ("assumption", "assumed", "open question", "unclear", "missing information", "unknown",
                    "not modelled", "limitation", "what did you assume", "leave open", "not know"),
    "confidence": ("how sure", "confident", "confidence", "how accurate", "can i trust", "margin", "uncertainty",
                   "sensitivity", "sensitive", "how certain", "evidence", "where does this number come from",
                   "where do the numbers come from", "provenance", "source of"),
    "scenario": ("what did you understand", "goal", "scenario", "interpretation", "industry", "actors",
                 "how did you read", "understood", "requirement", "deadline", "what is this about", "steps"),
    "compliance": ("compliance", "gdpr", "privacy", "regulation", "legal", "security", "personal data", "hipaa",
                   "audit", "sensitive data"),
    "decision": ("decision", "decide", "chosen", "choose", "winner", "final", "recommendation of the team",
                 "agreed", "consensus"),
    "votes": ("vote", "ballot", "dissent", "disagree", "against", "majority", "quorum", "abstain"),
    "objections": ("objection", "concern", "counterargument", "criticism", "argument against", "worry"),
    "options": ("option", "candidate", "proposal", "scored", "score", "ranking", "criteria"),
    "actions": ("action", "owner", "todo", "to do", "next step", "plan", "estimate", "who will"),
    "perform": (
        "delete", "send an email", "email", "call my", "book", "buy", "cancel the simulation", "deploy",
        "run the simulation", "start a simulation", "weather", "translate", "joke", "poem", "search the web",
        "write code", "order me",
    ),
}  # fmt: skip
"""Topic → phrases, matched by stem, so inflections need no entry of their own."""

OF_CONVERSATION = ("decision", "votes", "objections", "options", "actions")
"""Topics that only the record of a conversation answers."""

_WEAK = {"overview": 1, "help": 2, "greeting": 3, "thanks": 3}
"""Asked in passing (`hi, what does it cost?`): any other topic found in the question wins over these."""

_MERE_REFERENCE = re.compile(
    r"\b(?:it|he|she|they|them|its|their|his|her|that one|this one|that agent|this agent|that tool|that failure)\b"
    r"(?!\s(?:again|into|once))|^(?:and|why|how so|what about)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A thing of the record that a question names. `kind` is `agent`, `tool` or `mode`; `ref` its id."""

    kind: str
    ref: str
    weight: float


@lru_cache(maxsize=1)
def _index() -> PhraseIndex:
    return PhraseIndex(TOPICS)


def topics_in(question: str, *, without: Iterable[str] = ()) -> tuple[str, ...]:
    """Topics found, the best-supported first; `without` are topics that cannot be meant."""
    weights: dict[str, float] = {}
    for match in _index().find(stems(question), words(question)):
        length = match.last - match.first + 1
        weights[match.key] = weights.get(match.key, 0.0) + length**1.5
    excluded = set(without)
    order = {topic: place for place, topic in enumerate(TOPICS)}
    found = [topic for topic in weights if topic not in excluded]
    return tuple(sorted(found, key=lambda t: (_WEAK.get(t, 0), -weights[t], order[t])))


def refers_back(question: str) -> bool:
    """Whether the question leans on what was said before (`and why?`, `what does it cost?`)."""
    return bool(_MERE_REFERENCE.search(question.strip()))


def named_in(question: str, names: Sequence[tuple[str, str, str]]) -> tuple[Named, ...]:
    """The things of `names` (kind, ref, name as written) that the question names, best first.

    All words of a name count fully; of a longer name, its most telling word alone is enough, and counts less.
    """
    asked = stems(question)
    known = set(asked)
    shares: dict[str, int] = {}
    for _, _, name in names:
        for stem in set(stems(name)):
            shares[stem] = shares.get(stem, 0) + 1
    found = []
    for kind, ref, name in names:
        telling = [stem for stem in stems(name.replace("_", " ")) if stem not in _EMPTY]
        hit = [word for word in telling if word in known]
        if not telling or not hit:
            continue
        if len(hit) == len(telling):
            found.append(Named(kind, ref, 1.0 + len(telling)))
        elif kind != "mode" and any(
            shares.get(word, 1) == 1 and len(word) > 3 and word not in _GENERIC for word in hit
        ):
            found.append(Named(kind, ref, len(hit) / len(telling)))
    return tuple(sorted(found, key=lambda n: (-n.weight, n.kind, n.ref)))


_EMPTY = frozenset(
    stems("agent assistant tool of the a an and for to in on manager task system human")
)
_GENERIC = frozenset(
    stems("check look send read write get issue search list find make run up by with no error data")
)
"""Words that many names begin with: alone they name nothing."""
