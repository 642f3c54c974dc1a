"""Sets what an agent runs on: its model class and how many tasks it works on at once."""

from typing import Literal

from common.contracts.network import AgentSpec, ModelClass, Network
from planner.editing.commands import NameModel, SetConcurrency, SetModel, Vague
from planner.editing.naming import find_agent, means_all
from planner.editing.outcome import BreaksNetworkError, UnclearError
from planner.editing.step import Step, replaced

_ORDER: tuple[ModelClass, ...] = ("small", "medium", "large", "reasoning")
_MOST = 1_000  # the contract's bound


def set_model(network: Network, command: SetModel, last: str | None) -> Step:
    """Another model class; the reason says that a person asked, so the mapper keeps it.

    Raises:
        BreaksNetworkError: a person has no model, or there is no larger or smaller class.
    """
    if means_all(command.agent):
        found = [agent for agent in network.agents if agent.kind == "agent"]
    else:
        found = [find_agent(network, command.agent, last=last)]
    if found[0].kind == "human":
        raise BreaksNetworkError(f"{found[0].name} is a person and has no model.", "Name an agent.")
    changed = [_with_class(agent, _next(agent, command.wanted)) for agent in found]
    said = tuple(
        f"{new.name} now runs on a {new.model_class} model (was {old.model_class or 'none'})."
        for old, new in zip(found, changed, strict=True)
    )
    return Step(replaced(network, *changed), said, found[0].id if len(found) == 1 else None)


def _with_class(agent: AgentSpec, wanted: ModelClass) -> AgentSpec:
    return agent.model_copy(update={"model_class": wanted, "model_reason": "asked for by a person"})


def _next(agent: AgentSpec, wanted: ModelClass | Literal["up", "down"]) -> ModelClass:
    """The class that is meant; "up" and "down" are relative to the agent's present one."""
    match wanted:
        case "up" | "down":
            now = _ORDER.index(agent.model_class or "medium") + (1 if wanted == "up" else -1)
        case _:
            return wanted
    if not 0 <= now < len(_ORDER):
        raise BreaksNetworkError(
            f"{agent.name} has the {agent.model_class} model already; there is none beyond it.",
            f"Choose one of {', '.join(_ORDER)}.",
        )
    return _ORDER[now]


def set_concurrency(network: Network, command: SetConcurrency, last: str | None) -> Step:
    """How many tasks at once, as a number or as a multiple of now.

    Raises:
        UnclearError: no number was said.
        BreaksNetworkError: the number is not between 1 and 1000.
    """
    agent = find_agent(network, command.agent, last=last)
    number = command.number
    if number is None and command.factor is not None:
        number = max(1, round(agent.concurrency * command.factor))
    if number is None:
        options = tuple(f"set the concurrency of {agent.name} to {n}" for n in (2, 4, 8))
        raise UnclearError(f"How many tasks should {agent.name} work on at once?", options)
    if not 1 <= number <= _MOST:
        raise BreaksNetworkError(
            f"A concurrency of {number} is not possible.", f"Choose a number from 1 to {_MOST}."
        )
    changed = agent.model_copy(update={"concurrency": number})
    said = f"{agent.name} now works on {number} tasks at once (was {agent.concurrency})."
    return Step(replaced(network, changed), (said,), agent.id)


def ask_back(network: Network, command: Vague, last: str | None) -> Step:
    """Never a step: a wish is turned into the changes that could meet it.

    Raises:
        UnclearError: always.
    """
    name = find_agent(network, command.agent, last=last).name
    lighter = {"cheaper", "faster", "quicker", "smaller", "expensive", "slow", "big"}
    model = "smaller" if command.how in lighter else "larger"
    raise UnclearError(
        f"What should change about {name}?",
        (
            f"use a {model} model for {name}",
            f"double the concurrency of {name}",
            f"add a verifier after {name}",
        ),
    )


def ask_class(network: Network, command: NameModel, last: str | None) -> Step:
    """Never a step: networks name classes of models, and products come and go.

    Raises:
        UnclearError: always.
    """
    name = find_agent(network, command.agent, last=last).name
    options = tuple(f"use a {model} model for {name}" for model in _ORDER)
    raise UnclearError(f"Which class of model is {command.model}?", options)
