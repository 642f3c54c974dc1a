"""Who speaks next, about what, and why: read off the state, never drawn by lot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from common.contracts.conversations import Persona, Phase
from common.personas import CRITERIA
from common.wording import words
from conversation.rules.deliberation import scoring
from conversation.rules.deliberation.ballots import count
from conversation.rules.deliberation.state import Argument, State

MIN_SHORTFALL = 0.012
"""An objection below this weight is not worth a turn."""
SURE_MARGIN = 0.05
"""All lean the same way, each by at least this much: there is nothing left to discuss."""
NO_NEWS_TURNS = 3


@dataclass(frozen=True, slots=True)
class Move:
    """What an agent is to do with the floor. `about` is an option, a criterion or an objection, by `kind`."""

    kind: str
    agent_id: str
    reason: str
    about: str = ""
    criterion: str = ""


def next_move(state: State) -> Move | None:
    """The move that is due; null when the deliberation is over or waits for the user."""
    if state.is_over or state.pending is not None:
        return None
    if state.to_address and state.turn < state.bounds.max_turns - 4:
        return _reply(state)
    if (
        state.messages - state.summarised_at >= state.bounds.summary_every
        and state.phase != "consensus"
    ):
        return Move(
            "summarise",
            lead(state).id,
            (f"{state.messages - state.summarised_at} messages since the last summary"),
        )
    if state.phase != "consensus" and state.turn >= state.bounds.max_turns - 4:
        return Move(
            "call_ballot",
            lead(state).id,
            f"only {state.bounds.max_turns - state.turn} turns are left",
        )
    return _BY_PHASE[state.phase](state)


def lead(state: State) -> Persona:
    """Who runs the meeting: the project manager, or whoever is first where there is none."""
    return next((p for p in state.personas if p.id == "project_manager"), state.personas[0])


def done(state: State, key: str) -> bool:
    return any(turn.key == key for turn in state.spoken)


def turns_of(state: State, agent_id: str) -> int:
    return sum(turn.agent_id == agent_id for turn in state.spoken)


def _reply(state: State) -> Move:
    """A user's message goes to the agent it names, else to the one whose criteria it touches."""
    text = state.to_address[0].partition("|")[2].lower()
    spoken_to = set(words(text))
    for persona in state.personas:
        if persona.name.split()[0].lower() in spoken_to or persona.role.lower() in text:
            return Move("reply", persona.id, f"the user spoke to {persona.name}")
    touched = [p for p in state.personas if any(word in text for word in _words_of(p))]
    chosen = min(touched or state.personas, key=lambda p: turns_of(state, p.id))
    return Move(
        "reply",
        chosen.id,
        f"the user's point touches {chosen.role.lower()}" if touched else "the user spoke",
    )


def _words_of(persona: Persona) -> list[str]:
    return [area.lower() for area in persona.expertise_areas] + [
        c.replace("_", " ") for c in persona.criteria
    ]


def _initialization(state: State) -> Move:
    if not done(state, "frame"):
        return Move("frame", lead(state).id, "opens and puts the problem to everybody")
    gaps = missing(state)
    asker = next(
        (p for p in state.personas if gaps and gaps[0] in p.criteria and p.id != lead(state).id),
        None,
    )
    if asker is not None and not done(state, "gaps"):
        return Move(
            "gaps",
            asker.id,
            (f"{CRITERIA[gaps[0]]} is this role's to judge, and the text says nothing about it"),
            criterion=gaps[0],
        )
    return _exploration(state)


def missing(state: State) -> list[str]:
    """Criteria that the text should bound and does not, the most needed first."""
    problem = state.problem
    lacks = [
        ("cost", problem.bound("money") is None),
        ("speed", problem.bound("time") is None),
        ("quality", not problem.figures),
        ("acceptance", not problem.people),
    ]
    return [
        criterion
        for criterion, is_missing in lacks
        if is_missing and criterion not in state.answers
    ]


def _exploration(state: State) -> Move:
    fresh = [option for option in state.options if not option.is_introduced]
    if fresh:
        spoke_last = state.spoken[-1].agent_id if state.spoken else ""
        option = next((o for o in fresh if o.proposer != spoke_last), fresh[0])
        return Move("propose", option.proposer, f"has “{option.name}” to bring in", about=option.id)
    assessor = _assessor(state)
    if assessor is not None:
        return assessor
    question = _worth_asking(state)
    if question is not None:
        return question
    return _discussion(state)


def _assessor(state: State) -> Move | None:
    """The role that knows most that has not been said, by what it weighs."""

    def unsaid(persona: Persona) -> float:
        weights = scoring.weights(state, persona)
        return sum(
            weights.get(a.criterion, 0.0) * abs(a.delta)
            for a in state.arguments
            if not a.is_voiced and a.criterion in persona.criteria
        )

    waiting = [p for p in state.personas if not done(state, f"assess:{p.id}") and unsaid(p) > 0]
    if not waiting:
        return None
    last = state.spoken[-1].agent_id
    chosen = max(
        waiting, key=lambda p: (p.id != last, round(unsaid(p), 6), -state.personas.index(p))
    )
    criterion = max(chosen.criteria, key=lambda c: chosen.criteria[c])
    return Move(
        "assess", chosen.id, f"knows most about {CRITERIA[criterion]} that has not been said yet"
    )


def _worth_asking(state: State) -> Move | None:
    """A question is asked only if the answer could change which option leads."""
    if len(state.questions) >= state.bounds.max_questions:
        return None
    if unknown := next((o for o in state.on_table if not _is_known(state, o.id)), None):
        reason = f"nobody knows anything about “{unknown.name}”"
        return Move("ask_about", lead(state).id, reason, about=unknown.id)
    for criterion in missing(state):
        low, high = what_depends(state, criterion)
        asker = next((p for p in state.personas if criterion in p.criteria), None)
        is_argued = any(
            a.criterion == criterion and a.option_id in {low, high} for a in state.arguments
        )
        if asker is not None and low != high and is_argued and not done(state, f"ask:{criterion}"):
            reason = f"the answer decides between “{state.option(low).name}” and “{state.option(high).name}”"
            return Move("ask", asker.id, reason, criterion=criterion)
    return None


def _is_known(state: State, option_id: str) -> bool:
    """Whether there is an argument on the option, or the user was asked for one."""
    has_argument = any(a.option_id == option_id for a in state.arguments)
    return has_argument or done(state, f"ask:about:{option_id}")


def what_depends(state: State, criterion: str) -> tuple[str, str]:
    """The leading option if the criterion hardly mattered, and if it mattered most."""
    little = {**state.emphasis, criterion: 0.0}
    much = {**state.emphasis, criterion: 2.5 * state.emphasis.get(criterion, 0.0) + 1.0}
    low = scoring.leaders(state.model_copy(update={"emphasis": little}))[0]
    high = scoring.leaders(state.model_copy(update={"emphasis": much}))[0]
    return low, high


def _discussion(state: State) -> Move:
    waiting = next((o for o in state.objections if o.status == "open"), None)
    if waiting is not None:
        objector = state.persona(waiting.by).name
        return Move(
            "answer",
            waiting.to,
            (f"{objector} put the objection about {CRITERIA[waiting.criterion]} to this agent"),
            about=waiting.id,
        )
    stop = stuck(state)
    is_settled = agreed(state) and bool(
        state.objections
    )  # even of one mind, the heaviest doubt is heard first
    if stop is None and not is_settled:
        objection = next_objection(state)
        if objection is not None:
            return objection
    return Move(
        "call_ballot",
        lead(state).id,
        stop
        or (
            "everybody leans the same way"
            if agreed(state)
            else "no objection is left that nobody has raised"
        ),
    )


def agreed(state: State) -> bool:
    """Whether every agent clearly prefers the same option."""
    first: set[str] = set()
    for persona in state.personas:
        ranked = scoring.ranking(state, persona, state.on_table)
        first.add(ranked[0][1])
        if len(ranked) > 1 and ranked[0][0] - ranked[1][0] < SURE_MARGIN:
            return False
    return len(first) == 1


def stuck(state: State) -> str | None:
    """Why the discussion stands still, or null: bounds, no news, or a lead that swings to and fro."""
    rounds = len(state.objections) // 2
    if rounds >= state.bounds.max_discussion_rounds:
        return f"{rounds} rounds of objections were the limit"
    recent = [
        turn for turn in state.spoken if turn.key.split(":")[0] in {"object", "answer", "reply"}
    ][-NO_NEWS_TURNS:]
    if len(recent) == NO_NEWS_TURNS and not any(turn.is_new for turn in recent):
        return f"the last {NO_NEWS_TURNS} turns brought nothing new"
    last = state.leaders[-4:]
    if len(last) == 4 and last[0] == last[2] != last[1] == last[3]:
        return f"the lead swings between “{state.option(last[0]).name}” and “{state.option(last[1]).name}”"
    return None


def next_objection(state: State) -> Move | None:
    """The heaviest objection nobody has made yet, against one of the two options in front."""
    best: tuple[float, Move] | None = None
    last = state.spoken[-1].agent_id if state.spoken else ""
    for weight, persona, argument in _shortfalls(state):
        key = f"object:{argument.option_id}:{argument.criterion}"
        if weight < MIN_SHORTFALL or done(state, key):
            continue
        fairness = 0.85 ** turns_of(state, persona.id) * (0.5 if persona.id == last else 1.0)
        if best is None or weight * fairness > best[0] + 1e-9:
            reason = (
                f"weighs {CRITERIA[argument.criterion]} and sees "
                f"“{state.option(argument.option_id).name}” fall short there"
            )
            best = (
                weight * fairness,
                Move("object", persona.id, reason, argument.option_id, argument.criterion),
            )
    return best[1] if best else None


def _shortfalls(state: State) -> Iterator[tuple[float, Persona, Argument]]:
    """(weight of the shortfall, who feels it, the strongest argument behind it), of the two leading options."""
    front = scoring.leaders(state)[:2]
    for persona in state.personas:
        weights = scoring.weights(state, persona)
        for option_id in front:
            if state.option(option_id).proposer == persona.id:
                continue
            for criterion in persona.criteria:
                against = [
                    a
                    for a in scoring.known(state, persona, option_id, criterion)
                    if a.delta < 0 and a.source != "debate"
                ]
                if against:
                    worst = min(against, key=lambda a: (a.delta, a.id))
                    level = scoring.score(scoring.known(state, persona, option_id, criterion))
                    # A point that others outweigh is still worth hearing, but less.
                    gap = max(scoring.NEUTRAL - level, -0.4 * worst.delta)
                    yield weights.get(criterion, 0.0) * gap, persona, worst


def _consensus(state: State) -> Move:
    chair = lead(state).id
    if state.spoken and state.spoken[-1].key.startswith("call_ballot"):
        return Move("vote", chair, "the ballot is open")
    if state.spoken and state.spoken[-1].key.startswith("vote"):
        cast = [vote for vote in state.votes if vote.ballot == state.ballot]
        result = count(cast, quorum=state.bounds.quorum, majority=state.bounds.majority)
        if (
            result.winner
            or state.ballot >= state.bounds.max_ballots
            or state.turn + 4 > state.bounds.max_turns
        ):
            return Move(
                "decide",
                chair,
                "the ballot has a winner"
                if result.winner
                else "the last ballot had none, so the written rule decides",
            )
        broker = next(
            (p for p in state.personas if p.id == "creative_strategist"), state.personas[-1]
        )
        return Move(
            "compromise",
            broker.id,
            f"the ballot ended without a winner ({result.verdict.replace('_', ' ')})",
        )
    return Move(
        "call_ballot",
        chair,
        "a new proposal is on the table" if state.ballot else "it is time to decide",
    )


def answerer(state: State, option_id: str, objector: str) -> str:
    """Who has to answer for an option: who brought it in, else who values it most."""
    option = state.option(option_id)
    if option.proposer != objector and any(p.id == option.proposer for p in state.personas):
        return option.proposer
    others = [p for p in state.personas if p.id != objector] or list(state.personas)
    return max(
        others,
        key=lambda p: (
            round(scoring.agent_total(state, p, option_id), 6),
            -state.personas.index(p),
        ),
    ).id


_BY_PHASE: dict[Phase, Callable[[State], Move]] = {
    "initialization": _initialization,
    "exploration": _exploration,
    "discussion": _discussion,
    "consensus": _consensus,
}
