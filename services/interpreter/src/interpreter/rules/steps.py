"""What must be done, in order: fragments of sentences with an action become steps, so do the items of a list."""

import re
from collections.abc import Sequence

from common.contracts.scenario import Step
from common.wording import Match
from interpreter.rules import lists, people
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
from interpreter.rules.allotment import before_its_action, of_persons, with_duties
from interpreter.rules.clauses import is_context
from interpreter.rules.drafts import Draft
from interpreter.rules.duties import Duty, duties
from interpreter.rules.lexicon import tables
from interpreter.rules.signals import signals
from interpreter.rules.text import Scan, Span
from interpreter.rules.wording import PARALLEL, step

MOST_STEPS = 40
"""A page has fewer; a longer text repeats itself, and a network cannot follow 40 steps anyway."""

_STEERING = frozenset({"handoff", "group_chat", "supervisor", "hierarchical"})
_LONGEST_OBJECT = 6
_REACH = 60
"""How many words apart a wish and what is to be done may stand."""
_SPOKEN = 0.8
"""Strength of a set phrase ("looks at"); it ends the telling of what comes in."""
_FEWEST_BEHIND = 2
_SHARED_OUT, _TOPIC_STRENGTH = 0.5, 0.7
_STEERS = 0.35
"""Least weight of a coordination cue whose word is then no work of its own."""


def steps(scan: Scan) -> tuple[Step, ...]:
    """The steps in the order of the text, at most `MOST_STEPS`; those of persons have an `actor` and approve."""
    drafts = _working(scan)[:MOST_STEPS]
    capabilities = _capabilities(scan, drafts)
    steering = _steering(scan)
    return tuple(
        step(scan, draft, order, capabilities[order - 1], steering)
        for order, draft in enumerate(drafts, 1)
    )


def _working(scan: Scan) -> list[Draft]:
    """The drafts of all sentences without those that only describe, each with its duty."""
    found = places(scan)
    persons = people.clauses(scan)
    given = duties(scan, persons)
    shared_out = _shared_out(scan)
    read: list[tuple[Span, list[Draft]]] = []
    for sentence in scan.sentences:
        is_given = any(sentence.start <= d.start < sentence.end for d in given)
        listed = [] if is_given else _of_list(scan, sentence, found)
        drafts = listed or _of_sentence(scan, sentence, found, given, persons)
        if sentence is shared_out and not is_given and not any(draft.group for draft in drafts):
            drafts += _of_topics(scan, sentence)
        read.append((sentence, drafts))
    return with_duties(scan, _without_context(scan, read), given)


def _without_context(scan: Scan, read: Sequence[tuple[Span, list[Draft]]]) -> list[Draft]:
    """The drafts of the sentences that say what must be done; where none does, those of all."""
    kept: list[Draft] = []
    for i, (sentence, drafts) in enumerate(read):
        is_said = any(draft.person or draft.group for draft in drafts)
        is_last = not any(later for _, later in read[i + 1 :]) and not kept
        if is_said or is_last or not is_context(scan, sentence, _said(drafts)):
            kept += drafts
    return kept or [draft for _, drafts in read for draft in drafts]


def _said(drafts: Sequence[Draft]) -> int:
    """How many of the drafts come from words that are meant as verbs."""
    return sum(strongest(draft.actions)[0] >= ENOUGH for draft in drafts)


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


def _of_list(scan: Scan, sentence: Span, found: Places) -> list[Draft]:
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
        drafts.append(Draft([item], [strongest(chosen)], group=f"list{sentence.sentence}"))
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


def _of_topics(scan: Scan, sentence: Span) -> list[Draft]:
    """One step per topic that cases can be about."""
    action = (_TOPIC_STRENGTH, Match(-1, -1, "answer", "topic"))
    group = f"list{sentence.sentence}"
    return [Draft([span], [action], group=group) for span in lists.topics(scan, sentence)]


def _begins(scan: Scan, item: Span, action: Match) -> bool:
    follows = action.first + 1
    is_verb = follows < item.last and not scan.is_content(follows)
    is_noun_too = scan.lower[action.first] in tables.words("ambiguous") and not is_verb
    return action.first <= item.first + 1 and not is_noun_too


def _of_sentence(
    scan: Scan,
    sentence: Span,
    found: Places,
    given: Sequence[Duty] = (),
    persons: Sequence[people.Clause] = (),
) -> list[Draft]:
    """The drafts of agents and of persons in one sentence."""
    here = [one for one in persons if sentence.start <= one.start < sentence.end]
    spans = scan.fragments(sentence, [duty.start for duty in given])
    taken, left = of_persons(scan, sentence, spans, found, here)
    drafts = _of_agents(scan, sentence, found, left)
    for person in taken:
        before_its_action(person, drafts)
    return sorted([*drafts, *taken], key=lambda draft: draft.at)


def _of_agents(scan: Scan, sentence: Span, found: Places, spans: Sequence[Span]) -> list[Draft]:
    drafts: list[Draft] = []
    waiting: list[Span] = []
    weak: list[Action] = []
    is_given = False
    for span in spans:
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
            drafts += [Draft([one], strong, group=f"list{sentence.sentence}") for one in siblings]
            group = f"list{sentence.sentence}" if siblings else _group_of(scan, sentence, span)
            drafts.append(Draft([span] if siblings else [*waiting, span], strong, group=group))
            waiting = []
        elif drafts and _is_sibling(scan, span, drafts[-1], seen):
            drafts.append(Draft([span], drafts[-1].actions, group=drafts[-1].group))
        elif drafts:
            _attach(scan, span, drafts)
        else:
            waiting.append(span)
            weak += [] if is_given else seen
    if not drafts and weak and not is_given:
        drafts.append(Draft(waiting, weak))
    return _without_goal(scan, sentence, drafts)


def _without_goal(scan: Scan, sentence: Span, drafts: list[Draft]) -> list[Draft]:
    """What stands before a colon is the goal when the steps follow behind it ("wants loans handled faster: …")."""
    colon = scan.text.find(":", sentence.start, sentence.end)
    first = [draft for draft in drafts if draft.spans[-1].start < colon]
    behind = [draft for draft in drafts if draft not in first and _has_verb(draft.actions)]
    if len(first) != 1 or len(behind) < _FEWEST_BEHIND:
        return drafts
    goal, following, *rest = drafts
    return [Draft([*goal.spans, *following.spans], following.actions, following.group), *rest]


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
    is_open = PARALLEL.search(scan.text[span.start : span.end])
    short = [one for one in waiting if one.last - one.first <= _LONGEST_OBJECT]
    return list(waiting) if is_open and len(short) == len(waiting) >= 2 else []


def _attach(scan: Scan, span: Span, drafts: list[Draft]) -> None:
    """Add a fragment to the last step; "with a score" ends an enumeration that had only begun."""
    last = drafts[-1]
    last.spans.append(span)
    is_alone = len(drafts) < 2 or drafts[-2].group != last.group
    if is_alone and scan.lower[span.first] in tables.words("attached"):
        last.group = None


def _group_of(scan: Scan, sentence: Span, span: Span) -> str | None:
    """A list is opened by words like "independently": what is enumerated behind them is done side by side."""
    is_open = PARALLEL.search(scan.text[span.start : span.end])
    return f"list{sentence.sentence}" if is_open and sentence.sentence >= 0 else None


def _is_sibling(scan: Scan, span: Span, last: Draft, seen: Sequence[Action]) -> bool:
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


def _capabilities(scan: Scan, drafts: Sequence[Draft]) -> list[dict[str, None]]:
    """Per step the capabilities its words ask for; those named outside go to the next step, else to the last."""
    found: list[dict[str, None]] = [{} for _ in drafts]
    if not drafts:
        return found
    named = [(match.first, match.key) for match in scan.find(tables.index("capabilities"))]
    for name, (capability, *_) in tables.table("products").items():
        hits = re.finditer(rf"\b{re.escape(name)}\b", scan.text) if name in scan.text else ()
        named += [(scan.span(hit.start(), hit.end()).first, capability) for hit in hits]
    lasts = [draft.last for draft in drafts]
    for place, capability in sorted(named):
        later = (n for n, last in enumerate(lasts) if place < last)
        found[next(later, len(drafts) - 1)][capability] = None
    return found
