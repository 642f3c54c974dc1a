"""Roles that a pattern needs beside those of the steps: a coordinator, a router, a synthesizer, a critic."""

from collections.abc import Callable, Sequence

from common.contracts.network import Pattern
from common.contracts.scenario import Interpretation, Step
from planner.rules.roles import OUTWARD, STEERING, Role, is_item, lead_of, merged

_LEADING = frozenset({"coordinate", "discuss", "route", "receive", "greet", "classify"})
_CLOSING = frozenset({"compile", "summarize", "report", "decide", "recommend"})


_FEWEST_TOPICS = 2
_SHARED = frozenset(
    {
        "policy_rules",
        "vector_search",
        "account_system",
        "order_management",
        "crm",
        "sql_database",
        "clinical_data",
    }
)
"""Sources that every specialist of a desk reads; what acts stays with the one whose duty it is."""
_FEWEST_IN_CHAT = 3


def cast(
    pattern: Pattern, roles: Sequence[Role], interpretation: Interpretation, most: int
) -> list[Role]:
    """The roles in the order the pattern wires them; at most `most`."""
    ways: dict[str, Callable[[list[Role], Interpretation], list[Role]]] = {
        "supervisor": _with_lead,
        "hierarchical": _with_teams,
        "router": _with_desk,
        "handoff": _with_desk,
        "parallel": _with_synthesis,
        "group_chat": _with_voices,
        "evaluator_loop": _with_critic,
    }
    way = ways.get(pattern)
    cast_roles = way(list(roles), interpretation) if way else list(roles)
    while len(cast_roles) > max(1, most):
        last = cast_roles.pop()
        cast_roles[-1] = merged(cast_roles[-1], last)
    return cast_roles


def _first(roles: list[Role], fits: Callable[[Role], bool]) -> Role | None:
    return next((role for role in roles if fits(role)), None)


def _to_front(roles: list[Role], role: Role) -> list[Role]:
    return [role, *(other for other in roles if other is not role)]


def steering(interpretation: Interpretation, role: Role) -> list[Step]:
    """The steps that say how others work together and belong to nobody yet."""
    return [s for s in interpretation.steps if s.verb in STEERING and s not in role.steps]


def _with_lead(roles: list[Role], interpretation: Interpretation) -> list[Role]:
    lead = _first(
        roles,
        lambda role: role.stage == "lead" or role.verb in {"route", "coordinate"} or role.is_lead,
    )
    lead = lead or _first(roles[::-1], lambda role: role.verb in {"compile", "decide", "recommend"})
    if lead is None:
        subject = interpretation.industry.name.replace("_", " ").title()
        lead = Role(
            f"{subject} Coordinator",
            "coordinate",
            "coordinates the case, delegates to the others and gives one answer",
        )
    lead.is_lead = True
    lead.steps += steering(interpretation, lead)
    return _to_front(roles, lead)


def _with_desk(roles: list[Role], interpretation: Interpretation) -> list[Role]:
    desk = _first(roles, lambda role: role.stage == "intake" or role.verb in {"route", "classify"})
    if desk is None:
        desk = Role(
            "Triage Agent",
            "route",
            "receives the request, understands it and transfers it to the right specialist",
        )
    desk.steps += steering(interpretation, desk)
    return _to_front(_equipped(roles, desk), desk)


def _equipped(roles: list[Role], desk: Role) -> list[Role]:
    """Specialists for topics get what the text gives to whoever answers; that answering is then no role of its own."""
    topics = [role for role in roles if any(is_item(step) for step in role.steps)]
    answering = [r for r in roles if r not in topics and r is not desk and r.verb == "answer"]
    if len(topics) < _FEWEST_TOPICS:
        return roles
    shared = [name for role in (desk, *answering) for name in role.capabilities if name in _SHARED]
    for role in topics:
        role.implied = tuple(dict.fromkeys([*role.implied, *shared]))
    return [role for role in roles if role not in answering]


def _with_synthesis(roles: list[Role], interpretation: Interpretation) -> list[Role]:
    last = _first(roles[::-1], lambda role: role.verb in _CLOSING)
    if last is None:
        last = Role(
            "Synthesis Lead",
            "compile",
            "starts the parallel work, merges all contributions and puts together one result",
        )
    return [*(role for role in roles if role is not last), last]


def _with_critic(roles: list[Role], interpretation: Interpretation) -> list[Role]:
    """Somebody who judges stands right behind the work that is judged; what is only improved again is rework."""
    if all(role.stage in {"quality", "assess"} for role in roles):
        roles = [Role("Author", "write", "writes the draft and rewrites it after remarks"), *roles]
    roles = _with_rework(roles)
    judging = next((role for role in reversed(roles[1:]) if role.stage == "quality"), None)
    if judging is None:
        judging = Role(
            "Critic",
            "review",
            "reviews the draft against the criteria and returns feedback and remarks",
        )
    others = [role for role in roles if role is not judging]
    made = [i for i, role in enumerate(others) if role.stage in {"produce", "assess"}]
    is_late = judging in roles and not any(
        role.verb in OUTWARD for role in roles[: roles.index(judging)]
    )
    place = roles.index(judging) if is_late else (made[-1] + 1 if made else len(others))
    return [*others[:place], judging, *others[place:]]


def _with_rework(roles: list[Role]) -> list[Role]:
    """A role that only improves what another made is that other's second round, not a colleague."""
    kept: list[Role] = []
    for role in roles:
        makers = [one for one in kept if one.stage == "produce"]
        if role.verb == "optimize" and makers and not role.is_stated and not role.profession:
            makers[-1].steps += role.steps
        else:
            kept.append(role)
    return kept


def _with_voices(roles: list[Role], interpretation: Interpretation) -> list[Role]:
    """A discussion needs at least two voices and somebody who closes it."""
    if len(roles) >= _FEWEST_IN_CHAT:
        return roles
    voices = [role for role in roles if role.verb not in _CLOSING]
    missing = [
        Role("Advocate", "analyze", "argues in favour with reasons and evidence"),
        Role(
            "Opponent", "analyze", "argues against, names weaknesses, risks and counter-arguments"
        ),
    ][: 2 - len(voices)]
    closing = [role for role in roles if role.verb in _CLOSING]
    if not closing:
        closing = [
            Role(
                "Moderator",
                "coordinate",
                "moderates the discussion, gives the floor and sums up the result",
            )
        ]
    return [*voices, *missing, *closing]


_TEAMS: tuple[tuple[str, frozenset[str]], ...] = (
    ("Research", frozenset({"gather", "assess", "intake"})),
    ("Writing", frozenset({"produce", "quality"})),
    ("Operations", frozenset({"act", "decide", "memory"})),
)


def _with_teams(roles: list[Role], interpretation: Interpretation) -> list[Role]:
    """A head, and below it a lead for each kind of work with the roles that do it."""
    if len({lead_of(role) for role in roles} - {None}) > 1:
        return _with_stated_teams(roles)
    head = _first(roles, lambda role: role.stage == "lead") or Role(
        "Program Director",
        "coordinate",
        "directs the teams, sets priorities and puts their results together",
    )
    head.is_lead = True
    head.steps += steering(interpretation, head)
    found = [head]
    for name, stages in _TEAMS:
        members = [role for role in roles if role is not head and role.stage in stages]
        if members:
            duty = f"leads the {name.lower()} team, assigns its work and answers for its results"
            found += [Role(f"{name} Team Lead", "coordinate", duty, is_lead=True), *members]
    return found


def _with_stated_teams(roles: list[Role]) -> list[Role]:
    """The tree of the text: its head, then each lead with those who work under it; the others work for the head."""
    titles = dict.fromkeys(lead for role in roles if (lead := lead_of(role)))
    leads = [role for role in roles if role.title in titles]
    others = [role for role in roles if role.title not in titles and not lead_of(role)]
    head = _first(others, lambda role: role.is_stated or role.stage == "lead") or Role(
        "Program Director",
        "coordinate",
        "directs the teams, sets priorities and puts their results together",
    )
    head.is_lead = True
    found = [head, *(role for role in others if role is not head)]
    for chief in leads:
        chief.is_lead = True
        found += [chief, *(role for role in roles if lead_of(role) == chief.title)]
    return found
