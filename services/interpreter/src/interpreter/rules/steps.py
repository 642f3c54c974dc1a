"""What must be done, in order: fragments of sentences with an action become steps, so do the items of a list."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from common.contracts.scenario import Step
from common.wording import Match
from interpreter.rules import lists
from interpreter.rules.actions import (
    ENOUGH,
    VERB_USE,
    Action,
    Places,
    actions,
    is_input,
    is_participle,
    places,
    strongest,
)
from interpreter.rules.lexicon import tables
from interpreter.rules.noun_phrases import item_phrase, noun_phrase, things
from interpreter.rules.signals import signals
from interpreter.rules.text import Scan, Span

MOST_STEPS = 40
"""A page has fewer; a longer text repeats itself, and a network cannot follow 40 steps anyway."""

_CONDITION = re.compile(
    r"\b(?:if|when|unless|depending on|in case|where|only after|only if|once|whenever)\b[^,.;\n]{3,120}",
    re.IGNORECASE,
)
_PARALLEL = re.compile(
    r"\b(?:at the same time|in parallel|simultaneously|independently|concurrently|meanwhile|at once)\b",
    re.IGNORECASE,
)
_STEERING = frozenset({"handoff", "group_chat", "supervisor", "hierarchical"})
_LONGEST_OBJECT = 6
_REACH = 60
"""How many words apart a wish and what is to be done may stand."""
_SPOKEN = 0.8
"""Strength of a set phrase ("looks at"); it ends the telling of what comes in."""
_FINDING = frozenset({"find", "found", "identify", "identified"})
"""To find something is research where the public is searched, else it is detection in what is at hand."""
_PUBLIC = frozenset(
    {
        "web_search",
        "web_scrape",
        "academic_search",
        "news_api",
        "social_media",
        "travel_search",
        "property_data",
    }
)
_FEWEST_BEHIND = 2
_SHARED_OUT, _TOPIC_STRENGTH = 0.5, 0.7
_STEERS = 0.35
"""Least weight of a coordination cue whose word is then no work of its own."""


@dataclass(slots=True)
class _Draft:
    """A step while it is read: the spans it covers and the actions seen in them. `group`: an item of this list."""

    spans: list[Span]
    actions: list[Action] = field(default_factory=list)
    group: str | None = None

    @property
    def first(self) -> int:
        return min(span.first for span in self.spans)

    @property
    def last(self) -> int:
        return max(span.last for span in self.spans)


def steps(scan: Scan) -> tuple[Step, ...]:
    """The steps in the order of the text, at most `MOST_STEPS`."""
    found = places(scan)
    drafts: list[_Draft] = []
    shared_out = _shared_out(scan)
    for sentence in scan.sentences:
        drafts += _of_list(scan, sentence, found) or _of_sentence(scan, sentence, found)
        if sentence is shared_out and not any(draft.group for draft in drafts):
            drafts += _of_topics(scan, sentence)
    drafts = drafts[:MOST_STEPS]
    capabilities = _capabilities(scan, drafts)
    steering = _steering(scan)
    return tuple(
        _step(scan, draft, order, capabilities[order - 1], steering)
        for order, draft in enumerate(drafts, 1)
    )


def _steering(scan: Scan) -> frozenset[int]:
    """The tokens that say how others work together, not what is done."""
    weights = tables.weights("signals")
    found: set[int] = set()
    for match in scan.find(tables.coordination()):
        name, _, cue = match.key.partition("|")
        if name in _STEERING and weights[name][cue] >= _STEERS:
            gap = ".." in cue
            found.update((match.first, match.last) if gap else range(match.first, match.last + 1))
    return frozenset(found)


def _of_list(scan: Scan, sentence: Span, found: Places) -> list[_Draft]:
    """One step per item of an enumeration; the items share the action of the words before it."""
    listed = lists.items(scan, sentence)
    if listed is None:
        return []
    head, items = listed
    shared = [pair for pair in actions(scan, head, found, sentence) if pair[0] >= ENOUGH]
    drafts = []
    for item in items:
        own = [pair for pair in actions(scan, item, found, sentence) if pair[0] >= ENOUGH]
        begins = [pair for pair in own if _begins(scan, item, pair[1])]
        chosen = begins or shared or own or [(_TOPIC_STRENGTH, Match(-1, -1, "recommend", "voice"))]
        drafts.append(_Draft([item], [strongest(chosen)], group=f"list{sentence.sentence}"))
    return drafts if len(drafts) == len(items) else []


def _shared_out(scan: Scan) -> Span | None:
    """The sentence that says by which topics cases go to different people; of several the one that says it most."""
    strengths = signals(scan)
    if max(strengths.get("router", 0.0), strengths.get("handoff", 0.0)) < _SHARED_OUT:
        return None
    cues = [scan.sentence_of[match.first] for match in scan.find(tables.coordination())]
    listing = [sentence for sentence in scan.sentences if lists.topics(scan, sentence)]
    return max(
        listing, key=lambda sentence: (cues.count(sentence.sentence), -sentence.start), default=None
    )


def _of_topics(scan: Scan, sentence: Span) -> list[_Draft]:
    """One step per topic that cases can be about."""
    action = (_TOPIC_STRENGTH, Match(-1, -1, "answer", "topic"))
    group = f"list{sentence.sentence}"
    return [_Draft([span], [action], group=group) for span in lists.topics(scan, sentence)]


def _begins(scan: Scan, item: Span, action: Match) -> bool:
    follows = action.first + 1
    is_verb = follows < item.last and not scan.is_content(follows)
    is_noun_too = scan.lower[action.first] in tables.words("ambiguous") and not is_verb
    return action.first <= item.first + 1 and not is_noun_too


def _of_sentence(scan: Scan, sentence: Span, found: Places) -> list[_Draft]:
    drafts: list[_Draft] = []
    waiting: list[Span] = []
    weak: list[Action] = []
    is_given = False
    for span in scan.fragments(sentence):
        seen = actions(scan, span, found, sentence)
        is_given = is_input(scan, span) or (is_given and not _is_done(seen))
        strong = [pair for pair in seen if pair[0] >= ENOUGH]
        is_subject = (
            bool(strong)
            and not drafts
            and not _has_verb(strong)
            and _has_participle_behind(scan, sentence, span, found)
        )
        if (
            strong
            and not is_given
            and not is_subject
            and not (drafts and _hangs_on(scan, span, strong))
        ):
            siblings = _before(scan, waiting, span)
            drafts += [_Draft([one], strong, group=f"list{sentence.sentence}") for one in siblings]
            group = f"list{sentence.sentence}" if siblings else _group_of(scan, sentence, span)
            drafts.append(_Draft([span] if siblings else [*waiting, span], strong, group=group))
            waiting = []
        elif drafts and _is_sibling(scan, span, drafts[-1], seen):
            drafts.append(_Draft([span], drafts[-1].actions, group=drafts[-1].group))
        elif drafts:
            _attach(scan, span, drafts)
        else:
            waiting.append(span)
            weak += [] if is_given else seen
    if not drafts and weak and not is_given:
        drafts.append(_Draft(waiting, weak))
    return _without_goal(scan, sentence, drafts)


def _without_goal(scan: Scan, sentence: Span, drafts: list[_Draft]) -> list[_Draft]:
    """What stands before a colon is the goal when the steps follow behind it ("wants loans handled faster: …")."""
    colon = scan.text.find(":", sentence.start, sentence.end)
    first = [draft for draft in drafts if draft.spans[-1].start < colon]
    behind = [draft for draft in drafts if draft not in first and _has_verb(draft.actions)]
    if len(first) != 1 or len(behind) < _FEWEST_BEHIND:
        return drafts
    goal, following, *rest = drafts
    return [_Draft([*goal.spans, *following.spans], following.actions, following.group), *rest]


def _has_participle_behind(scan: Scan, sentence: Span, span: Span, found: Places) -> bool:
    """Whether what is wanted here has something done to it later on ("wants images and forecasts combined")."""
    start = max(sentence.first, span.last - _REACH)
    if not {"want", "wants", "need", "needs"} & set(scan.lower[start : span.last]):
        return False
    last = min(sentence.last, span.last + _REACH)
    rest = Span(span.end, sentence.end, span.last, last, sentence.sentence)
    return any(
        strength >= VERB_USE and is_participle(scan.lower[match.first])
        for strength, match in actions(scan, rest, found, sentence)
    )


def _before(scan: Scan, waiting: Sequence[Span], span: Span) -> list[Span]:
    """What stands before a passive that is done side by side ("cost, law and market are judged at the same time")."""
    is_open = _PARALLEL.search(scan.text[span.start : span.end])
    short = [one for one in waiting if one.last - one.first <= _LONGEST_OBJECT]
    return list(waiting) if is_open and len(short) == len(waiting) >= 2 else []


def _attach(scan: Scan, span: Span, drafts: list[_Draft]) -> None:
    """Add a fragment to the last step; "with a score" ends an enumeration that had only begun."""
    last = drafts[-1]
    last.spans.append(span)
    is_alone = len(drafts) < 2 or drafts[-2].group != last.group
    if is_alone and scan.lower[span.first] in tables.words("attached"):
        last.group = None


def _group_of(scan: Scan, sentence: Span, span: Span) -> str | None:
    """A list is opened by words like "independently": what is enumerated behind them is done side by side."""
    is_open = _PARALLEL.search(scan.text[span.start : span.end])
    return f"list{sentence.sentence}" if is_open and sentence.sentence >= 0 else None


def _is_sibling(scan: Scan, span: Span, last: _Draft, seen: Sequence[Action]) -> bool:
    """Whether a fragment is one more object of the action before it, which is done side by side."""
    words = span.last - span.first
    return last.group is not None and 2 <= words <= _LONGEST_OBJECT and not _has_verb(seen)


def _is_done(seen: Sequence[Action]) -> bool:
    return any(strength >= _SPOKEN for strength, _ in seen)


def _has_verb(seen: Sequence[Action]) -> bool:
    return any(strength >= VERB_USE for strength, _ in seen)


def _hangs_on(scan: Scan, span: Span, strong: Sequence[Action]) -> bool:
    """Whether a fragment only adds to the step before it ("with a score", "or side remarks", "questions")."""
    if _has_verb(strong):
        return scan.lower[span.first] in {"all", "both"}
    return scan.lower[span.first] in tables.words("attached") or span.last - span.first <= 2


def _capabilities(scan: Scan, drafts: Sequence[_Draft]) -> list[dict[str, None]]:
    """Per step the capabilities its words ask for; those named outside go to the next step, else to the last."""
    found: list[dict[str, None]] = [{} for _ in drafts]
    if not drafts:
        return found
    named = [(match.first, match.key) for match in scan.find(tables.index("capabilities"))]
    for name, (capability, *_) in tables.table("products").items():
        hits = re.finditer(rf"\b{re.escape(name)}\b", scan.text) if name in scan.text else ()
        named += [(scan.span(hit.start(), hit.end()).first, capability) for hit in hits]
    for place, capability in sorted(named):
        later = (n for n, draft in enumerate(drafts) if place < draft.last)
        found[next(later, len(drafts) - 1)][capability] = None
    return found


def _step(
    scan: Scan, draft: _Draft, order: int, capabilities: dict[str, None], steering: frozenset[int]
) -> Step:
    strength, action = strongest(draft.actions)
    evidence = scan.evidence(scan.tokens[draft.first].start, scan.tokens[draft.last - 1].end)
    thing = _object(scan, draft, action)
    condition = _CONDITION.search(evidence.text)
    is_parallel = bool(_PARALLEL.search(evidence.text))
    return Step(
        id=f"s{order}",
        order=order,
        name=f"{action.key.replace('_', ' ')} {thing}".strip(),
        evidence=(evidence,),
        confidence=round(min(0.95, 0.35 + 0.6 * strength), 2),
        verb=_verb(action, capabilities, steering, is_item=draft.group is not None),
        object=thing,
        capabilities=tuple(capabilities),
        data_in=things(scan, draft.first, draft.last)[:4],
        data_out=(thing,) if thing else (),
        condition=condition[0].strip() if condition else None,
        parallel_group=draft.group or (f"p{draft.spans[0].sentence}" if is_parallel else None),
    )


def _object(scan: Scan, draft: _Draft, action: Match) -> str:
    if draft.group:
        begins = (
            action.last + 1 if action.first in range(draft.first, draft.first + 2) else draft.first
        )
        return item_phrase(scan, begins, draft.last)
    return noun_phrase(scan, action, draft.first, draft.last)


def _verb(
    action: Match, capabilities: dict[str, None], steering: frozenset[int], *, is_item: bool
) -> str:
    """The canonical verb: who is told how to work together coordinates, a voice in a discussion recommends."""
    if action.first in steering:
        return "recommend" if is_item else "coordinate"
    is_public = bool(_PUBLIC & set(capabilities))
    if action.key == "look_up" and "web_search" in capabilities:
        return "research"
    if action.phrase in _FINDING and not is_public:
        return "detect"
    return action.key
