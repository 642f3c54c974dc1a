"""Skills of an agent: short verb-object phrases from its steps and duties."""

import re
from collections.abc import Sequence

from common.contracts.network import AgentSpec
from common.contracts.scenario import Step
from mapper.rules.data import table

MAX_SKILLS = 6
_MAX_WORDS = 4  # verb, and an object of at most three words
_SPLIT = re.compile(r"[.;:()]|,|\band then\b|\bthen\b", re.IGNORECASE)
_WORD = re.compile(r"[\w'’-]+", re.UNICODE)


def skills(agent: AgentSpec, steps: Sequence[Step] = ()) -> tuple[str, ...]:
    """At most six phrases such as "check order history"; steps first, then responsibilities, without repeats."""
    named = [_short(f"{step.verb} {step.object}".strip() or step.name) for step in steps]
    said = [_short(part) for text in agent.responsibilities for part in _SPLIT.split(text)]
    known = dict.fromkeys(skill for skill in (*named, *said) if skill)
    return tuple(skill for skill in known if not _contained(skill, known))[:MAX_SKILLS]


def _short(text: str) -> str:
    """The first verb and its object: words up to the first preposition, articles left out."""
    stops, skipped = table("wording")["phrase_ends"], table("wording")["fillers"]
    kept: list[str] = []
    for word in (found.lower() for found in _WORD.findall(text)):
        if word in stops and kept:
            break
        if word not in skipped and word not in stops:
            kept.append(word)
    return " ".join(kept[:_MAX_WORDS]) if len(kept) > 1 else ""


def _contained(skill: str, others: dict[str, None]) -> bool:
    """Whether a longer skill begins with this one ("check order" beside "check order history")."""
    return any(other != skill and other.startswith(f"{skill} ") for other in others)
