"""Skills of an agent: short verb-object phrases from its steps and duties."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from common.contracts.network import AgentSpec
from common.contracts.scenario import Step
from mapper.rules.data import table
from mapper.rules.wording import stem, stems

MAX_SKILLS = 6
_MAX_WORDS = 4  # verb, and an object of at most three words
_SPLIT = re.compile(r"[.;:()]|,|\bthen\b|\band\b", re.IGNORECASE)
_WORD = re.compile(r"[\w'’-]+", re.UNICODE)


def skills(agent: AgentSpec, steps: Sequence[Step] = ()) -> tuple[str, ...]:
    """At most six phrases such as "check order history"; steps first, then responsibilities, without repeats."""
    named = [_of_step(step) for step in steps]
    said = [skill for text in agent.responsibilities for skill in _of_duty(text)]
    known: dict[tuple[str, ...], str] = {}
    for skill in (*named, *said):
        if skill:
            known.setdefault(stems(skill.replace("-", " ")), skill)
    kept = [skill for words, skill in known.items() if not _contained(words, known)]
    return tuple(kept[:MAX_SKILLS])


def _of_step(step: Step) -> str:
    """A step whose object is a verb was read from a terse text ("deploy propose") and names no skill."""
    is_terse = step.object in _verbs().values() and step.object not in table("wording")["ambiguous"]
    return "" if is_terse else _short(f"{step.verb} {step.object}".strip() or step.name)


def _of_duty(text: str) -> list[str]:
    """The skills of one duty; none when it does not begin with a verb.

    In "looks up orders, order history" the second part goes on with objects.
    """
    parts = [part.strip() for part in _SPLIT.split(text) if part.strip()]
    if not parts or stem(parts[0].split()[0].lower()) not in _verbs():
        return []
    is_third_person = parts[0].split()[0].endswith("s")
    return [_short(part) for part in parts if not is_third_person or part.split()[0].endswith("s")]


def _short(text: str) -> str:
    """The verb in its base form and its object: words up to the first preposition, articles left out.

    Empty when the text does not begin with a verb we know ("the likely cause diagnosed" is no skill).
    """
    stops, skipped = table("wording")["phrase_ends"], table("wording")["fillers"]
    kept: list[str] = []
    for word in (found.lower() for found in _WORD.findall(text)):
        if word in stops and kept:
            break
        if word not in skipped and word not in stops:
            kept.append(word)
    verb = _verbs().get(stem(kept[0])) if len(kept) > 1 else None
    return " ".join((verb, *kept[1:_MAX_WORDS])) if verb else ""


@cache
def _verbs() -> dict[str, str]:
    """Every verb of the word lists by its stem."""
    models, wording = table("models"), table("wording")
    lists = [models[name]["verbs"] for name in ("small", "medium", "large", "reasoning")]
    lists += [*wording["acting"].values(), wording["hedges"], wording["skill_verbs"]]
    return {stem(verb): verb for verbs in reversed(lists) for verb in verbs}


def _contained(words: tuple[str, ...], others: Iterable[tuple[str, ...]]) -> bool:
    """Whether a longer skill begins with this one ("check order" beside "check order history")."""
    return any(other != words and other[: len(words)] == words for other in others)
