"""The scenario cut into sentences, fragments and words that all know where they stand in it."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from common.contracts.values import Evidence
from common.wording import Match, PhraseIndex, Token, tokenize
from interpreter.rules.lexicon import tables

_SENTENCE_END = re.compile(r"[.!?]+(?=[\s\"')\]]|$)|\n+|;|\u2022")
_ABBREVIATIONS = frozenset(
    {"e.g", "i.e", "etc", "approx", "no", "vs", "dr", "mr", "mrs", "ms", "incl", "ca", "max", "min"}
)
_FRAGMENT_END = re.compile(
    r",(?!\d)|:|->|=>|\u2192|\u2014|\u2013| - |\(|\)|"
    r"\b(?:and|or|but|then|after that|afterwards|finally|while|so that|before|which|who|that is)\b",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(r"^\s*(?:[-*\u2022\u2013]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+")
_SHORTEST_CORRECTED = 6
_LONG_WORD = 10
_SHORT_NOUNS = frozenset({"cv", "pr", "hr", "it", "ui", "qa", "ad", "pm"})


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text and the tokens `first`…`last - 1` in it."""

    start: int
    end: int
    first: int
    last: int
    sentence: int = 0


@dataclass(frozen=True)
class Scan:
    """A text with its words; typing errors are mended in the stems, never in the text."""

    text: str

    @cached_property
    def tokens(self) -> list[Token]:
        return tokenize(self.text)

    @cached_property
    def stems(self) -> list[str]:
        """One stem per token; words close to a word of the lexicon take its stem."""
        known = tables.known_stems()
        return [
            corrected(token.word.lower(), token.stem)
            if token.stem not in known and token.word.isalpha()
            else token.stem
            for token in self.tokens
        ]

    @cached_property
    def lower(self) -> list[str]:
        """The words as written, in lower case."""
        return [token.word.lower() for token in self.tokens]

    @cached_property
    def sentences(self) -> list[Span]:
        """Sentences and list items in order; blank ones are left out."""
        return [
            span
            for number, (start, end) in enumerate(_sentence_bounds(self.text))
            if (span := self.span(start, end, number)).last > span.first
        ]

    def fragments(self, sentence: Span, also: Sequence[int] = ()) -> list[Span]:
        """The sentence cut at commas, conjunctions and the places `also`; together they cover its words."""
        cuts = [sentence.start, *(place for place in also if sentence.start < place < sentence.end)]
        piece = self.text[sentence.start : sentence.end]
        for found in _FRAGMENT_END.finditer(piece):
            is_word = found[0].strip().isalpha() or " " in found[0].strip()
            cuts.append(sentence.start + (found.start() if is_word else found.end()))
        cuts = sorted({*cuts, sentence.end})
        spans = (self.span(start, end, sentence.sentence) for start, end in pairwise(cuts))
        return [span for span in spans if span.last > span.first]

    def span(self, start: int, end: int, sentence: int = 0) -> Span:
        """The tokens that begin in text[start:end]."""
        first = bisect_left(self._starts, start)
        return Span(start, end, first, bisect_left(self._starts, end), sentence)

    @cached_property
    def _starts(self) -> list[int]:
        return [token.start for token in self.tokens]

    def find(self, index: PhraseIndex) -> list[Match]:
        """The phrases of a lexicon in the whole text; a phrase never crosses a sentence end."""
        sentence_of = self.sentence_of
        return [
            match
            for match in index.find(self.stems, self.lower, self.pieces)
            if sentence_of[match.first] == sentence_of[match.last]
        ]

    @cached_property
    def pieces(self) -> list[int]:
        """Per token the number of the piece between two punctuation marks that it stands in."""
        numbers: list[int] = []
        number, end = 0, 0
        for token in self.tokens:
            number += any(mark in self.text[end : token.start] for mark in ",;:.!?()\n")
            numbers.append(number)
            end = token.end
        return numbers

    @cached_property
    def sentence_of(self) -> list[int]:
        """Per token the number of its sentence."""
        numbers = [0] * len(self.tokens)
        for span in self.sentences:
            numbers[span.first : span.last] = [span.sentence] * (span.last - span.first)
        return numbers

    def is_content(self, place: int) -> bool:
        """Whether the token says something by itself: no function word, number or initial."""
        if not 0 <= place < len(self.lower):
            return False
        word = self.lower[place]
        if word in _SHORT_NOUNS:
            return True
        is_word = len(word) > 2 and word.isascii() and not word.isdigit()
        return is_word and word not in tables.words("function")

    def evidence(self, start: int, end: int) -> Evidence:
        """text[start:end] without the blanks and commas around it."""
        piece = self.text[start:end]
        left = len(piece) - len(piece.lstrip(" \t\r\n,;:.-\u2013\u2014\u2022*()"))
        right = len(piece.rstrip(" \t\r\n,;:-\u2013\u2014("))
        if right <= left:
            left, right = 0, len(piece)
        return Evidence(text=piece[left:right], start=start + left, end=start + right)

    def exact(self, start: int, end: int) -> Evidence:
        """text[start:end] as it is."""
        return Evidence(text=self.text[start:end], start=start, end=end)

    def evidence_of(self, match: Match) -> Evidence:
        return self.words(match.first, match.last + 1)

    def words(self, first: int, last: int) -> Evidence:
        """The tokens `first`…`last - 1` as written."""
        start, end = self.tokens[first].start, self.tokens[last - 1].end
        return Evidence(text=self.text[start:end], start=start, end=end)


def _sentence_bounds(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for found in _SENTENCE_END.finditer(text):
        words_before = text[begin : found.start()].rsplit(None, 1)
        before = words_before[-1].lower() if words_before else ""
        if found[0] == "." and (
            before.strip("(") in _ABBREVIATIONS or _is_list_number(text, begin, found.start())
        ):
            continue
        yield from _without_mark(text, begin, found.end())
        begin = found.end()
    if begin < len(text):
        yield from _without_mark(text, begin, len(text))


def _is_list_number(text: str, begin: int, end: int) -> bool:
    return text[begin:end].strip().isdigit() and len(text[begin:end].strip()) <= 2


def _without_mark(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    mark = _LIST_MARK.match(text[start:end])
    yield (start + mark.end() if mark else start), end


@lru_cache(maxsize=4_096)
def corrected(word: str, key: str) -> str:
    """The stem of the one lexicon word that a typing error away is, else the word's own."""
    if len(word) < _SHORTEST_CORRECTED:
        return key
    limit = 2 if len(word) >= _LONG_WORD else 1
    best: tuple[int, str, str] | None = None
    for size in range(len(word) - limit, len(word) + limit + 1):
        for known, known_stem in tables.words_by_shape().get((word[0], size), ()):
            distance = OSA.distance(word, known, score_cutoff=limit)
            if distance <= limit and (best is None or (distance, known) < best[:2]):
                best = (distance, known, known_stem)
    return best[2] if best else key
