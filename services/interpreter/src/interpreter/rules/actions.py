"""Which words of a fragment are actions, and how surely each is meant as one."""

from collections.abc import Mapping, Sequence

from common.wording import Match
from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan, Span

ENOUGH = 0.5
"""Least strength of an action that makes a fragment a step."""
VERB_USE = 1.0
_PHRASE_USE, _DELIVERED, _PLAIN_USE, _ADJECTIVE_USE, _NOUN_USE = 0.8, 0.65, 0.6, 0.4, 0.3
_WISH_REACH = 14
"""How many words before a deliverable its wish may stand."""

_COMING = frozenset({"arriv", "receiv"})

_ARTICLES = frozenset(
    {"a", "an", "the", "our", "their", "its", "my", "each", "all", "these", "those"}
)
_SOURCE_PREPOSITIONS = frozenset(
    {
        "from",
        "in",
        "of",
        "against",
        "with",
        "by",
        "on",
        "into",
        "via",
        "through",
        "at",
        "within",
        "per",
    }
)

_ACTS = frozenset({"pay", "trade", "deploy", "order", "book"})
_NOUN_ENDINGS = (
    "ment",
    "ments",
    "tion",
    "tions",
    "refunds",
    "vouchers",
    "trades",
    "orders",
    "bookings",
)
"""What is done with effect is said by a verb: "payments" are only spoken of."""

type Places = Mapping[int, Sequence[Match]]
type Action = tuple[float, Match]


def places(scan: Scan) -> Places:
    """The actions of the whole text by the token they begin at."""
    found: dict[int, list[Match]] = {}
    for match in scan.find(tables.actions()):
        found.setdefault(match.first, []).append(match)
    return found


def actions(scan: Scan, span: Span, found: Places, sentence: Span) -> list[Action]:
    """The actions of a fragment in order, each with its strength 0…1."""
    return [
        (_strength(scan, match, span, sentence), match)
        for place in range(span.first, span.last)
        for match in found.get(place, ())
        if match.last < span.last
    ]


def strongest(found: Sequence[Action]) -> Action:
    """The surest action; of equals the first."""
    return max(found, key=lambda pair: (pair[0], -pair[1].first, pair[1].last))


def is_participle(word: str) -> bool:
    """Whether a form says what is done to something ("checked", "written")."""
    return word.endswith("ed") or word in tables.words("participles")


def _strength(scan: Scan, match: Match, span: Span, sentence: Span) -> float:
    if match.last > match.first:
        return _PHRASE_USE
    word = scan.lower[match.first]
    before = scan.stems[match.first - 1] if match.first > span.first else ""
    is_spoken_of = match.key in _ACTS and word.endswith(_NOUN_ENDINGS)
    if is_spoken_of or _is_denied(scan, match, span) or _is_compound(scan, match, span):
        return _NOUN_USE
    if before in tables.word_stems("before_noun"):
        return _as_noun(scan, match, sentence)
    if before in tables.word_stems("before_verb") or is_participle(word):
        return _participle(scan, match, span) if is_participle(word) else VERB_USE
    if match.first == span.first or word.endswith("s"):
        return _PLAIN_USE
    return max(_ADJECTIVE_USE, _as_noun(scan, match, sentence))


def _is_denied(scan: Scan, match: Match, span: Span) -> bool:
    """What is not wanted, or what the reader can or may do himself with the result, is no work."""
    before = scan.lower[span.first : match.first]
    is_own = before[-1:] in (["they"], ["you"]) and before[0] in {"which", "what", "that"}
    is_offered = " ".join(before[-2:]) in {"i can", "we can", "i may", "ready to", "able to"}
    return bool({"no", "without"} & set(before)) or is_own or is_offered


def _is_compound(scan: Scan, match: Match, span: Span) -> bool:
    """A word that can be a noun, right in front of another one and behind no "to" or "must" ("and order history")."""
    follows = match.first + 1
    before = scan.lower[match.first - 1] if match.first > span.first else ""
    if scan.lower[match.first] not in tables.words("ambiguous") or before not in {"and", "or", ""}:
        return False
    return (
        follows < span.last and scan.is_content(follows) and not scan.lower[follows].endswith("s")
    )


def _participle(scan: Scan, match: Match, span: Span) -> float:
    """Ending its words it is an action ("checked"), in front of a noun it describes ("attached documents")."""
    follows = match.first + 1
    if match.first > span.first and scan.stems[match.first - 1] == "be":
        return VERB_USE
    if follows < span.last and scan.is_content(follows) and not scan.is_content(match.first - 1):
        return _ADJECTIVE_USE
    return VERB_USE


def _as_noun(scan: Scan, match: Match, sentence: Span) -> float:
    """A thing that somebody wants stands for the work of making it."""
    if match.key not in tables.words("deliverable") or _is_source(scan, match, sentence):
        return _NOUN_USE
    start = max(sentence.first, match.first - _WISH_REACH)
    if set(scan.stems[start : match.first]) & tables.word_stems("wishes"):
        return _DELIVERED
    return _NOUN_USE


def _is_source(scan: Scan, match: Match, sentence: Span) -> bool:
    """Whether it is what the work is done with or from ("from the patient record"), not what comes out of it."""
    place = match.first - 1
    while place >= max(sentence.first, match.first - 3) and scan.is_content(place):
        place -= 1
    while place > sentence.first and scan.lower[place] in _ARTICLES:
        place -= 1
    return place >= sentence.first and scan.lower[place] in _SOURCE_PREPOSITIONS


def is_input(scan: Scan, span: Span) -> bool:
    """Whether the fragment tells what comes in ("I upload a CSV"), not what must be done."""
    for place in range(span.first + 1, min(span.first + 7, span.last)):
        if scan.stems[place] == "com" and scan.lower[place + 1 : place + 2] == ["in"]:
            return True
        if scan.lower[place] in tables.words("asking"):
            return True
        if scan.stems[place] in _COMING and not {"should", "must", "to", "not"} & set(
            scan.lower[span.first : place]
        ):
            return True
        if scan.stems[place] in tables.word_stems("giving"):
            before = scan.lower[max(span.first, place - 3) : place]
            if set(before) & tables.words("givers") and not set(before) & {"should", "must", "to"}:
                return True
    return False
