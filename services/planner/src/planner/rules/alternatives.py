"""Other ways to build the same, each wired and forecast, with what it gains and costs."""

from collections.abc import Callable, Sequence

from common.contracts.network import Alternative, Forecast, Network, Pattern
from common.contracts.scenario import Interpretation
from planner.rules.pattern import Choice, described
from planner.rules.roles import Role, merged

type Forecaster = Callable[[Network], Forecast | None]

_OTHERS: dict[Pattern, tuple[Pattern, Pattern]] = {
    "single": ("evaluator_loop", "supervisor"),
    "sequential": ("single", "supervisor"),
    "parallel": ("sequential", "supervisor"),
    "router": ("supervisor", "single"),
    "supervisor": ("sequential", "single"),
    "hierarchical": ("supervisor", "sequential"),
    "evaluator_loop": ("sequential", "single"),
    "group_chat": ("parallel", "sequential"),
    "handoff": ("router", "supervisor"),
    "blackboard": ("parallel", "supervisor"),
}


def alternatives(
    interpretation: Interpretation,
    roles: Sequence[Role],
    choice: Choice,
    network: Network,
    forecast: Forecaster | None,
) -> tuple[Alternative, ...]:
    """Two other patterns for the same roles, in a fixed order."""
    return tuple(
        _alternative(interpretation, roles, pattern, network, forecast)
        for pattern in _OTHERS[choice.pattern]
    )


def _alternative(
    interpretation: Interpretation,
    roles: Sequence[Role],
    pattern: Pattern,
    network: Network,
    forecast: Forecaster | None,
) -> Alternative:
    from planner.rules.planning import wired

    most = sum(agent.kind == "agent" for agent in network.agents)
    other = wired(
        interpretation,
        _recast(pattern, roles, interpretation, most),
        Choice(pattern, described(pattern)[0], {}),
    )
    figures = forecast(other) if forecast else None
    count = sum(agent.kind == "agent" for agent in other.agents)
    return Alternative(
        name=f"{pattern.replace('_', ' ').capitalize()} with {count} agent{'s' if count > 1 else ''}",
        pattern=pattern,
        reason=described(pattern)[0],
        trade_off=described(pattern)[1],
        forecast=figures or Forecast(agents=count),
    )


def _recast(
    pattern: Pattern, roles: Sequence[Role], interpretation: Interpretation, most: int
) -> list[Role]:
    from planner.rules.casting import cast

    if pattern != "single":
        return cast(pattern, list(roles), interpretation, most + 1)
    one, *rest = roles
    for role in rest:
        one = merged(one, role)
    return [one]
