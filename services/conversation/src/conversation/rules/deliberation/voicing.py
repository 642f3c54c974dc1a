"""A message in a persona's own words: what may not change stands as a mark, and what comes back is checked."""

import re
from dataclasses import dataclass

from common.contracts.conversations import Persona, Said
from common.llm import marks
from common.wording import stems
from conversation.rules.deliberation.turn import Turn

_FIXED = re.compile(
    r"(?:\b[A-H],? )?“[^”]*”|\boption [A-H]\b|(?:\b[A-H] )?[$€£]?\d+(?:[.,]\d+)*(?:\s?%)?",
    re.IGNORECASE,
)
"""Names of options, quotations, letters of options with their figures, figures."""
_VOTE = re.compile(r"^(?:My vote is for .+?”|I abstain)(?=:)", re.DOTALL)
_DECIDED = re.compile(r"^Decided .+?\)\.", re.DOTALL)
_MARK = re.compile(r"\[(\d+)\]")
_HALF_MARK = re.compile(r"\[\d*$")
_QUOTED = re.compile(r"[“\"]([^“”\"]+)[”\"]")
_MARKUP = re.compile(r"[{}<>]|```|^#", re.MULTILINE)
_SHARED, _LONG_STEM = 0.12, 4
"""Part of a message's long words that must come back: less, and something else is being said."""

ACTS = {
    "frame": "opens the meeting and says what is to be settled",
    "gaps": "names what the problem leaves open and what is assumed",
    "propose": "puts an option on the table",
    "assess": "goes through the options by this member's own criteria",
    "ask": "asks the user a question",
    "ask_about": "asks the user for facts about one option",
    "summarise": "sums up where the team stands",
    "reply": "answers what the user said",
    "object": "objects to an option and asks for an answer",
    "answer": "answers an objection",
    "call_ballot": "opens a ballot and says its rules",
    "vote": "gives the reason for a vote that is cast",
    "compromise": "puts a compromise on the table after a ballot without a winner",
    "decide": "states the decision and what follows from it",
}


@dataclass(frozen=True, slots=True)
class Script:
    """What a model is to say: the message with marks, and what each mark stands for."""

    source: str
    fixed: tuple[str, ...]

    def problems(self, told: str) -> tuple[str, ...]:
        """What is wrong with a telling; empty if it says the same and nothing of its own."""
        found = list(marks.wrong(self.source, told))
        bare, source = _MARK.sub("", told), _MARK.sub("", self.source)
        if _MARKUP.search(bare):
            found.append("plain sentences only")
        if any(quoted not in source for quoted in _QUOTED.findall(bare)):
            found.append("quotations of your own")
        if not found and not _is_about(source, bare):
            found.append("it says something else")
        return tuple(found)

    def filled(self, told: str) -> str:
        """The telling as it is shown, in one paragraph."""
        return " ".join(marks.filled(told, self.fixed)[0].split())

    def shown(self, so_far: str) -> str:
        """What can be shown of an unfinished telling: marks replaced, half a mark kept back; it only ever grows."""
        whole = _HALF_MARK.sub("", so_far)
        return _MARK.sub(self._known, whole.lstrip())

    def _known(self, mark: re.Match[str]) -> str:
        number = int(mark[1])
        return self.fixed[number - 1] if 1 <= number <= len(self.fixed) else ""


def script(said: Said, turn: Turn) -> Script | None:
    """The message as a script; null where its own text could be taken for marks."""
    text = said.content
    if _MARK.search(text):
        return None
    fixed = tuple(text[start:end] for start, end in _spans(text, said, turn))
    source = marks.marked(text, fixed)
    return Script(source, fixed) if source is not None else None


def _spans(text: str, said: Said, turn: Turn) -> list[tuple[int, int]]:
    """What must not change, in order: a question, a vote and a decision word by word, then figures and names."""
    first = _head(text, said, turn)
    rest = [found.span() for found in _FIXED.finditer(text)]
    kept = [at for at in rest if first is None or at[1] <= first[0] or at[0] >= first[1]]
    return sorted([*kept, *([first] if first else [])])


def _head(text: str, said: Said, turn: Turn) -> tuple[int, int] | None:
    if said.requires_user_response and turn.question is not None:
        start = text.find(turn.question.text)
        return (start, start + len(turn.question.text)) if start >= 0 else None
    found = _VOTE.search(text) if said.message_type == "vote" else _DECIDED.search(text)
    return found.span() if found else None


def _is_about(source: str, told: str) -> bool:
    wanted = {stem for stem in stems(source) if len(stem) >= _LONG_STEM}
    return len(wanted & set(stems(told))) >= _SHARED * len(wanted)


def voice(persona: Persona) -> str:
    """Who speaks, for a prompt."""
    lines = (
        f"{persona.name}, {persona.role}",
        f"Traits: {', '.join(persona.personality_traits)}" if persona.personality_traits else "",
        f"Knows about: {', '.join(persona.expertise_areas)}" if persona.expertise_areas else "",
        f"Style: {persona.communication_style}" if persona.communication_style else "",
        f"Form: {persona.response_format}" if persona.response_format else "",
        persona.system_prompt,
    )
    return "\n".join(line for line in lines if line)


def meanings(given: Script) -> tuple[str, ...]:
    return tuple(f"[{number}] = {text}" for number, text in enumerate(given.fixed, 1)) or ("none",)
