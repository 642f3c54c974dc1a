"""The decision as it is written down: for programs, and its summary for people."""

from collections.abc import Sequence
from typing import Literal

from common.contracts.conversations import ActionItem, Decision, Dissent, RiskNoted
from conversation.rules.deliberation import scoring
from conversation.rules.deliberation.ballots import Count
from conversation.rules.deliberation.draft import arguments_of, joined, stop
from conversation.rules.deliberation.state import Option, State


def written(state: State, result: Count, winner: str) -> Decision:
    """What a program reads: the option, every score with its evidence, votes, dissents, risks, actions."""
    option = state.option(winner)
    cast = result.weights.get(winner, 0.0)
    total_cast = sum(result.weights.values())
    return Decision(
        option_id=winner,
        option=option.name,
        summary=option.summary,
        rule=_rule(result, option),
        agreement=min(1.0, cast / total_cast) if total_cast else 0.0,
        turnout=result.turnout,
        options=tuple(
            scoring.scored_option(state, state.option(o)) for o in scoring.leaders(state)
        ),
        votes=state.votes,
        dissents=tuple(_dissents(state, winner)),
        risks=_risks(state, winner),
        actions=_actions(state, option),
        open_questions=tuple(q.text for q in state.questions if q.id not in state.answers),
        assumptions=state.assumptions,
        evidence_event_ids=state.evidence_event_ids,
    )


Rule = Literal["unanimous", "majority", "compromise", "deadlock_highest_score"]


def _rule(result: Count, option: Option) -> Rule:
    if result.winner is None:
        return "deadlock_highest_score"
    if option.origin == "compromise":
        return "compromise"
    return "unanimous" if result.verdict == "unanimous" else "majority"


def _dissents(state: State, winner: str) -> list[Dissent]:
    last = [v for v in state.votes if v.ballot == state.ballot]
    found = []
    for cast in last:
        if cast.choice is None or cast.choice == winner:
            continue
        persona = state.persona(cast.agent_id)
        against = [a for a in arguments_of(state, winner, persona.criteria) if a.delta < 0]
        reason = against[0].text if against else cast.reason
        found.append(Dissent(agent_id=cast.agent_id, preferred=cast.choice, reason=reason))
    return found


def _risks(state: State, winner: str) -> tuple[RiskNoted, ...]:
    """What speaks against the winner, the heaviest first, with the answer where there was one."""
    answered = {
        (o.criterion, o.text): o
        for o in state.objections
        if o.option_id in {winner, *state.option(winner).parts}
    }
    found: dict[str, RiskNoted] = {}
    for a in arguments_of(state, winner):
        if a.delta < 0 and a.is_voiced and a.source != "debate":
            objection = answered.get((a.criterion, a.text))
            expert = max(state.personas, key=lambda p: p.criteria.get(a.criterion, 0.0))
            found.setdefault(
                a.text,
                RiskNoted(
                    text=a.text,
                    criterion=a.criterion,
                    raised_by=objection.by if objection else expert.id,
                    answer=objection.answer if objection else None,
                ),
            )
    return tuple(found.values())[:5]


def _actions(state: State, option: Option) -> tuple[ActionItem, ...]:
    """First steps, then one for every safeguard; owners are people of the team."""
    present = {p.id for p in state.personas}
    chair = state.personas[0].id
    items: Sequence[ActionItem] = [
        *option.actions,
        *(
            ActionItem(text=f"put in place: {text}", owner="quality_assurance", estimate_days=2)
            for text in option.safeguards
        ),
    ]
    return tuple(i if i.owner in present else i.model_copy(update={"owner": chair}) for i in items)


_RULES = {
    "unanimous": "by all votes cast",
    "majority": "by majority",
    "compromise": "as a compromise",
    "deadlock_highest_score": (
        "by the rule for a deadlock (highest score of the team), because "
        "no ballot brought a majority"
    ),
}


def final_summary(state: State, decision: Decision) -> str:
    """What was decided, how, against whom, what can go wrong, who does what first."""
    best = next(o for o in decision.options if o.option_id == decision.option_id)
    lines = [
        f"Decided {_RULES[decision.rule]}: {decision.option_id}, “{decision.option}” (score {best.total:.2f}; "
        f"{decision.agreement:.0%} of the weight cast, turnout {decision.turnout:.0%}).",
        stop(f"That means: {decision.summary}") if decision.summary != decision.option else "",
    ]
    others = [
        f"“{o.name}” {o.total:.2f}" for o in decision.options if o.option_id != decision.option_id
    ][:3]
    if others:
        lines.append(f"Not chosen: {joined(others)}.")
    if best.safeguards:
        lines.append(stop(f"Conditions: {'; '.join(best.safeguards)}"))
    lines += [
        stop(
            f"{state.persona(d.agent_id).name} would have preferred "
            f"“{state.option(d.preferred).name}”, because {d.reason}"
        )
        for d in decision.dissents
    ]
    open_risks = [r for r in decision.risks if r.answer is None][:2]
    if open_risks:
        lines.append(stop(f"To be watched: {'; '.join(r.text for r in open_risks)}"))
    if decision.actions:
        first = decision.actions[0]
        lines.append(
            stop(
                f"First step: {first.text} ({state.persona(first.owner).name}, about "
                f"{first.estimate_days:g} working days)"
            )
        )
    if decision.assumptions:
        lines.append(stop(f"Assumed: {'; '.join(decision.assumptions)}"))
    return " ".join(line for line in lines if line)
