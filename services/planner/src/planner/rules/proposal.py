"""A network proposed from outside as roles and a pattern; the rules wire it, so gates, bounds and tools stay theirs.

A proposal says who does which steps and how they work together. Every edge, gate, verifier and bound is drawn by the
same rules as for our own plan, and the result must be sound, or the proposal is refused.
"""

from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from common.contracts.network import Network, Pattern
from common.contracts.scenario import Interpretation, Step
from common.contracts.values import Value
from common.llm.asking import strange_numbers
from planner.review.invariants import broken
from planner.rules.alternatives import alternatives
from planner.rules.casting import cast
from planner.rules.occupations import occupations
from planner.rules.pattern import Choice, choose
from planner.rules.planning import Forecaster, wired
from planner.rules.roles import Role, work

_MOST_PROBLEMS = 6
_LONGEST_TITLE = 60


class ProposedRole(Value):
    """One role: its title, what it is for, and the ids of the steps it carries out."""

    title: str = Field(max_length=_LONGEST_TITLE)
    duty: str = Field(max_length=240)
    steps: tuple[str, ...]


class ProposedPlan(Value):
    pattern: Pattern
    pattern_reason: str = Field(max_length=400)
    roles: tuple[ProposedRole, ...]


def problems(
    interpretation: Interpretation, proposal: ProposedPlan, max_agents: int
) -> tuple[str, ...]:
    """Why the proposal cannot be built; empty if it can."""
    found = [*_sizes(proposal, max_agents), *_shared_out(interpretation, proposal)]
    known = " ".join(
        (interpretation.summary, *(span.text for s in interpretation.steps for span in s.evidence))
    )
    said = " ".join((proposal.pattern_reason, *(role.duty for role in proposal.roles)))
    if strange := strange_numbers(said, known):
        found.append(f"leave out the figures {', '.join(strange)}")
    if found:
        return tuple(found[:_MOST_PROBLEMS])
    roles = _roles(interpretation, proposal)
    _, network, _ = _wired_with(interpretation, roles, proposal, max_agents)
    return broken(network, max_agents=max_agents)[:_MOST_PROBLEMS]


def _sizes(proposal: ProposedPlan, max_agents: int) -> list[str]:
    found = []
    if not proposal.roles:
        found.append("roles: there is none")
    if len(proposal.roles) > max_agents:
        found.append(f"roles: at most {max_agents} are allowed")
    if any(not role.title.strip() for role in proposal.roles):
        found.append("roles: each needs a title")
    titles = Counter(role.title.strip().casefold() for role in proposal.roles)
    found += [f"roles: the title {t!r} is there {n} times" for t, n in titles.items() if n > 1]
    if proposal.pattern == "single" and len(proposal.roles) > 1:
        found.append("pattern: single has one role")
    return found


def _shared_out(interpretation: Interpretation, proposal: ProposedPlan) -> list[str]:
    """Every step of the agents belongs to exactly one role."""
    given = Counter(step for role in proposal.roles for step in role.steps)
    known = {step.id for step in interpretation.steps}
    found = [f"steps: there is no step {name!r}" for name in given if name not in known]
    found += [f"steps: {name} has {n} roles; give it one" for name, n in given.items() if n > 1]
    missing = [step.id for step in work(interpretation) if step.id not in given]
    if missing:
        found.append(f"steps: nobody does {', '.join(missing)}")
    empty = [role.title for role in proposal.roles if not role.steps]
    found += [f"roles: {title!r} has no step" for title in empty]
    return found


def built(
    interpretation: Interpretation,
    proposal: ProposedPlan,
    max_agents: int,
    *,
    forecast: Forecaster | None = None,
) -> Network:
    """The proposed roles, wired by the rules."""
    found = _roles(interpretation, proposal)
    players, network, choice = _wired_with(interpretation, found, proposal, max_agents)
    return network.model_copy(
        update={
            "forecast": forecast(network) if forecast else None,
            "alternatives": alternatives(interpretation, players, choice, network, forecast),
        }
    )


def _wired_with(
    interpretation: Interpretation, found: Sequence[Role], proposal: ProposedPlan, max_agents: int
) -> tuple[Sequence[Role], Network, Choice]:
    strengths = choose(interpretation, len(found)).strengths
    choice = Choice(proposal.pattern, " ".join(proposal.pattern_reason.split()), strengths)
    players = cast(choice.pattern, found, interpretation, max_agents)
    return players, wired(interpretation, players, choice), choice


def _roles(interpretation: Interpretation, proposal: ProposedPlan) -> Sequence[Role]:
    steps = {step.id: step for step in interpretation.steps}
    found = [
        _role(role, sorted((steps[i] for i in role.steps if i in steps), key=lambda s: s.order))
        for role in proposal.roles
    ]
    return sorted((role for role in found if role.steps), key=lambda role: role.order)


def _role(proposed: ProposedRole, steps: list[Step]) -> Role:
    """A role keeps the capabilities its profession always needs, if the title is one we know."""
    title = " ".join(proposed.title.split())
    known = occupations().get(title)
    return Role(
        title=title,
        verb=steps[0].verb if steps else "",
        duty=" ".join(proposed.duty.split()) or title,
        steps=steps,
        implied=known.capabilities if known else (),
    )
