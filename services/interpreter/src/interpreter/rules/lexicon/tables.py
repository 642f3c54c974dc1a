"""The lexicon as indexes, read from `data` once when first asked for.

A line of data is `key = phrase; phrase; …`, goes on while lines are indented, and a phrase may carry a weight.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from common.wording import PhraseIndex, stem


@lru_cache(maxsize=32)
def table(name: str) -> Mapping[str, tuple[str, ...]]:
    """The phrases of a data file by key."""
    text = files("interpreter.rules.lexicon").joinpath("data", f"{name}.txt").read_text("utf-8")
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and lines:
            lines[-1] += " " + line.strip()
        elif line.strip() and not line.startswith("#"):
            lines.append(line.strip())
    rows = (line.partition(" = ") for line in lines)
    return {
        key.strip(): tuple(part.strip() for part in values.split(";") if part.strip())
        for key, _, values in rows
    }


@lru_cache(maxsize=8)
def weights(name: str) -> Mapping[str, Mapping[str, float]]:
    """The phrases of a data file by key, each with its weight 0…1."""
    return {
        key: {phrase: float(weight) for phrase, _, weight in (p.rpartition(" ") for p in phrases)}
        for key, phrases in table(name).items()
    }


@lru_cache(maxsize=8)
def words(use: str) -> frozenset[str]:
    """Single words by use."""
    return frozenset(table("words")[use])


@lru_cache(maxsize=8)
def word_stems(use: str) -> frozenset[str]:
    """The stems of single words by use."""
    return frozenset(map(stem, table("words")[use]))


@lru_cache(maxsize=1)
def actions() -> PhraseIndex:
    return PhraseIndex(
        {key: (key.replace("_", " "), *phrases) for key, phrases in table("actions").items()}
    )


@lru_cache(maxsize=16)
def index(name: str) -> PhraseIndex:
    """The phrases of a data file, ready to be found."""
    return PhraseIndex(table(name))


@lru_cache(maxsize=1)
def actor_kinds() -> Mapping[str, str]:
    """The kind of each actor by name; in the data it stands in brackets."""
    return {
        name: kind.rstrip(")") for name, _, kind in (key.partition(" (") for key in table("actors"))
    }


@lru_cache(maxsize=1)
def actors() -> PhraseIndex:
    return PhraseIndex(
        {key.partition(" (")[0]: phrases for key, phrases in table("actors").items()}
    )


@lru_cache(maxsize=1)
def systems() -> PhraseIndex:
    """Kinds of systems, and products by name (short names that are also words are left to the exact search)."""
    named = {name: (name,) for name in table("products") if len(name) > 3 and name != "Teams"}
    return PhraseIndex(named | dict(table("systems")))


@lru_cache(maxsize=1)
def coordination() -> PhraseIndex:
    """Coordination signals; the key is `signal|phrase`, so that the weight can be looked up."""
    return PhraseIndex(
        {f"{name}|{cue}": (cue,) for name, cues in weights("signals").items() for cue in cues}
    )


@lru_cache(maxsize=1)
def people() -> PhraseIndex:
    """Words of a person in the loop; the key is the phrase."""
    return PhraseIndex({cue: (cue,) for cue in weights("people")["human"]})


@lru_cache(maxsize=8)
def phrase_list(name: str) -> PhraseIndex:
    """One of the short lists: approval, trigger, constraint, injection."""
    return PhraseIndex({name: table("phrases")[name]})


@lru_cache(maxsize=1)
def vague() -> PhraseIndex:
    return PhraseIndex({cue: (cue,) for cue in table("vague")})


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    names = ("capabilities", "industries", "systems", "entities", "compliance", "risks")
    indexes = (actions(), actors(), coordination(), people(), *(index(name) for name in names))
    return frozenset(word for known in indexes for word in known.words if word.isalpha())


@lru_cache(maxsize=1)
def known_stems() -> frozenset[str]:
    """Stems of all words that need no mending: the lexicon's and common English."""
    return frozenset(map(stem, _vocabulary() | words("function") | words("common")))


@lru_cache(maxsize=1)
def words_by_shape() -> Mapping[tuple[str, int], tuple[tuple[str, str], ...]]:
    """Lexicon words with their stems by first letter and length, for the mending of typing errors."""
    shapes: dict[tuple[str, int], list[tuple[str, str]]] = defaultdict(list)
    for word in sorted(_vocabulary()):
        shapes[word[0], len(word)].append((word, stem(word)))
    return {shape: tuple(words) for shape, words in shapes.items()}
