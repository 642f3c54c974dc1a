"""Five problems from five fields, decided without a model: `python tests/bench/conversation_gallery.py`.

Writes the transcripts to docs/conversations-gallery.md (below the marker; what stands above is written by hand) and
the decisions to docs/conversations/<name>.json.
"""

import json
from pathlib import Path

from common.contracts.conversations import QuestionAsked, UserInput
from conversation.rules.deliberation.state import State
from conversation.rules.deliberation.turn import Turn, opened, run_through

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "conversations-gallery.md"
MARKER = "<!-- transcripts: made by tests/bench/conversation_gallery.py -->"

PROBLEMS = {
    "hospital": (
        "Our emergency department has long waiting times: patients wait 4 hours on average in the evening and nurses "
        "are overworked. Find a way to cut the waiting time below 2 hours by June with a budget of $150,000 and "
        "without hiring more doctors."
    ),
    "software": (
        "Should we rewrite our legacy billing monolith from scratch, split it into microservices step by step, or buy "
        "an off-the-shelf billing system? We have 6 engineers, the monolith has weekly outages, and the vendor costs "
        "$80k a year. The rewrite would take 14 months."
    ),
    "choir": (
        "Our choir must decide whether to sing in the church, rent the town hall, or perform outdoors. The church is "
        "free but small, and the town hall costs 900 euros."
    ),
    "vineyard": (
        "How can our small vineyard sell more wine directly to customers instead of through wholesalers?"
    ),
    "school": (
        "Our secondary school must decide between banning phones, allowing phones only in breaks, and teaching with "
        "phones. Parents are divided and teachers fear conflicts."
    ),
}
ANSWERS = {
    "vineyard": ("At most 5,000 euros in the first year.", "Before the harvest, it is urgent."),
    "school": ("By the start of the school year.",),
}


def main() -> None:
    (DOCS / "conversations").mkdir(exist_ok=True)
    parts = [PAGE.read_text(encoding="utf-8").partition(MARKER)[0].rstrip(), "", MARKER, ""]
    for name, goal in PROBLEMS.items():
        state, turns = _run(name, goal)
        assert state.decision is not None
        decision = json.dumps(state.decision.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (DOCS / "conversations" / f"{name}.json").write_text(decision + "\n", encoding="utf-8")
        parts += _section(name, goal, state, turns)
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _run(name: str, goal: str) -> tuple[State, list[Turn]]:
    given = list(ANSWERS.get(name, ()))

    def answer(question: QuestionAsked) -> UserInput:
        if given:
            return UserInput(kind="answer", content=given.pop(0), question_id=question.id)
        return UserInput(kind="skipped", question_id=question.id)

    return run_through(opened(name, goal), answer)


def _section(name: str, goal: str, state: State, turns: list[Turn]) -> list[str]:
    lines = [
        f"## {name.capitalize()}",
        "",
        f"> {goal}",
        "",
        f"Decision: [conversations/{name}.json](conversations/{name}.json)",
        "",
    ]
    answers = list(ANSWERS.get(name, ()))
    phase = ""
    for turn in turns:
        for said in turn.said:
            if said.phase != phase:
                phase = said.phase
                lines += [f"### {phase.capitalize()}", ""]
            lines += [f"**{said.agent_name}**: {said.content}", ""]
        if turn.question is not None:
            lines += [f"**The user**: {answers.pop(0) if answers else '(no answer)'}", ""]
    if state.remedies:
        lines += [f"*Against standing still: {'; '.join(state.remedies)}.*", ""]
    return lines


if __name__ == "__main__":
    main()
