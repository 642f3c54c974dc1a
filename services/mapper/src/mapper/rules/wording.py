"""Words of a duty: clauses, stems, and what they ask for. Pure; the word lists are data."""

import re
from collections.abc import Iterable
from functools import cache

from mapper.rules.data import table

_WORD = re.compile(r"[a-z][a-z'-]*")
_CLAUSE = re.compile(r"[.;:,()]|\band\b|\bor\b|\bthen\b|\bbut\b", re.IGNORECASE)
_WINDOW = (
    6  # words a cue may span: "issue the agreed partial refund" is one cue, a whole sentence is not
)

_NOUN = "°"  # marks a word that is used as a noun; no word of a text contains it


@cache
def stem(word: str) -> str:
    """A crude common form of an English word, enough to match duties with cues ("scheduling", "schedule").

    Source: the idea of Porter (1980), reduced to the endings that verbs and plurals take.
    """
    word = _words("irregular").get(word, word)
    for ending, rest in (
        ("ies", "y"),
        ("ied", "y"),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return _tidy(word[: -len(ending)] + rest)
    return _tidy(word)


def _tidy(word: str) -> str:
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiosl":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def stems(text: str) -> tuple[str, ...]:
    """The stems of the words of a text, in order."""
    return tuple(stem(word) for word in _WORD.findall(text.lower()))


def clauses(texts: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The clauses of the texts as stems, cut where a negation begins ("without sending it" asks for nothing).

    A word that is used as a noun carries a mark, so that it cannot be the verb of a cue ("the refund issue").
    """
    negations = _stemmed("negations")
    found = []
    for text in texts:
        for clause in _CLAUSE.split(text):
            raw = _WORD.findall(clause.lower())
            words = tuple(_marked(raw, n) for n in range(len(raw)))
            cut = next((n for n, word in enumerate(words) if word in negations), len(words))
            if words[:cut]:
                found.append(words[:cut])
    return tuple(found)


def _marked(raw: list[str], n: int) -> str:
    word = stem(raw[n])
    is_plain = not raw[n].endswith(("ed", "ing")) and raw[n] not in _words("irregular")
    is_led = n == 0 or raw[n - 1] in table("wording")["leads"]
    is_noun = is_plain and not is_led and word in _stemmed("ambiguous")
    return word + _NOUN if is_noun else word


def plain(clause: Iterable[str]) -> tuple[str, ...]:
    """The clause without the marks of its nouns."""
    return tuple(word.removesuffix(_NOUN) for word in clause)


def asks_for(clause: tuple[str, ...], cue: str) -> bool:
    """Whether the words of `cue` stand close together in the clause, in any order; its first word as a verb."""
    verb, *others = stems(cue)
    starts = range(max(1, len(clause) - _WINDOW + 1))
    windows = (clause[n : n + _WINDOW] for n in starts)
    return any(verb in window and set(others) <= set(plain(window)) for window in windows)


def hedged(clause: tuple[str, ...], words: Iterable[str]) -> bool:
    """Whether a hedge ("recommend", "check") stands before the first of `words` in the clause."""
    hedges, wanted, said = _stemmed("hedges"), set(words), plain(clause)
    first = next((n for n, word in enumerate(said) if word in wanted), len(said))
    return any(word in hedges and word not in wanted for word in clause[:first])


def reads(clause: tuple[str, ...]) -> bool:
    """Whether the clause begins with a verb that only looks or advises."""
    return bool(clause) and clause[0] in _stemmed("hedges")


def acts(clause: tuple[str, ...], effect: str) -> bool:
    """Whether the clause's leading verb is one that writes or acts for good."""
    return bool(clause) and clause[0] in {stem(word) for word in table("wording")["acting"][effect]}


@cache
def _words(name: str) -> dict[str, str]:
    words: dict[str, str] = table("wording")[name]
    return words


@cache
def _stemmed(name: str) -> frozenset[str]:
    return frozenset(stem(word) for word in table("wording")[name])
