"""Scores of options: what each agent makes of the arguments it knows, by its own criteria."""

from collections.abc import Iterable

from common.contracts.conversations import CriterionScore, OptionScored, Persona
from common.personas import CRITERIA
from conversation.rules.deliberation.state import Argument, Option, State

NEUTRAL = 0.55
"""The score of an option on a criterion nobody has said anything about."""
SHARED = 0.3
"""How much of an agent's weight follows the problem's own stress rather than the role's criteria."""
LOWEST, HIGHEST = 0.05, 0.97


def score(arguments: Iterable[Argument]) -> float:
    """The score that arguments on one criterion of one option add up to."""
    total = NEUTRAL + sum(argument.delta for argument in arguments)
    return max(LOWEST, min(HIGHEST, total))


def known(state: State, persona: Persona, option_id: str, criterion: str) -> tuple[Argument, ...]:
    """Arguments the agent counts: all that were voiced, and on its own criteria also the ones it has in mind."""
    is_own = criterion in persona.criteria
    return tuple(
        argument
        for argument in state.arguments
        if argument.option_id == option_id
        and argument.criterion == criterion
        and (argument.is_voiced or is_own)
    )


def weights(state: State, persona: Persona) -> dict[str, float]:
    """Criterion → weight, summing to 1: the role's criteria and the problem's own stress."""
    own = _normalised({c: w for c, w in persona.criteria.items() if w > 0})
    stressed = _normalised(state.emphasis)
    shared = SHARED if stressed and own else (1.0 if stressed else 0.0)
    return {
        criterion: (1 - shared) * own.get(criterion, 0.0) + shared * stressed.get(criterion, 0.0)
        for criterion in CRITERIA
        if criterion in own or criterion in stressed
    }


def _normalised(values: dict[str, float]) -> dict[str, float]:
    total = sum(values.values())
    return {key: value / total for key, value in values.items()} if total else {}


def agent_total(state: State, persona: Persona, option_id: str) -> float:
    """What the option is worth to this agent, 0…1."""
    return sum(
        weight * score(known(state, persona, option_id, criterion))
        for criterion, weight in weights(state, persona).items()
    )


def ranking(
    state: State, persona: Persona, options: Iterable[Option]
) -> tuple[tuple[float, str], ...]:
    """(score, option id), best first; equal scores in the order of the options."""
    scored = [
        (agent_total(state, persona, option.id), -place, option.id)
        for place, option in enumerate(options)
    ]
    return tuple((total, option_id) for total, _, option_id in sorted(scored, reverse=True))


def team_total(state: State, option_id: str) -> float:
    """The agents' totals, weighted as their votes are."""
    whole = sum(persona.vote_weight for persona in state.personas)
    return (
        sum(p.vote_weight * agent_total(state, p, option_id) for p in state.personas) / whole
        if whole
        else 0.0
    )


def leaders(state: State) -> tuple[str, ...]:
    """Option ids on the table, the team's favourite first."""
    order = {option.id: place for place, option in enumerate(state.options)}
    table = [option.id for option in state.on_table]
    return tuple(sorted(table, key=lambda o: (-round(team_total(state, o), 6), order[o])))


def voiced_score(state: State, option_id: str, criterion: str) -> CriterionScore:
    """The score that stands in the minutes: voiced arguments only, with their words as evidence."""
    arguments = [
        a
        for a in state.arguments
        if a.option_id == option_id and a.criterion == criterion and a.is_voiced
    ]
    return CriterionScore(
        criterion=criterion,
        score=round(score(arguments), 3),
        evidence=tuple(_evidence(a) for a in arguments),
    )


def _evidence(argument: Argument) -> str:
    origin = " (brought in by a model)" if argument.source == "persona" else ""
    return f"{'+' if argument.delta > 0 else '−'} {argument.text}{origin}"


def scored_option(state: State, option: Option) -> OptionScored:
    stressed = {criterion for p in state.personas for criterion in p.criteria}
    return OptionScored(
        option_id=option.id,
        name=option.name,
        summary=option.summary,
        proposed_by=option.proposer,
        total=round(min(1.0, team_total(state, option.id)), 3),
        scores=tuple(voiced_score(state, option.id, c) for c in CRITERIA if c in stressed),
        safeguards=option.safeguards,
    )
