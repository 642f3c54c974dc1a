"""Enumerations of viewpoints, topics or kinds of cases: each item is work for somebody of its own."""

import re
from collections.abc import Sequence
from itertools import pairwise

from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan, Span

_FEWEST, _MOST = 2, 9
_LONGEST_ITEM_WORDS = 22
_ITEM_END = re.compile(
    r"[,;]\s*(?:and |or )?|\s+(?:and|or)\s+(?=(?:an?|the|one|for|another)\b)", re.IGNORECASE
)
_LAST_OR = re.compile(r"\s+(?:and|or)\s+", re.IGNORECASE)


def items(scan: Scan, sentence: Span) -> tuple[Span, list[Span]] | None:
    """What stands before the colon and the items after it, when the words before speak of views, topics or kinds."""
    text = scan.text[sentence.start : sentence.end]
    head_text, colon, rest = text.partition(":")
    if not colon:
        return None
    head = scan.span(sentence.start, sentence.start + len(head_text), sentence.sentence)
    if not set(scan.stems[head.first : head.last]) & tables.word_stems("views"):
        return None
    found = _cut(scan, sentence.start + len(head_text) + 1, rest, sentence)
    if not _FEWEST <= len(found) <= _MOST:
        return None
    return head, found


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
        if found and words < 2 and found[-1].last - found[-1].first < _LONGEST_ITEM_WORDS:
            last = found[-1]
            found[-1] = Span(last.start, piece.end, last.first, piece.last, last.sentence)
        else:
            found.append(piece)
    return found
