"""Moves of the consensus: open the ballot, vote blind, broker a compromise, decide and write it down."""

from collections.abc import Sequence

from common.contracts.conversations import (
    Persona,
    VoteCast,
)
from common.personas import CRITERIA
from conversation.rules.deliberation import scoring
from conversation.rules.deliberation.ballots import Count, count, deadlock_winner
from conversation.rules.deliberation.draft import Draft, arguments_of, joined, stop
from conversation.rules.deliberation.floor import Move, stuck
from conversation.rules.deliberation.minutes import final_summary, written
from conversation.rules.deliberation.state import Argument, Option, State

TOO_CLOSE = 0.006
"""An agent to whom its two best options differ by less abstains: it has no reason to prefer one."""
KEPT_PRO, KEPT_CON, TAKEN_PRO = 0.9, 0.7, 0.75
"""How much of the arguments a compromise keeps of its main part, and takes over from the other."""


def call_ballot(draft: Draft, move: Move) -> None:
    """The scores on the table, the rules, and the candidates."""
    reason = stuck(draft.state)
    if reason and draft.state.phase != "consensus":
        draft.put(remedies=(*draft.state.remedies, f"{reason}: ballot"))
    draft.put(phase="consensus")
    if (
        len(draft.state.on_table) < 2
    ):  # time ran out before they were brought in: they stand on the paper all the same
        shown = tuple(o.model_copy(update={"is_introduced": True}) for o in draft.state.options)
        draft.put(options=shown)
    state = draft.state
    candidates = _candidates(state)
    draft.put(candidates=candidates, ballot=state.ballot + 1)
    named = [
        f"{o} “{state.option(o).name}” ({scoring.team_total(state, o):.2f})" for o in candidates
    ]
    conceded = [o for o in state.objections if o.status == "conceded" and o.option_id in candidates]
    text = (
        f"{_why(move.reason)} Ballot {draft.state.ballot} of at most {state.bounds.max_ballots}: "
        f"{joined(named)}. It is blind and weighted; "
        f"{state.bounds.quorum:.0%} of the weight must be cast, and an option wins with more than "
        f"{state.bounds.majority:.0%} of it."
    )
    if conceded:
        text += f" Left unanswered: {joined(f'{CRITERIA[o.criterion]} of {o.option_id}' for o in conceded)}."
    draft.say(
        move.agent_id,
        text,
        f"call_ballot:{draft.state.ballot}",
        kind="consensus",
        ballot=draft.state.ballot,
    )


def _why(reason: str) -> str:
    return stop(f"{reason[:1].upper()}{reason[1:]}")


def _candidates(state: State) -> tuple[str, ...]:
    """All options on the first paper; later the two in front and what was made of them."""
    order = scoring.leaders(state)
    if state.ballot == 0:
        return order
    last = count(
        [v for v in state.votes if v.ballot == state.ballot],
        quorum=state.bounds.quorum,
        majority=state.bounds.majority,
    )
    ahead = sorted(last.weights, key=lambda o: (-last.weights[o], order.index(o)))[:2]
    fresh = [
        o.id for o in state.options if o.origin == "compromise" and o.parts and o.is_introduced
    ][-1:]
    chosen = {*ahead, *order[: max(0, 2 - len(ahead))], *fresh}
    return tuple(o for o in order if o in chosen)


def vote(draft: Draft, move: Move) -> None:
    """Every agent's paper, filled in without sight of the others', opened together."""
    del move
    state = draft.state
    papers = [paper(state, persona) for persona in state.personas]
    for persona, cast in zip(state.personas, papers, strict=True):
        lean = draft.state.leans.get(persona.id)
        text = _paper_text(state, cast, lean)
        draft.say(
            persona.id,
            text,
            f"vote:{state.ballot}:{persona.id}",
            kind="vote",
            is_new=False,
            ballot=state.ballot,
            choice=cast.choice,
            weight=cast.weight,
        )
        if cast.choice:
            draft.put(leans={**draft.state.leans, persona.id: cast.choice})
    draft.put(votes=(*state.votes, *papers))


def paper(state: State, persona: Persona) -> VoteCast:
    """One agent's vote: its best option by its own scores; an abstention where it cannot tell."""
    options = [state.option(o) for o in state.candidates]
    ranked = scoring.ranking(state, persona, options)
    before = next((v.choice for v in reversed(state.votes) if v.agent_id == persona.id), None)
    if len(ranked) > 1 and ranked[0][0] - ranked[1][0] < TOO_CLOSE:
        reason = (
            f"“{state.option(ranked[0][1]).name}” and “{state.option(ranked[1][1]).name}” "
            f"weigh the same to me ({ranked[0][0]:.2f})"
        )
        return VoteCast(
            ballot=state.ballot,
            agent_id=persona.id,
            choice=None,
            weight=persona.vote_weight,
            reason=reason,
            changed_from=before,
        )
    choice = ranked[0][1]
    return VoteCast(
        ballot=state.ballot,
        agent_id=persona.id,
        choice=choice,
        weight=persona.vote_weight,
        reason=_best_reason(state, persona, choice),
        changed_from=before if before != choice else None,
    )


def _best_reason(state: State, persona: Persona, option_id: str) -> str:
    """The argument that weighs most with this agent."""
    weights = scoring.weights(state, persona)
    known = [
        a
        for a in arguments_of(state, option_id)
        if a.delta > 0 and a in scoring.known(state, persona, option_id, a.criterion)
    ]
    if not known:
        return "it has the fewest points against it"
    best = max(known, key=lambda a: (weights.get(a.criterion, 0.0) * a.delta, a.id))
    return f"on {CRITERIA[best.criterion]}, {best.text.removeprefix('safeguard: ')}"


def _paper_text(state: State, cast: VoteCast, lean: str | None) -> str:
    if cast.choice is None:
        return f"I abstain: {stop(cast.reason)}"
    moved = (
        f" Earlier I leant to “{state.option(lean).name}”."
        if lean not in {None, cast.choice} and lean
        else ""
    )
    return f"My vote is for {cast.choice}, “{state.option(cast.choice).name}”: {stop(cast.reason)}{moved}"


def compromise(draft: Draft, move: Move) -> None:
    """A proposal made of the two options in front: the main part of one, and what the other does better."""
    state = draft.state
    result = _last_count(state)
    order = scoring.leaders(state)
    ahead = sorted(result.weights, key=lambda o: (-result.weights[o], order.index(o)))
    ahead += [o for o in order if o not in ahead]
    main, other = _pair(state, ahead)
    gift = _gift(state, main.id, other.id)
    option_id = chr(ord("A") + len(state.options))
    name = f"{main.name}; where that falls short, {other.name[:1].lower()}{other.name[1:]}"
    summary = (
        f"begin with “{main.name}” and take over from “{other.name}” what speaks for it: "
        f"{gift.text if gift else other.summary}"
    )
    made = Option(
        id=option_id,
        name=name[:160],
        summary=summary,
        proposer=move.agent_id,
        origin="compromise",
        actions=(*main.actions[:2], *other.actions[:1]),
        safeguards=main.safeguards,
        parts=(main.id, other.id),
        is_introduced=True,
    )
    draft.put(
        options=(*state.options, made),
        remedies=(
            *state.remedies,
            f"ballot {state.ballot} without a winner: compromise {option_id}",
        ),
    )
    _inherit(draft, made, main.id, other.id)
    losers = [
        state.persona(v.agent_id).name.split()[0]
        for v in state.votes
        if v.ballot == state.ballot and v.choice == other.id
    ]
    whom = f" It gives {joined(losers)} the point that mattered." if losers else ""
    text = (
        f"The ballot ended {_shares(state, result)}. Can everybody carry this instead: option "
        f"{option_id}, {summary}?{whom} "
        "The price is that two things have to be led at once."
    )
    draft.say(move.agent_id, text, f"compromise:{option_id}", kind="proposal", option_id=option_id)


def _pair(state: State, ahead: Sequence[str]) -> tuple[Option, Option]:
    """The foremost two options that have not been put together yet; a compromise itself may be one of them."""
    made = {frozenset(option.parts) for option in state.options if option.origin == "compromise"}
    pairs = [(a, b) for n, a in enumerate(ahead) for b in ahead[n + 1 :]]
    fresh = [p for p in pairs if frozenset(p) not in made and not _is_part(state, *p)]
    main, other = (fresh or pairs)[0]
    return state.option(main), state.option(other)


def _is_part(state: State, one: str, other: str) -> bool:
    return one in state.option(other).parts or other in state.option(one).parts


def _last_count(state: State) -> Count:
    cast = [v for v in state.votes if v.ballot == state.ballot]
    return count(cast, quorum=state.bounds.quorum, majority=state.bounds.majority)


def _shares(state: State, result: Count) -> str:
    if not result.weights:
        return "without a single vote cast"
    parts = [
        f"{weight:g} for {o}"
        for o, weight in sorted(result.weights.items(), key=lambda p: (-p[1], p[0]))
    ]
    return f"{joined(parts)} with {result.turnout:.0%} of the weight cast"


def _gift(state: State, main: str, other: str) -> Argument | None:
    """What the other option does best where the main one is weak."""
    weak = {c: scoring.voiced_score(state, main, c).score for c in CRITERIA}
    pros = [
        a
        for a in arguments_of(state, other)
        if a.delta > 0 and a.is_voiced and a.source != "debate"
    ]
    return max(pros, key=lambda a: (a.delta * (1 - weak[a.criterion]), a.id), default=None)


def _inherit(draft: Draft, made: Option, main: str, other: str) -> None:
    for a in arguments_of(draft.state, main):
        share = KEPT_PRO if a.delta > 0 else KEPT_CON
        draft.argue(a.model_copy(update={"option_id": made.id, "delta": round(a.delta * share, 4)}))
    for a in arguments_of(draft.state, other):
        if a.delta > 0 and a.is_voiced:
            draft.argue(
                a.model_copy(update={"option_id": made.id, "delta": round(a.delta * TAKEN_PRO, 4)})
            )
    draft.argue(
        Argument(
            id="",
            option_id=made.id,
            criterion="effort",
            delta=-0.1,
            text="two things have to be led at once",
            source="debate",
        )
    )


def decide(draft: Draft, move: Move) -> None:
    """The decision for programs, and its summary for people."""
    state = draft.state
    result = _last_count(state)
    winner = result.winner or _by_rule(state)
    decision = written(state, result, winner)
    summary = final_summary(state, decision)
    draft.put(decision=decision, is_over=True)
    draft.final_summary = summary
    draft.say(move.agent_id, summary, "decide", kind="consensus", decision_option=winner)


def _by_rule(state: State) -> str:
    totals = {o: scoring.team_total(state, o) for o in state.candidates}
    safety = {o: scoring.voiced_score(state, o, "risk").score for o in state.candidates}
    return deadlock_winner(totals, safety)
