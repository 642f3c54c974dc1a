"""Answers that need no record: what this system does, its words, and what the assistant cannot do."""

from functools import lru_cache

from common.wording import PhraseIndex, stems, words

GLOSSARY: dict[str, tuple[tuple[str, ...], str]] = {
    "sequential": (
        ("sequential", "pipeline pattern", "chain"),
        (
            "Sequential: each agent hands the task to the next. Simple to follow; latency is the sum "
            "of the steps and one weak step spoils the end."
        ),
    ),
    "parallel": (
        ("parallel", "fan out"),
        (
            "Parallel: independent agents work at once and a join "
            "collects them. Latency is that of the slowest branch; "
            "cost is the sum."
        ),
    ),
    "router": (
        ("router", "routing pattern"),
        (
            "Router: one agent reads the task and sends it to "
            "exactly one specialist. Cheap, and only as good "
            "as its classification."
        ),
    ),
    "supervisor": (
        ("supervisor",),
        (
            "Supervisor: one agent calls workers, judges and merges "
            "their answers. Flexible; the supervisor is the natural "
            "bottleneck and a single point of failure."
        ),
    ),
    "hierarchical": (
        ("hierarchical", "hierarchy"),
        (
            "Hierarchical: supervisors of supervisors, "
            "for work too wide for one of them. Each "
            "level adds a model call to the latency."
        ),
    ),
    "evaluator_loop": (
        ("evaluator loop", "evaluator", "critic loop", "review loop"),
        (
            "Evaluator loop: a verifier accepts work or sends it back, a bounded number of times. "
            "Buys quality with latency and tokens."
        ),
    ),
    "group_chat": (
        ("group chat",),
        (
            "Group chat: a moderator lets participants speak in rounds "
            "until they agree. Good for open questions, expensive, and "
            "it needs a stopping rule."
        ),
    ),
    "handoff": (
        ("handoff pattern", "hand off"),
        (
            "Handoff: the agent in charge passes the whole "
            "task on when another fits better, like a "
            "service desk."
        ),
    ),
    "blackboard": (
        ("blackboard",),
        (
            "Blackboard: agents read from and write to a shared memory "
            "and act when they can add something. Decoupled, and prone "
            "to conflicting writes."
        ),
    ),
    "seed": (
        ("random seed", "what is a seed", "seed mean"),
        (
            "Seed: the number the engine draws all its chance from. Same scenario, options and seed "
            "give the same figures, so a difference between two runs is due to what you changed."
        ),
    ),
    "bottleneck": (
        ("what is a bottleneck", "bottleneck mean"),
        (
            "Bottleneck: the agent, person, tool or provider that fills first. Near its limit queues "
            "grow much faster than load, so a few percent more tasks can double the waiting."
        ),
    ),
    "p95": (
        ("what is p95", "p95 mean", "what does p95"),
        (
            "p95: 95 of 100 tasks take at most this "
            "long. It shows the bad days that an "
            "average hides."
        ),
    ),
    "blast": (
        ("what is blast radius", "blast radius mean"),
        (
            "Blast radius: the share of tasks whose outcome a failure changed, compared with the "
            "same tasks without it."
        ),
    ),
    "revision": (
        ("what is a revision", "revision mean"),
        (
            "Revision: the network after an edit. "
            "Each one is rehearsed and stays in the "
            "record; an edit can be undone."
        ),
    ),
    "consensus": (
        ("what is consensus", "how do they vote", "ballot", "quorum"),
        (
            "Consensus: five agents score the options blind, each with a weight, and vote; a "
            "decision needs a quorum of present votes and a majority of the weight. Dissent is "
            "stored with its reason."
        ),
    ),
}

CAPABILITIES = (
    "I answer questions about your simulations and conversations from their record. Name one in "
    "`metadata.simulation_id` or `metadata.conversation_id` and ask about its bottleneck, latency, cost, success, "
    "failures and what helps, why the network looks as it does, what an agent or a tool does, where people decide, "
    "what was assumed, or what a change would do. Each figure names the event it came from."
)
START = (
    "To get a record: send a business scenario in plain words to `POST /simulate` (or `./simulator demo`), or a goal "
    "to `POST /api/conversations` to have five agents discuss it and decide."
)
CANNOT = (
    "I only read: I cannot start, change, cancel or delete anything, and I reach nothing outside this system "
    "(no mail, no web, no purchases)."
)
_INSTEAD = {
    "delete": "Deleting is `DELETE /simulations/{id}`.",
    "cancel": "Cancelling is `POST /simulations/{id}/cancel`.",
    "run": "Running is `POST /simulate`, or `POST /simulations/{id}/rerun` to repeat one.",
    "start": "Starting is `POST /simulate`, or `POST /api/conversations/{id}/start` for a conversation.",
    "deploy": "For code to build from, `GET /simulations/{id}/export?format=langgraph` (or crewai, openai-agents).",
}
NO_RECORD = "Your question is about a particular run, and no record was named."
NOT_FOUND = "The record says nothing about that."

_TERMS = {key: phrases for key, (phrases, _) in GLOSSARY.items()}


@lru_cache(maxsize=1)
def _index() -> PhraseIndex:
    return PhraseIndex(_TERMS)


def definition(question: str) -> str | None:
    """What a term of this system means, for a question that asks about one."""
    found = _index().find(stems(question), words(question))
    if not found:
        return None
    best = max(found, key=lambda match: (match.last - match.first, -match.first))
    return GLOSSARY[best.key][1]


def refusal(question: str) -> str:
    """What the assistant cannot do, and how the person can do it."""
    asked = stems(question)
    ways = [text for word, text in _INSTEAD.items() if stems(word)[0] in asked]
    return " ".join([CANNOT, *ways[:2]])


def looks_like_scenario(message: str) -> bool:
    """A long statement without a question: a scenario to rehearse rather than a question about one."""
    return len(message.split()) >= 25 and "?" not in message
