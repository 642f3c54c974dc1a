"""A better fit of tools and skills, proposed from outside and bounded by least privilege.

A proposal may name the catalogue's capability for one that the catalogue did not know, and say an agent's skills. It
gives no agent a tool that changes more than the rules gave it, and neither adds nor removes agents or flow.
"""

from collections.abc import Iterable

from pydantic import Field

from common.contracts.network import Network, SideEffect
from common.contracts.scenario import Interpretation
from common.contracts.values import Value
from common.llm.asking import strange_numbers
from mapper.rules.catalogue import capabilities, find
from mapper.rules.mapping import map_network

_RISK: tuple[SideEffect, ...] = ("none", "read", "write", "irreversible")
_MOST_SKILLS = 6


class ProposedSkills(Value):
    agent_id: str
    skills: tuple[str, ...] = Field(max_length=_MOST_SKILLS)


class ProposedCapability(Value):
    """`unknown` is a capability the catalogue lacks; `known` is the catalogue's name for the same thing."""

    unknown: str
    known: str


class ProposedFit(Value):
    skills: tuple[ProposedSkills, ...]
    capabilities: tuple[ProposedCapability, ...]


def unknown_capabilities(network: Network) -> tuple[str, ...]:
    """Capabilities of the plan that the catalogue does not know, in the order of the agents."""
    named = (name for agent in network.agents for name in agent.capabilities)
    return tuple(dict.fromkeys(name for name in named if find(name) is None))


def known_capabilities() -> tuple[str, ...]:
    return tuple(capabilities())


def problems(
    planned: Network, interpretation: Interpretation, by_rules: Network, fit: ProposedFit
) -> tuple[str, ...]:
    """Why the proposal cannot be taken; empty if it can."""
    if not fit.capabilities and not any(said.skills for said in fit.skills):
        return ("skills: say the skills of each agent",)
    agents = {agent.id for agent in planned.agents}
    found = [
        f"skills: there is no agent {s.agent_id!r}" for s in fit.skills if s.agent_id not in agents
    ]
    unknown = set(unknown_capabilities(planned))
    for pair in fit.capabilities:
        if pair.unknown not in unknown:
            found.append(f"capabilities: {pair.unknown!r} is not one that needs a name")
        if pair.known not in capabilities():
            found.append(f"capabilities: {pair.known!r} is not in the catalogue")
    known = " ".join(
        text for agent in planned.agents for text in (agent.role, *agent.responsibilities)
    )
    said = " ".join(skill for s in fit.skills for skill in s.skills)
    if strange := strange_numbers(said, known):
        found.append(f"skills: leave out the figures {', '.join(strange)}")
    if found:
        return tuple(found)
    return _riskier(by_rules, fitted(planned, interpretation, by_rules, fit))


def fitted(
    planned: Network, interpretation: Interpretation, by_rules: Network, fit: ProposedFit
) -> Network:
    """The rules' mapping of the plan with the proposed names and skills."""
    names = {pair.unknown: pair.known for pair in fit.capabilities}
    mapped = by_rules
    if names:
        agents = tuple(
            agent.model_copy(
                update={"capabilities": _unique(names.get(n, n) for n in agent.capabilities)}
            )
            for agent in planned.agents
        )
        mapped = map_network(planned.model_copy(update={"agents": agents}), interpretation)
    skills = {
        s.agent_id: _unique(" ".join(skill.lower().split())[:60] for skill in s.skills)
        for s in fit.skills
    }
    held = {agent.id for agent in planned.agents if agent.skills}
    agents = tuple(
        agent
        if agent.id in held or not skills.get(agent.id)
        else agent.model_copy(update={"skills": skills[agent.id]})
        for agent in mapped.agents
    )
    return mapped.model_copy(update={"agents": agents})


def _riskier(by_rules: Network, now: Network) -> tuple[str, ...]:
    before = _effects(by_rules)
    return tuple(
        f"capabilities: {agent_id} would get a tool that can change more than it needs"
        for agent_id, risk in _effects(now).items()
        if risk > before.get(agent_id, 0)
    )


def _effects(network: Network) -> dict[str, int]:
    """The gravest effect of each agent's tools."""
    risk = {tool.name: _RISK.index(tool.side_effect) for tool in network.tools}
    return {
        agent.id: max((risk[name] for name in agent.tools if name in risk), default=0)
        for agent in network.agents
    }


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))[:30]
