"""What must be done, in order: fragments of sentences with an action become steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from common.contracts.scenario import Step
from common.contracts.values import Evidence
from common.wording import Match
from interpreter.rules.lexicon import tables
from interpreter.rules.text import Scan, Span

MOST_STEPS = 40
"""A page has fewer; a longer text repeats itself, and a network cannot follow 40 steps anyway."""

_DELIVERABLE = frozenset(
    (
        "recommend",
        "summarize",
        "plan",
        "score",
        "compile",
        "write",
        "predict",
        "diagnose",
        "translate",
        "teach",
        "verify",
        "review",
        "discuss",
    )
)
_VERB_USE, _NOUN_USE, _PLAIN_USE, _DELIVERED = 1.0, 0.3, 0.6, 0.65
_ENOUGH = 0.5
_CONDITION = re.compile(
    r"\b(?:if|when|unless|depending on|in case|where|only after|only if|once|whenever)\b[^,.;\n]{3,120}",
    re.IGNORECASE,
)
_PARALLEL = re.compile(
    r"\b(at the same time|in parallel|simultaneously|independently|concurrently|meanwhile|separately|at once)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Draft:
    """A step while it is read: the tokens it covers and the actions seen in them."""

    spans: list[Span]
    actions: list[tuple[float, Match]] = field(default_factory=list)

    @property
    def first(self) -> int:
        return min(span.first for span in self.spans)

    @property
    def last(self) -> int:
        return max(span.last for span in self.spans)


def steps(scan: Scan) -> tuple[Step, ...]:
    """The steps in the order of the text, at most `MOST_STEPS`."""
    by_token: dict[int, list[Match]] = {}
    for match in scan.find(tables.actions()):
        by_token.setdefault(match.first, []).append(match)
    drafts: list[_Draft] = []
    for sentence in scan.sentences:
        drafts += _sentence_steps(scan, sentence, by_token)
    drafts = drafts[:MOST_STEPS]
    capabilities = _capabilities(scan, drafts)
    return tuple(
        _step(scan, draft, order, capabilities[order - 1]) for order, draft in enumerate(drafts, 1)
    )


def _sentence_steps(scan: Scan, sentence: Span, by_token: dict[int, list[Match]]) -> list[_Draft]:
    drafts: list[_Draft] = []
    waiting: list[Span] = []
    weak: list[tuple[float, Match]] = []
    for span in scan.fragments(sentence):
        actions = _actions(scan, span, by_token)
        strong = [pair for pair in actions if pair[0] >= _ENOUGH]
        if strong and not _is_input(scan, span):
            drafts.append(_Draft([*waiting, span], strong))
            waiting = []
        elif drafts:
            drafts[-1].spans.append(span)
            drafts[-1].actions += actions
        else:
            waiting.append(span)
            weak += actions
    if not drafts and weak and not any(_is_input(scan, span) for span in waiting):
        drafts.append(_Draft(waiting, weak))
    return drafts


def _actions(scan: Scan, span: Span, by_token: dict[int, list[Match]]) -> list[tuple[float, Match]]:
    """The actions of a fragment with how surely each word is meant as one."""
    found = []
    for place in range(span.first, span.last):
        for match in by_token.get(place, ()):
            if match.last < span.last:
                found.append((_strength(scan, match, span), match))
    return found


def _strength(scan: Scan, match: Match, span: Span) -> float:
    if match.last > match.first:
        return 0.8
    word = scan.tokens[match.first].word.lower()
    before = scan.stems[match.first - 1] if match.first > span.first else ""
    if before in tables.words("before_noun"):
        return _DELIVERED if match.key in _DELIVERABLE else _NOUN_USE
    if word.endswith("ed") or before in tables.words("before_verb"):
        return _VERB_USE
    if match.key in _DELIVERABLE and not word.endswith("s"):
        return _DELIVERED
    return _PLAIN_USE if match.first == span.first or word.endswith("s") else _NOUN_USE + 0.1


def _is_input(scan: Scan, span: Span) -> bool:
    """Whether the fragment tells what comes in ("I upload a CSV"), not what must be done."""
    for place in range(span.first, min(span.first + 6, span.last)):
        if scan.stems[place] in tables.words("giving") and place > span.first:
            before = {scan.tokens[i].word.lower() for i in range(max(span.first, place - 3), place)}
            if before & tables.words("givers"):
                return True
    return False


def _capabilities(scan: Scan, drafts: Sequence[_Draft]) -> list[list[tuple[str, Match]]]:
    """Per step the capabilities its words ask for; those named outside go to the next step, else to the last."""
    found: list[list[tuple[str, Match]]] = [[] for _ in drafts]
    if not drafts:
        return found
    for match in scan.find(tables.index("capabilities")):
        number = next(
            (n for n, draft in enumerate(drafts) if match.first < draft.last), len(drafts) - 1
        )
        if match.key not in {key for key, _ in found[number]}:
            found[number].append((match.key, match))
    for name, (capability, *_) in tables.table("products").items():
        for hit in re.finditer(rf"\b{re.escape(name)}\b", scan.text):
            token = scan.span(hit.start(), hit.end()).first
            number = next(
                (n for n, draft in enumerate(drafts) if token < draft.last), len(drafts) - 1
            )
            if capability not in {key for key, _ in found[number]}:
                found[number].append((capability, Match(token, token, capability, name)))
    return found


def _step(scan: Scan, draft: _Draft, order: int, capabilities: list[tuple[str, Match]]) -> Step:
    strength, action = max(draft.actions, key=lambda pair: (pair[0], -pair[1].first))
    evidence = scan.evidence(scan.tokens[draft.first].start, scan.tokens[draft.last - 1].end)
    thing = noun_phrase(scan, action, draft.first, draft.last)
    condition = _CONDITION.search(evidence.text)
    parallel = _PARALLEL.search(evidence.text)
    return Step(
        id=f"s{order}",
        order=order,
        name=_name(scan, action, thing, evidence),
        evidence=(evidence,),
        confidence=round(min(0.95, 0.35 + 0.6 * strength), 2),
        verb=action.key,
        object=thing,
        capabilities=tuple(key for key, _ in capabilities),
        data_in=_entities(scan, draft.first, draft.last)[:4],
        data_out=(thing,) if thing else (),
        condition=condition[0].strip() if condition else None,
        parallel_group=f"p{draft.spans[0].sentence}" if parallel else None,
    )


def _name(scan: Scan, action: Match, thing: str, evidence: Evidence) -> str:
    verb = scan.words(action.first, action.last + 1).text.lower()
    shown = action.key.replace("_", " ")
    if not thing:
        return f"{shown} ({verb})" if verb != shown else shown
    return f"{shown} {thing}" if evidence.text else shown


def _entities(scan: Scan, first: int, last: int) -> tuple[str, ...]:
    names = {
        match.key: match.first
        for match in reversed(tables.index("entities").find(scan.stems[first:last]))
    }
    return tuple(sorted(names, key=lambda name: names[name]))


def noun_phrase(scan: Scan, action: Match, first: int, last: int) -> str:
    """What the action is done to: the words after it, or before it when it is passive."""
    after = _run_after(scan, action.last + 1, last)
    word = scan.tokens[action.first].word.lower()
    before = _run_before(scan, action.first - 1, first)
    is_passive = word.endswith(("ed", "en", "ought", "ent", "aid", "ound", "one", "ut", "own"))
    chosen = (before or after) if is_passive and before else (after or before)
    return " ".join(chosen).lower()


def _is_content(scan: Scan, place: int) -> bool:
    word = scan.tokens[place].word.lower()
    return (
        word not in tables.words("function")
        and not word.isdigit()
        and word.isascii()
        and len(word) > 2
    ) or word in {"cv", "pr", "hr", "it"}


def _touches(scan: Scan, left: int, right: int) -> bool:
    """No punctuation stands between two neighbouring tokens."""
    gap = scan.text[scan.tokens[left].end : scan.tokens[right].start]
    return not gap.strip(" '-\u2019\"")


def _run_after(scan: Scan, place: int, last: int) -> list[str]:
    """The first run of content words within four tokens after the action, at most three words."""
    start = next((i for i in range(place, min(place + 4, last)) if _is_content(scan, i)), None)
    if start is None:
        return []
    end = start + 1
    while (
        end < last and end - start < 3 and _is_content(scan, end) and _touches(scan, end - 1, end)
    ):
        end += 1
    return [scan.tokens[i].word for i in range(start, end)]


def _run_before(scan: Scan, place: int, first: int) -> list[str]:
    end = next(
        (i for i in range(place, max(place - 5, first - 1), -1) if _is_content(scan, i)), None
    )
    if end is None:
        return []
    start = end
    while (
        start > first
        and end - start < 2
        and _is_content(scan, start - 1)
        and _touches(scan, start - 1, start)
    ):
        start -= 1
    return [scan.tokens[i].word for i in range(start, end + 1)]
