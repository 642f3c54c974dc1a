"""The last resort before "I do not know": the sentences of the record that share the question's telling words."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.wording import stems
from conversation.rules.assistant.record import PARTS, Part

MAX_TEXTS = 2_000
MIN_CHARS, MAX_CHARS = 12, 600
_EMPTY = frozenset(
    stems(
        "a an the of to in on at by for with from and or but not is are be do does did it its this that these "
        "those i you we they he she my your our what which who how when where why can could would should will "
        "there about me tell show give say please if then than as so any some all more most much many"
    )
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the record and where it stands."""

    part: Part
    keys: tuple[str | int, ...]
    text: str
    score: float


def passages(question: str, report: Mapping[str, Any], *, limit: int = 3) -> tuple[Passage, ...]:
    """The best passages; empty when nothing shares at least half of the question's telling words."""
    asked = {stem for stem in stems(question) if stem not in _EMPTY}
    texts = [
        (part, keys, text, set(stems(text)))
        for part in PARTS
        for keys, text in _texts(report.get(part), ())
    ][:MAX_TEXTS]
    if not asked or not texts:
        return ()
    weights = {stem: _rarity(stem, [known for *_, known in texts]) for stem in asked}
    total = sum(weights.values())
    found: dict[str, Passage] = {}
    for part, keys, text, known in texts:
        share = sum(weights[stem] for stem in asked & known) / total if total else 0.0
        if share >= 0.5 and (text not in found or found[text].score < share):
            found[text] = Passage(part, keys, text, share)
    return tuple(sorted(found.values(), key=lambda p: (-p.score, len(p.text), p.text))[:limit])


def _rarity(stem: str, texts: Sequence[set[str]]) -> float:
    """Inverse document frequency: a word in every text tells nothing, one in no text counts in full."""
    hits = sum(stem in known for known in texts)
    return math.log(1 + len(texts) / (1 + hits))


def _texts(value: Any, keys: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        if MIN_CHARS <= len(value) <= MAX_CHARS and " " in value:
            yield keys, value
    elif isinstance(value, Mapping):
        for key in value:
            if key not in {"spans", "logs", "metrics", "journey"}:
                yield from _texts(value[key], (*keys, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*keys, index))
