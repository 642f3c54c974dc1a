"""What an action is done to, and the things that a piece of text names."""

from common.wording import Match
from interpreter.rules.actions import is_participle
from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan

_NEAR = 4
_LONGEST = 3
_OBJECT_BEGINS = frozenset(
    [
        "a",
        "an",
        "the",
        "it",
        "them",
        "him",
        "her",
        "us",
        "me",
        "this",
        "each",
        "every",
        "all",
        "my",
        "our",
        "your",
        "their",
        "its",
        "his",
        "whether",
        "if",
        "how",
        "what",
    ]
)
_DETERMINERS = frozenset(
    [
        "a",
        "an",
        "the",
        "our",
        "my",
        "your",
        "their",
        "its",
        "his",
        "her",
        "this",
        "one",
        "each",
        "every",
    ]
)


def noun_phrase(scan: Scan, action: Match, first: int, last: int) -> str:
    """The words after the action, or before it when it is passive; empty when none says anything."""
    if is_named(scan, action):
        return " ".join(_run_before(scan, action.last, first)).lower()
    after = _run_after(scan, action.last + 1, last)
    before = _run_before(scan, action.first - 1, first)
    chosen = (before or after) if is_participle(scan.lower[action.first]) else (after or before)
    return " ".join(chosen).lower()


def is_named(scan: Scan, action: Match) -> bool:
    """Whether the action is said by a noun ("a discharge letter"): then the noun itself is what is made."""
    word = scan.lower[action.first]
    follows = scan.lower[action.last + 1] if action.last + 1 < len(scan.lower) else ""
    is_verb = word.endswith("s") and follows in _OBJECT_BEGINS
    if action.first == 0 or is_participle(word) or is_verb:
        return False
    before = action.first - 1
    while before > 0 and scan.is_content(before) and action.first - before < _LONGEST:
        if not _touches(scan, before, before + 1):
            return False
        before -= 1
    if not _touches(scan, before, before + 1):
        return False
    return scan.lower[before] in _DETERMINERS


def item_phrase(scan: Scan, first: int, last: int) -> str:
    """The first run of words with a meaning in tokens `first`…`last - 1`."""
    return " ".join(_run_after(scan, first, last)).lower()


def things(scan: Scan, first: int, last: int) -> tuple[str, ...]:
    """The entities named, in the order of the text."""
    found = tables.index("entities").find(scan.stems[first:last], scan.lower[first:last])
    return tuple(dict.fromkeys(match.key for match in found))


def _touches(scan: Scan, left: int, right: int) -> bool:
    """No punctuation stands between two neighbouring tokens."""
    gap = scan.text[scan.tokens[left].end : scan.tokens[right].start]
    return not gap.strip(" '-/\u2019\"")


def _run_after(scan: Scan, place: int, last: int) -> list[str]:
    """The first run of content words near the place, at most three words."""
    near = range(place, min(place + _NEAR, last))
    start = next((i for i in near if scan.is_content(i)), None)
    if start is None:
        return []
    end = start + 1
    while end < last and end - start < _LONGEST and _goes_on(scan, end - 1, end):
        end += 1
    return [scan.tokens[i].word for i in range(start, end)]


def _run_before(scan: Scan, place: int, first: int) -> list[str]:
    near = range(place, max(place - _NEAR - 1, first - 1), -1)
    end = next((i for i in near if scan.is_content(i)), None)
    if end is None:
        return []
    start = end
    while start > first and end - start < _LONGEST - 1 and _goes_on(scan, start, start - 1):
        start -= 1
    return [scan.tokens[i].word for i in range(start, end + 1)]


def _goes_on(scan: Scan, here: int, there: int) -> bool:
    return scan.is_content(there) and _touches(scan, min(here, there), max(here, there))
