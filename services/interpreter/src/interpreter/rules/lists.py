"""Enumerations of viewpoints, topics or kinds of cases: each item is work for somebody of its own."""

import re
from collections.abc import Sequence
from itertools import pairwise

from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan, Span

_FEWEST, _MOST = 2, 9
_HANGING = frozenset({"each", "with", "which", "who", "both", "all", "including"})
_FEWEST_THINGS, _LONGEST_THING_WORDS = 3, 5
_LONGEST_ITEM_WORDS = 22
_ITEM_END = re.compile(
    r"[,;](?!\d)\s*(?:and |or )?|\s+(?:and|or)\s+(?=(?:an?|the|one|for|another)\b)", re.IGNORECASE
)
_BRACKETS = re.compile(r"\([^()]{0,200}\)")
_LAST_OR = re.compile(r"\s+(?:and|or)\s+", re.IGNORECASE)


def items(scan: Scan, sentence: Span) -> tuple[Span, list[Span]] | None:
    """What stands before the colon and the items after it, when the words before speak of views, topics or kinds."""
    text = _masked(scan.text[sentence.start : sentence.end])
    head_text, colon, rest = text.partition(":")
    if not colon:
        return None
    head = scan.span(sentence.start, sentence.start + len(head_text), sentence.sentence)
    found = _cut(scan, sentence.start + len(head_text) + 1, rest.partition(";")[0], sentence)
    names_views = bool(set(scan.stems[head.first : head.last]) & tables.word_stems("views"))
    if not names_views and not _are_things(scan, found):
        return None
    if not _FEWEST <= len(found) <= _MOST:
        return None
    return head, found


def _masked(text: str) -> str:
    """The text with the commas inside brackets hidden: what is said in brackets belongs to the item before them."""
    return _BRACKETS.sub(
        lambda hit: re.sub(r"[,;:.]| (?:and|or) ", lambda cut: " " * len(cut[0]), hit[0]), text
    )


def _are_things(scan: Scan, found: Sequence[Span]) -> bool:
    """Whether the items are three or more short names of things without a verb ("flights, a hotel and taxis")."""
    is_short = all(span.last - span.first <= _LONGEST_THING_WORDS for span in found)
    verbs = tables.actions().words - tables.words("ambiguous")
    is_verbal = any(
        scan.lower[span.first] in verbs or scan.lower[span.last - 1].endswith("ed")
        for span in found
    )
    return len(found) >= _FEWEST_THINGS and is_short and not is_verbal


def _cut(scan: Scan, start: int, text: str, sentence: Span) -> list[Span]:
    bounds = [0, *(found.end() for found in _ITEM_END.finditer(text)), len(text)]
    pieces = [
        scan.span(start + left, start + right, sentence.sentence)
        for left, right in pairwise(bounds)
    ]
    return [span for span in _joined(scan, pieces) if span.last - span.first > 0]


def _joined(scan: Scan, pieces: Sequence[Span]) -> list[Span]:
    """A piece that begins like the rest of a list ("pipelines", "and monitoring") stays with the item before it."""
    found: list[Span] = []
    for piece in pieces:
        if piece.last == piece.first:
            continue
        words = piece.last - piece.first
        hangs_on = words < 2 or scan.lower[piece.first] in _HANGING
        if found and hangs_on and found[-1].last - found[-1].first < _LONGEST_ITEM_WORDS:
            last = found[-1]
            found[-1] = Span(last.start, piece.end, last.first, piece.last, last.sentence)
        else:
            found.append(piece)
    return found


_TOPICS = re.compile(
    r"\b(?:about|for|on|between|into|to|either|regarding|concerning|whether (?:it|they) (?:is|are))\s+"
    r"(?=(?:[^,.;:]{2,45},\s*){1,7}[^,.;:]{0,45}?\b(?:and|or)\b)",
    re.IGNORECASE,
)
_TOPIC_END = re.compile(
    r",\s*(?:and |or )?(?:for |about |on )?|\s+(?:and|or)\s+(?:for |about |on )?", re.IGNORECASE
)
_SERIAL_END = re.compile(r",\s*(?:and |or )?(?:for |about |on )?", re.IGNORECASE)
"""With a comma before the last "and", the others join words of one topic ("bins and recycling, and parking")."""
_CLAUSE_END = re.compile(
    r"[.;:!?]|,?\s+(?:who|which|that|then|so that|and (?:then|is|are|has))\b|\n", re.IGNORECASE
)
_LONGEST_TOPIC_WORDS = 5
_LONGEST_SENTENCE_CHARS = 1_500
"""Longer ones are no sentences; every beginning is tried, so the time grows with the square of the length."""
_FEWEST_TOPICS = 3


def topics(scan: Scan, sentence: Span) -> list[Span]:
    """The kinds of cases a sentence lists ("about permits, taxes and parking"): at least three short ones."""
    if sentence.end - sentence.start > _LONGEST_SENTENCE_CHARS:
        return []
    text = _masked(scan.text[sentence.start : sentence.end])
    best: list[Span] = []
    for begin in _TOPICS.finditer(text):
        end = _CLAUSE_END.search(text, begin.end())
        piece = text[begin.end() : end.start() if end else len(text)]
        found = _pieces(scan, sentence.start + begin.end(), piece, sentence)
        lengths = [_words_outside_brackets(scan, span) for span in found]
        if len(found) >= _FEWEST_TOPICS and all(1 <= n <= _LONGEST_TOPIC_WORDS for n in lengths):
            best = found
    return best


def _words_outside_brackets(scan: Scan, span: Span) -> int:
    text = scan.text[span.start : span.end]
    return len(_BRACKETS.sub("", text).split())


def _pieces(scan: Scan, start: int, text: str, sentence: Span) -> list[Span]:
    left = 0
    spans = []
    ends = _SERIAL_END if re.search(r",\s*(?:and|or)\s", text) else _TOPIC_END
    for cut in ends.finditer(text):
        spans.append(scan.span(start + left, start + cut.start(), sentence.sentence))
        left = cut.end()
    spans.append(scan.span(start + left, start + len(text), sentence.sentence))
    return [span for span in spans if span.last > span.first]
