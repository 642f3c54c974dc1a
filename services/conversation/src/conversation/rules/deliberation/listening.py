"""What comes from outside: answers to questions, and what the user says of their own accord."""

import re
from collections.abc import Sequence

from common.contracts.conversations import UserInput
from common.personas import CRITERIA
from common.wording import PhraseIndex, stems, words
from conversation.rules.deliberation.features import JUDGEMENTS
from conversation.rules.deliberation.options import _from_wording as wording_of
from conversation.rules.deliberation.options import mentions
from conversation.rules.deliberation.problem import read_problem
from conversation.rules.deliberation.state import Argument, Option, State

USER_WEIGHT = 1.4
"""The user's reasons weigh more than those read in the text: whoever asks knows the case."""
RAISED, LOWERED = 0.8, 0.3

_NO = re.compile(
    (
        r"\b(?:no|not|none|open|flexible|plenty|enough|don't|doesn't|whatever|any|nobody|unlimited|never "
        r"mind)\b"
    ),
    re.I,
)
_IDEA = re.compile(
    (
        r"\b(?:what about|how about|consider|why not|could we|let's|instead(?: we "
        r"could)?|my idea is|another option is|option:)\s+(.{6,160}?)(?:[.?!]|$)"
    ),
    re.I,
)


def absorb(state: State, inputs: Sequence[UserInput]) -> State:
    """The state with everything heard; an input heard before changes nothing."""
    for given in inputs:
        if given.message_id is not None and given.message_id in state.heard:
            continue
        state = _take_in(state, given)
        if given.message_id is not None:
            state = state.model_copy(update={"heard": (*state.heard, given.message_id)})
    return state


def _take_in(state: State, given: UserInput) -> State:
    if given.kind == "message" and given.question_id is None:
        return _message(state, given)
    question = next(
        (q for q in state.questions if q.id == (given.question_id or state.pending)), None
    )
    if question is None or question.id in state.answers:
        return _message(state, given) if given.content else state
    text = (
        given.content
        if given.kind == "answer"
        else (question.default or "" if given.kind == "defaulted" else "")
    )
    pending = None if state.pending == question.id else state.pending
    state = state.model_copy(update={"pending": pending})
    if not text:
        assumed = f"Nobody answered “{question.text}”, so the scores stay as they were"
        return state.model_copy(update={"assumptions": (*state.assumptions, assumed)})
    return _answered(state, question.id, text, is_default=given.kind == "defaulted")


def _answered(state: State, question_id: str, text: str, *, is_default: bool) -> State:
    asked = next(
        turn for turn in state.spoken if turn.message_id == _message_of(state, question_id)
    )
    criterion = asked.key.partition(":")[2]
    if criterion.startswith("about:"):
        return _told_about(state, question_id, criterion.removeprefix("about:"), text)
    weight = state.emphasis.get(criterion, 0.0)
    is_less = bool(_NO.search(text)) and not re.search(r"\d", text)
    changed = weight * LOWERED if is_less else weight + RAISED
    note = f"{CRITERIA[criterion]}: “{text[:120]}”" + (
        " (the default, as nobody answered)" if is_default else ""
    )
    stated = [bound for bound in read_problem(text).bounds if bound.kind in {"money", "time"}]
    problem = state.problem.model_copy(update={"bounds": (*state.problem.bounds, *stated)})
    return state.model_copy(
        update={
            "problem": problem,
            "emphasis": {**state.emphasis, criterion: round(changed, 3)},
            "answers": {**state.answers, question_id: text, criterion: text},
            "assumptions": (
                *(a for a in state.assumptions if not _about(a, criterion)),
                f"The user on {note}" if not is_default else note,
            ),
        }
    )


def _told_about(state: State, question_id: str, option_id: str, text: str) -> State:
    """Facts on one option, clause by clause."""
    clauses = [clause for clause in _CLAUSES.split(text) if clause and clause.strip()]
    found = [a for clause in clauses for a in _judged(state, option_id, clause, question_id)]
    numbered = [a.model_copy(update={"id": f"{option_id}q{n}"}) for n, a in enumerate(found, 1)]
    return state.model_copy(
        update={
            "arguments": (*state.arguments, *numbered),
            "answers": {**state.answers, question_id: text},
        }
    )


def _message_of(state: State, question_id: str) -> str:
    return next(q.message_id for q in state.questions if q.id == question_id)


_TOLD = {
    "cost": "money is limited",
    "speed": "sooner is better",
    "quality": "no figure says it",
    "acceptance": "has to agree first",
}


def _about(assumption: str, criterion: str) -> bool:
    """Whether this is the assumption that an answer on the criterion replaces."""
    return criterion in _TOLD and _TOLD[criterion] in assumption


def _message(state: State, given: UserInput) -> State:
    """A word of the user's own: reasons for or against options, a new option, or just a remark to be replied to."""
    key = given.message_id or given.content[:40]
    found = _reasons(state, given.content, key)
    state = state.model_copy(update={"arguments": (*state.arguments, *found)})
    if not found and (idea := _IDEA.search(given.content)):
        state = _new_option(state, idea[1].strip(), key)
    return state.model_copy(
        update={"to_address": (*state.to_address, f"{key}|{given.content[:500]}")}
    )


_CLAUSES = re.compile(r"[.;!?\n]\s*|,\s(?:but|and|while)\s|,\s|\sbut\s", re.I)


def _reasons(state: State, content: str, key: str) -> list[Argument]:
    found: dict[tuple[str, str], Argument] = {}
    for clause in re.split(r"[.;!?\n]\s*|,\s(?:but|and|while)\s", content):
        meant = [o for o in state.options if _is_meant(o, clause, state)]
        if len(meant) == 1:
            for argument in _judged(state, meant[0].id, clause, key):
                found[argument.option_id, argument.criterion] = argument
    first = len(state.arguments) + 1
    return [
        a.model_copy(update={"id": f"{a.option_id}u{n}"})
        for n, a in enumerate(found.values(), first)
    ]


def _judged(state: State, option_id: str, clause: str, key: str) -> list[Argument]:
    """What a clause says about an option: each judging word on its criterion, turned round by a `not` before it."""
    lexicon = {
        f"{criterion}|{delta}": phrases for (criterion, delta), phrases in JUDGEMENTS.items()
    }
    plain = words(clause)
    found = []
    for match in PhraseIndex(lexicon).find(stems(clause), plain):
        criterion, delta = match.key.split("|")
        before = plain[max(0, match.first - 2) : match.first]
        called = " ".join(plain[max(0, match.first - 1) : match.last + 1])
        sign = -1.0 if {"not", "isn't", "never", "hardly"} & set(before) else 1.0
        found.append(
            Argument(
                id="",
                option_id=option_id,
                criterion=criterion,
                delta=round(sign * float(delta) * USER_WEIGHT, 3),
                text=f"the user calls it “{called}” (“{clause.strip()[:160]}”)",
                source="user",
                by=key,
                is_voiced=True,
            )
        )
    return found


def _is_meant(option: Option, clause: str, state: State) -> bool:
    by_letter = re.search(
        rf"\boption\s{option.id}\b|(?<![\w'’]){option.id}(?=\s(?:is|would|has|looks|seems|costs)\b)",
        clause,
    )
    others = [o.name for o in state.options if o.id != option.id]
    return bool(by_letter) or mentions(option.name, clause, others)


def _new_option(state: State, idea: str, key: str) -> State:
    if state.phase == "consensus" or len(state.options) >= 8 or len(idea.split()) < 2:
        return state
    option_id = chr(ord("A") + len(state.options))
    arguments = tuple(
        a.model_copy(update={"id": f"{option_id}{n}", "option_id": option_id})
        for n, a in enumerate(wording_of(idea), 1)
    )
    broker = next(
        (p.id for p in state.personas if p.id == "creative_strategist"), state.personas[0].id
    )
    option = Option(
        id=option_id,
        name=idea,
        summary=idea,
        proposer=broker,
        origin="user",
        parts=(key,),
        is_introduced=True,
    )
    return state.model_copy(
        update={"options": (*state.options, option), "arguments": (*state.arguments, *arguments)}
    )
