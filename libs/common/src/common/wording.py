"""Words of an English text with their places, their stems, and phrases found among them.

A stem is a key that the inflections of one word share, not a dictionary form: lexicon and text go through the same
function, so only consistency matters (`write`, `writes`, `writing`, `written` → `writ`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z\u00c0-\u024f0-9]+(?:['\u2019&/][A-Za-z]+)*|[$\u20ac\u00a3%]")

_IRREGULAR = {
    "wrote": "writ", "written": "writ", "found": "find", "sent": "send", "told": "tell",
    "paid": "pay", "made": "mak", "built": "build", "chosen": "choos", "chose": "choos",
    "drawn": "draw", "drew": "draw", "given": "giv", "gave": "giv", "taken": "tak",
    "took": "tak", "kept": "keep", "held": "hold", "bought": "buy", "sold": "sell",
    "met": "meet", "brought": "bring", "spoken": "speak", "seen": "see", "saw": "see",
    "done": "do", "did": "do", "does": "do", "gone": "go", "went": "go", "got": "get",
    "led": "lead", "shown": "show", "known": "know", "knew": "know", "understood": "understand",
    "ran": "run", "broken": "break", "broke": "break", "sought": "seek", "caught": "catch",
    "people": "person", "persons": "person", "children": "child", "criteria": "criterion",
    "has": "hav", "had": "hav", "is": "be", "are": "be", "was": "be", "were": "be", "been": "be",
    "being": "be", "analysis": "analyz", "analyses": "analyz", "analysed": "analyz",
    "analysing": "analyz", "analyst": "analyst", "news": "news", "sms": "sms", "gps": "gps",
    "series": "series", "species": "species", "always": "always", "perhaps": "perhaps",
    "during": "during", "nothing": "nothing", "something": "something", "anything": "anything",
    "everything": "everything", "evening": "evening", "morning": "morning", "programme": "program",
    "cheque": "check", "diagnosis": "diagnos", "diagnoses": "diagnos", "e": "e", "less": "less",
    "thought": "think", "taught": "teach", "lost": "lose", "left": "leav",
    "rebuilt": "rebuild", "rewritten": "rewrit", "rewrote": "rewrit", "undone": "undo",
    "forecasted": "forecast", "redone": "redo", "sorted": "sort", "its": "its", "us": "us",
    "note": "note", "notes": "note", "noted": "note", "plane": "plane", "planes": "plane",
    "care": "care", "cares": "care", "theme": "theme", "themes": "theme", "here": "here",
    "rate": "rate", "rates": "rate", "rated": "rate", "rating": "rate", "ratings": "rate",
    "site": "site", "sites": "site", "fare": "fare", "fares": "fare", "tone": "tone",
    "wine": "wine", "wines": "wine", "used": "use", "using": "use", "uses": "use", "use": "use",
    "this": "this", "thus": "thus", "various": "various", "previous": "previous", "as": "as",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `text[start:end]` as written, and its stem."""

    start: int
    end: int
    word: str
    stem: str


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase found at tokens `first`…`last` (inclusive); `key` is what it stands for."""

    first: int
    last: int
    key: str
    phrase: str


def _strip_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def _strip_verb_ending(word: str) -> str:
    if word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and re.search("[aeiouy]", root):
            if word.endswith("eed"):
                return word
            if root[-1] == root[-2] and root[-1] not in "sz":
                return root[:-1]
            return root
    return word


_DIGIT = re.compile(r"\d")


def stem(word: str) -> str:
    """The key of a word's inflections; British and American spellings share it."""
    if word.isalpha() or not _DIGIT.search(word):
        return _cached_stem(word)
    # Case and article numbers hardly come twice: they would only fill the cache.
    return _stem(word)


def _stem(word: str) -> str:
    low = word.lower().replace("\u2019", "'").removesuffix("'s")
    if low in _IRREGULAR:
        return _IRREGULAR[low]
    low = _strip_verb_ending(_strip_plural(low))
    if low.endswith("e") and len(low) > 3:
        low = low[:-1]
    low = re.sub(r"(?<=[a-z]{3})is(?=(ation)?$)|(?<=[a-z]{3})ys$", lambda m: m[0][0] + "z", low)
    if len(low) > 4 and low.endswith("ll"):
        low = low[:-1]
    return low.replace("our", "or") if len(low) > 5 else low


_cached_stem = lru_cache(maxsize=8_192)(_stem)


def tokenize(text: str) -> list[Token]:
    """The words of a text in order; punctuation is left to the gaps between them."""
    return [
        Token(found.start(), found.end(), found[0], stem(found[0]))
        for found in _WORD.finditer(text)
    ]


def stems(text: str) -> list[str]:
    """The stems of a text in order, repeats kept."""
    return [token.stem for token in tokenize(text)]


def words(text: str) -> list[str]:
    """The words of a text in order, in lower case."""
    return [token.word.lower() for token in tokenize(text)]


class PhraseIndex:
    """Finds the phrases of a lexicon in a list of stems.

    A phrase is words in order; `..` between two of them allows up to four words in the gap, and `=word` stands for
    that very form (`=readings` are not what somebody reads).
    """

    def __init__(self, lexicon: Mapping[str, Iterable[str]]) -> None:
        """`lexicon` maps what a phrase stands for to its phrases."""
        self._by_first: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
        self.words: set[str] = set()
        for key, phrases in lexicon.items():
            for phrase in phrases:
                self._add(key, phrase)

    def _add(self, key: str, phrase: str) -> None:
        parts = tuple(
            part if part == ".." or exact else stem(part)
            for chunk in phrase.split()
            for exact in [chunk.startswith("=")]
            for part in ([chunk.lower()] if exact or chunk == ".." else _WORD.findall(chunk))
        )
        if not parts:
            return
        self._by_first.setdefault(parts[0], []).append((parts, key, phrase))
        self.words.update(word.lower() for word in _WORD.findall(phrase))

    def find(
        self, stemmed: Sequence[str], words: Sequence[str], pieces: Sequence[int] = ()
    ) -> list[Match]:
        """All matches by position; of one key at one place only the longest.

        `words` are the same tokens in lower case as written; `pieces` says per token in which piece between two
        punctuation marks it stands, and a phrase without a gap stays within one.
        """
        forms = [f"={word}" for word in words]
        best: dict[tuple[int, str], Match] = {}
        for first, pair in enumerate(zip(stemmed, forms, strict=True)):
            for parts, key, phrase in (
                *self._by_first.get(pair[0], ()),
                *self._by_first.get(pair[1], ()),
            ):
                last = _match(stemmed, forms, first, parts)
                if (
                    last is not None
                    and pieces
                    and ".." not in parts
                    and pieces[first] != pieces[last]
                ):
                    continue
                known = best.get((first, key))
                if last is not None and (known is None or known.last < last):
                    best[first, key] = Match(first, last, key, phrase)
        return sorted(best.values(), key=lambda match: (match.first, -match.last, match.key))


def _match(
    stemmed: Sequence[str], forms: Sequence[str], first: int, parts: Sequence[str]
) -> int | None:
    """The last token of `parts` matched from `first`, or None."""
    place = first
    gap = 0
    for part in parts[1:]:
        if part == "..":
            gap = 4
            continue
        window = range(place + 1, min(place + 2 + gap, len(stemmed)))
        hit = next((i for i in window if part in (stemmed[i], forms[i])), None)
        if hit is None:
            return None
        place, gap = hit, 0
    return place
