"""Professions and functions: which words of a duty call for whom. The tables stand in `data`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from common.wording import PhraseIndex, stems, words

_MULTIWORD = 1.6
_VERB_FITS, _VERB_DIFFERS = 1.0, -0.8
_IN_OBJECT = 1.4
_NO_DOMAIN = frozenset(
    stems("find pick list open cut two three buy drawn why local pro approval track")
)
"""Heads of cues that are verbs or say nothing in front of a title."""


@dataclass(frozen=True, slots=True)
class Occupation:
    """A profession: the verbs it carries out (its purpose first), its duty, the capabilities the duty always needs."""

    title: str
    verbs: tuple[str, ...]
    duty: str
    capabilities: tuple[str, ...]
    takes_domain: bool = False
    """The title wants the thing worked on in front ("Refund Policy Analyst")."""


@dataclass(frozen=True, slots=True)
class Function:
    """What a canonical verb is good for when no profession fits: its stage in the work and a title noun."""

    verb: str
    stage: str
    noun: str
    duty: str
    capabilities: tuple[str, ...]


def rows(name: str) -> list[list[str]]:
    """The cells of a table in `data`, line by line."""
    text = files("planner.rules").joinpath("data", name).read_text(encoding="utf-8")
    return [
        [cell.strip() for cell in line.split("|")]
        for line in text.splitlines()
        if line.strip() and not line.startswith("#")
    ]


def _names(cell: str) -> tuple[str, ...]:
    return tuple(cell.replace(",", " ").split())


@lru_cache(maxsize=1)
def occupations() -> Mapping[str, Occupation]:
    """All professions by title."""
    found = {}
    for title, verbs, _, duty, *rest in rows("occupations.txt"):
        name = title.removeprefix("* ")
        held = _names(rest[0] if rest else "")
        found[name] = Occupation(name, tuple(verbs.split()), duty, held, title != name)
    return found


@lru_cache(maxsize=1)
def functions() -> Mapping[str, Function]:
    """All functions by canonical verb."""
    return {
        row[0]: Function(row[0], row[1], row[2], row[3], _names(row[4] if len(row) > 4 else ""))
        for row in rows("functions.txt")
    }


@lru_cache(maxsize=1)
def _index() -> tuple[PhraseIndex, dict[str, float]]:
    """The cues, and the weight of each: less when many professions share it, more when it is several words."""
    cues = {
        row[0].removeprefix("* "): [cue.strip() for cue in row[2].split(";") if cue.strip()]
        for row in rows("occupations.txt")
    }
    shared = Counter(" ".join(stems(cue)) for phrases in cues.values() for cue in phrases)
    weights = {
        cue: (_MULTIWORD if " " in cue else 1.0) / shared[" ".join(stems(cue))] ** 0.35
        for phrases in cues.values()
        for cue in phrases
    }
    return PhraseIndex(cues), weights


def fitting(text: str, verb: str, focus: str = "") -> dict[str, float]:
    """How well each profession named by the words of `text` fits a duty with this canonical verb.

    `focus` is the object of the verb: its words count more. Professions without a cue in the text are left out.
    """
    index, weights = _index()
    stemmed = stems(text)
    focused = set(stems(focus))
    scores: dict[str, float] = {}
    seen: set[tuple[str, str]] = set()
    for match in index.find(stemmed, words(text)):
        if (match.key, match.phrase) in seen:
            continue
        seen.add((match.key, match.phrase))
        boost = _IN_OBJECT if focused & set(stemmed[match.first : match.last + 1]) else 1.0
        scores[match.key] = scores.get(match.key, 0.0) + boost * weights[match.phrase]
    table = occupations()
    return {
        title: score + (_VERB_FITS if verb in table[title].verbs else _VERB_DIFFERS)
        for title, score in scores.items()
    }


@lru_cache(maxsize=1)
def domain_words() -> frozenset[str]:
    """Stems of the words that name a domain in the table: single cues and the heads of longer ones."""
    cues = (cue.strip() for row in rows("occupations.txt") for cue in row[2].split(";"))
    heads = {stems(cue)[-1] for cue in cues if stems(cue)}
    return frozenset(heads) - {word for verb in functions() for word in stems(verb)} - _NO_DOMAIN
