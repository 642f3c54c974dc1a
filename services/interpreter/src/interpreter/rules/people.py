"""Who must agree, and when: the clauses in which a person or a body approves, decides or is asked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan, Span

type Form = Literal["does", "before", "consent"]

REQUESTER = "Requester"
"""The name of whoever wrote the text ("I approve")."""
ANYONE = "Responsible Person"
"""The name where the text wants a person and says not which."""

_AMOUNT = (
    r"\b(?:above|over|more than|exceed(?:s|ing)?|beyond|below|under|less than|up to|from|at least|larger than|"
    r"higher than|greater than)\s+(?:an? (?:amount|value) of )?(?:[$\u20ac\u00a3]\s?|EUR |USD |GBP |CHF )?"
    r"\d[\d.,]*(?<![.,])\s?(?:%|k\b|m\b|[$\u20ac\u00a3]|(?!and\b|or\b|is\b|are\b|has\b|must\b|go|need|"
    r"wait|the\b|a\b)[A-Za-z\u20ac]+\b)?"
    r"(?: (?:euros?|dollars?|pounds?|francs?|EUR|USD|GBP|CHF|tonnes?|percent)\b)?"
)
_ADJECTIVE = (
    r"\b(?:the )?(?:very )?(?:large|larger|big|bigger|small|high[- ]value|expensive|unclear|complex|difficult|critical|"
    r"severe|unusual|doubtful|disputed|suspicious|high[- ]risk|risky|serious|exceptional|borderline|"
    r"sensitive|urgent|odd|"
    r"strange|hard)\s+(?:ones|cases|requests|orders|amounts|claims|payments|items|refunds|loans|invoices|"
    r"changes|messages|"
    r"alerts|trades|bids|complaints|findings|letters|deviations|discounts|purchases|\w+s)\b"
    r"|\bexceptions\b"
)
_CLAUSE = r"\b(?:when|whenever|if|unless|in case|where)\b(?! needed| necessary)[^,.;:\n]{3,90}"
_CONDITIONS = tuple(re.compile(p, re.IGNORECASE) for p in (_AMOUNT, _ADJECTIVE, _CLAUSE))

_DET = r"(?:an?|the|our|my|his|her|their|your|its|another|every|each|that|this|one|two|one of (?:our|the))"
_NOT_PART = r"(?! (?:committee|board|manager|department|team|head|officer|leader|council|director|panel|lead)\b)"
_NOT_AGENT = r"(?!['\u2019]|[- ](?:agent|bot|assistant|ai\b|model|system|tool|software|data|side\b|file|list))"
_MUST = (
    r"(?:,? \(?(?:who|which|then|finally|always|still|also|must|has to|have to|should|shall|will|needs? to|can|may|"
    r"wants? to|first|personally|only|on duty|on call|in charge|alone|has|have|himself|herself)\)?){0,4}"
)
_AGREE = (
    r"(?:approves?|sign(?:s|ed)?(?:[- ]off)?|confirm(?:s|ed)?|releases?d?|agree[sd]?|authori[sz]e[sd]?|"
    r"consents?|okays?|"
    r"oks?|clears?|vetoe?s?|countersigns?|decide[sd]?|approved|validates|(?:gives?|given|gave) (?:the |"
    r"his |her |their |its )?(?:ok|okay|"
    r"go|go-ahead|green light|consent|approval|permission|signature|sign-off|blessing)|the (?:last|final) (?:word|say|"
    r"decision|call)|says? (?:yes|ok|okay|go)|accepts? or|makes? the (?:final )?(?:decision|call))"
)
_CONSENT = (
    r"(?:consent|approval|ok|okay|signature|permission|go-ahead|sign-off|agreement|clearance|"
    r"confirmation|authori[sz]ation|blessing|decision)"
)
_DONE = (
    r"(?:approved|signed(?:[- ]off)?|countersigned|released|confirmed|authori[sz]ed|decided(?: on)?|cleared|"
    r"double-checked|reviewed|checked|validated|vetted|accepted|looked at|merged)"
)
_LOOK = (
    r"(?:look(?:s|ed)?(?: (?:at|over|through))?|check(?:s|ed)?|review(?:s|ed)?|see[ns]?|read|view(?:s|ed)?|"
    rf"{_AGREE}|sign|decide|release|confirm|approve|agree)"
)
_TAIL = (
    r"(?:,? (?:and|or) (?:then )?(?:signs?|approves?|releases?|decides?|confirms?|corrects?|rejects?|"
    r"declines?|changes?)"
    r"(?: (?:it|them|this))?(?: off)?|(?: (?:it|them|this|that))?(?: off)\b| (?:it|them)\b){0,3}"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A person's part in the work: text[start:end], who it is, and the condition it depends on.

    `form`: the person *does* it at that point of the work, it must come *before* what the sentence speaks of, or
    the work of the same sentence needs a *consent*.
    """

    start: int
    end: int
    who: str
    condition: str | None
    form: Form


@lru_cache(maxsize=2)
def clauses(scan: Scan) -> tuple[Clause, ...]:
    """The persons' clauses in the order of the text; overlapping ones count once."""
    found: list[Clause] = []
    for sentence in scan.sentences:
        last = -1
        for start, end, who, form in sorted(_hits(scan.text[sentence.start : sentence.end])):
            if start >= last:
                found.append(_clause(scan, sentence, (start, end), who, form))
                last = end
    return tuple(found)


def _hits(text: str) -> Iterator[tuple[int, int, str, Form]]:
    """Start, end, name and form of each pattern that is found in a sentence; longer ones first."""
    if len(text) > _LONGEST_SENTENCE_CHARS:
        return
    for pattern, form, is_conditional in _patterns():
        for hit in pattern.finditer(text):
            if is_conditional and not _is_conditional(text):
                continue
            who = next((group for name, group in hit.groupdict().items() if group), "")
            yield hit.start(), hit.end(), named(who), form


_LONGEST_SENTENCE_CHARS = 1_500


def _is_conditional(text: str) -> bool:
    is_bound = re.search(
        r"\b(?:must|always|has to|have to|only)\b|\bfor (?:\w+ )?(?:approval|decision|sign|consent|release|review)",
        text,
    )
    return bool(is_bound) or any(pattern.search(text) for pattern in _CONDITIONS)


def _clause(scan: Scan, sentence: Span, place: tuple[int, int], who: str, form: Form) -> Clause:
    start, end = sentence.start + place[0], sentence.start + place[1]
    text = scan.text[sentence.start : sentence.end]
    return Clause(start, end, who, condition_near(text, place), form)


def condition_near(text: str, place: tuple[int, int]) -> str | None:
    """When the person is needed, from the words around `place`: an amount, a kind of case, an if-clause."""
    left = max(text.rfind(mark, 0, place[0]) for mark in (";", ":", ", and ", ". "))
    right = min(
        (i for i in (text.find(mark, place[1]) for mark in (";", ". ")) if i >= 0),
        default=len(text),
    )
    comma = max((m.end() for m in re.finditer(r",(?!\d)", text[: place[0]])), default=0)
    for pattern in _CONDITIONS:
        hit = pattern.search(text[max(left, comma, 0) : right])
        if hit and not re.search(_CONSENT + r"\b", hit[0]):
            return " ".join(hit[0].strip(" ,").split())
    said_before = _CONDITIONS[-1].search(text, max(left, 0), comma)
    if said_before and not text[said_before.end() : comma].strip(" ,"):
        return " ".join(said_before[0].strip(" ,").split())
    return None


def named(words: str) -> str:
    """A person's name as a title: "the credit committee" is the Credit Committee, "I" the requester."""
    bare = re.sub(rf"^(?:{_DET}|real|human)\s+", "", words.strip(), flags=re.IGNORECASE)
    low = bare.lower()
    if low in {"i", "me", "my", "us", "we"}:
        return REQUESTER
    if not bare or low in tables.table("persons")["anyone"] or low == "colleague":
        return ANYONE
    short = {"hr", "cfo", "ceo", "cto", "coo", "cio", "ciso", "dpo", "qa", "it", "vp"}
    return " ".join(
        w.upper() if w.lower() in short else w if w.isupper() else w[:1].upper() + w[1:]
        for w in re.split(r"\s+", bare)
    )


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], Form, bool], ...]:
    """The patterns with their form, and whether they count only with a condition or an obligation."""
    known = tables.table("persons")
    head = "|".join(sorted(map(re.escape, known["person"]), key=len, reverse=True))
    body = "|".join(sorted(map(re.escape, known["body"]), key=len, reverse=True))
    anyone = "|".join(sorted(map(re.escape, known["anyone"]), key=len, reverse=True))
    mods = r"(?!(?:and|or|the|a|an|to|is|of|for|by|with|before|after|that|then)\b)[\w-]+"
    post = r"(?: (?:on duty|on call|in charge|of the \w+|of \w+))?"
    who = (
        rf"(?:{_DET} (?P<a>(?:{mods} ){{0,2}}?(?:{head}|{body}|{anyone})\b{post})"
        rf"|(?P<b>(?:{body}|{anyone})\b)|(?P<c>(?:{mods} )?(?:{head})\b))"
    )
    strict = rf"(?:{_DET} (?P<a>(?:{mods} ){{0,2}}?(?:{head}|{body}|{anyone})\b{post})|(?P<b>(?:{body}|{anyone})\b))"
    whom = strict + _NOT_PART + _NOT_AGENT
    rows: tuple[tuple[str, Form, bool], ...] = (
        (
            rf"\b(?:before|until|unless|once|only after|after|not without) {whom}{_MUST} {_LOOK}{_TAIL}",
            "before",
            False,
        ),
        (
            rf"\b(?:have|has|having|let|lets|get|gets|asks?|wants?) {whom} (?:to )?(?:\w+"
            rf" )?{_LOOK}{_TAIL}",
            "does",
            False,
        ),
        (rf"\b{whom}{_MUST} {_AGREE}\b{_TAIL}", "does", False),
        (rf"\b{whom} can (?:still )?(?:change|correct|reject|overrule|stop|veto)\b", "does", False),
        (
            rf"\b(?:the|an?|our|my|his|her|their) (?P<a>{mods}(?: {mods})?) (?:must|has to|have to|needs? to|"
            rf"has the (?:last|final)|have the (?:last|final)) (?:sign|approve|agree|release|authori[sz]e|countersign|"
            rf"okay|confirm|word|say)\b{_TAIL}",
            "does",
            False,
        ),
        (
            rf"\b(?:decision|word|say|call|responsibility) (?:always )?(?:stays|remains|lies|rests|is|is left) "
            rf"(?:with|to|up to|for) {whom}",
            "does",
            False,
        ),
        (
            rf"\b(?:to|by|from) (?P<a>(?:Mr|Mrs|Ms|Dr|Prof)\.? \w+) for (?:\w+ )?{_CONSENT}\b",
            "does",
            False,
        ),
        (
            r"\b(?:before|until|unless|once|after|only when) (?P<a>I|we)(?:['\u2019]ve| have| had)? "
            r"(?:ok['\u2019]?d|okayed|approved?|seen|checked|agreed?|confirm(?:ed)?|said|looked|read|"
            r"given|released|signed)\b",
            "before",
            False,
        ),
        (
            r"\b(?P<a>I|we) (?:(?:want|would like|['\u2019]d like|have|need|like) to )?(?:see|check|look (?:at|over|"
            r"through)|read|review|edit|correct) (?:it|them|this|that|everything|each|every \w+|the \w+)\b"
            r"(?=[^.;]{0,30}\b(?:before|first|myself|and (?:release|approve|send|decide|sign))\b)",
            "before",
            False,
        ),
        (
            r"\b(?P<a>I|we) (?:then |finally )?(?:press send|send (?:it|them) (?:out )?(?:myself|"
            r"ourselves)|click|publish it "
            r"myself|merge it|merge myself|release it)\b",
            "does",
            False,
        ),
        (rf"\b{_DONE} (?:\w+ )?by {whom}", "does", False),
        (rf"\bonly (?:\w+ )?by {whom}", "before", False),
        (
            rf"\b(?:only )?(?:with|after|without|on|upon|subject to|pending|needs?|requires?|waits? for|"
            rf"get) (?:the )?{who}['\u2019]s? (?:\w+ )?{_CONSENT}\b",
            "consent",
            False,
        ),
        (
            rf"\b(?:with|after|without|on|upon|subject to|pending|needs?|requires?|waits? for|gets?|"
            rf"for) (?:the |an? )?(?:\w+ )?{_CONSENT} (?:of|from|by) {whom}",
            "consent",
            False,
        ),
        (
            rf"\b(?:go|goes|going|sent|passed|escalate[sd]?|forwarded|handed|referred|routed|shown|presented|"
            rf"submitted|put|belongs?|lands?|transferred|left|decided|up|reserved) (?:\w+ )?(?:to|before|with|"
            rf"by|for) {whom}",
            "does",
            True,
        ),
        (rf"\b(?:asks?|consults?|calls? in|involves?) {whom}", "does", True),
        (
            r"\b(?P<a>I|we) (?:then |always |finally |personally |can |must |want to |have to |will |only |"
            r"need to |also ){0,2}(?:approve|decide|confirm|sign|release|say yes|accept|agree|ok|pick|"
            r"choose)\b" + _TAIL,
            "does",
            False,
        ),
        (
            r"\b(?:with|after|without|on|upon|needs?|requires?|waits? for|waiting for|wants?|gets?|asks? for|"
            r"until)? ?(?P<a>my|our) (?:\w+ )?(?:ok|okay|approval|consent|signature|go-ahead|confirmation|"
            r"decision|sign-off|permission)\b",
            "consent",
            False,
        ),
        (
            r"\b(?:asks?|show(?:s|n)?(?: it| them)?(?: to)?) (?P<a>me|us) (?=first|before|for|when|if|"
            r"whether)(?:first|before [^,.;]{3,50}|for (?:approval|confirmation|permission))?",
            "before",
            False,
        ),
    )
    return tuple((re.compile(pattern, re.IGNORECASE), form, cond) for pattern, form, cond in rows)
