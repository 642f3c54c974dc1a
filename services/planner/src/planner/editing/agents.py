"""Adds, removes and renames agents."""

from common.contracts.network import AgentSpec, Connection, Network
from planner.editing import flow, toolbox
from planner.editing.commands import (
    AddAgent,
    AddApproval,
    AddVerifier,
    Place,
    Remove,
    Rename,
)
from planner.editing.naming import clean_name, find_agent, find_tool, new_id, words
from planner.editing.outcome import BreaksNetworkError, UnclearError
from planner.editing.step import Step, replaced
from planner.review.gates import irreversible_owners
from planner.review.paths import forward_edges, reached, successors


def add(network: Network, command: AddAgent, last: str | None) -> Step:
    """A new agent at its place, with its duty and the tool that was named for it."""
    name = clean_name(command.name)
    check_free(network, name)
    where = _placed(network, command.place, name, "add")
    duty = (command.duty.strip().rstrip("."),) if command.duty.strip() else ()
    new = AgentSpec(id=new_id(network, name), name=name, role=name, responsibilities=duty)
    step = Step(
        flow.place(network, new, where, last),
        (f"Added {name}{_said(network, where, last)}.",),
        new.id,
    )
    if not command.tool:
        return step
    equipped = toolbox.give_to(step.network, new, command.tool)
    return Step(equipped.network, (*step.changes, *equipped.changes), new.id)


def add_verifier(network: Network, command: AddVerifier, last: str | None) -> Step:
    """A verifier after an agent, with a bounded way back to it."""
    name = _free_name(network, clean_name(command.name) or "Verifier")
    where = _placed(network, command.place, name, "add")
    new = AgentSpec(
        id=new_id(network, name), name=name, role=name, is_verifier=True,
        responsibilities=("check the work before it goes on",),
    )  # fmt: skip
    placed = flow.place(network, new, where, last)
    back = _way_back(placed, new, command.rounds or flow.ROUNDS)
    drawn = placed.model_copy(update={"connections": (*placed.connections, *back)})
    bound = f" It sends work back at most {back[0].max_iterations} times." if back else ""
    return Step(
        drawn, (f"Added {name}{_said(network, where, last)} to check the work.{bound}",), new.id
    )


def _way_back(network: Network, verifier: AgentSpec, rounds: int) -> list[Connection]:
    """To the agent whose work is checked, unless it only answers calls, or acts for good: that is not done again."""
    risky = {owner for owner, _ in irreversible_owners(network)}
    checked = [
        e.source for e in network.connections if e.target == verifier.id and e.kind == "verify"
    ]
    return [
        Connection(source=verifier.id, target=source, label="rework", max_iterations=rounds)
        for source in checked[:1]
        if source not in risky and network.agent(source).kind == "agent"
    ]


def add_approval(network: Network, command: AddApproval, last: str | None) -> Step:
    """A person who approves. Without a place it stands before the one irreversible action there is, or is asked for."""
    who = clean_name(command.who)
    name = _free_name(network, who if who else "Human approval", f"{who} approval")
    where = command.place or _risky_place(network, name)
    new = AgentSpec(
        id=new_id(network, name), name=name, role=name, kind="human", model_class=None,
        model_reason="a person, no model", responsibilities=("approve or decline",),
    )  # fmt: skip
    drawn = flow.place(network, new, where, last)
    return Step(drawn, (f"Added {name}{_said(network, where, last)} to approve.",), new.id)


def _risky_place(network: Network, name: str) -> Place:
    owners = list(dict.fromkeys(owner for owner, _ in irreversible_owners(network)))
    if len(owners) == 1:
        return Place("before", owners[0])
    return _placed(network, None, name, "add")


def _placed(network: Network, where: Place | None, name: str, verb: str) -> Place:
    if where is not None:
        return where
    options = tuple(f"{verb} {name} after {agent.name}" for agent in network.agents)
    raise UnclearError(f"Where should {name} stand?", options)


def _said(network: Network, where: Place, last: str | None) -> str:
    def name(said: str) -> str:
        try:
            return find_agent(network, said, last=last).name
        except UnclearError:
            return said

    match where.where:
        case "between":
            return f" between {name(where.one)} and {name(where.two)}"
        case "first":
            return " at the start"
        case "last":
            return " at the end"
        case "under":
            return f", called by {name(where.one)}"
    return f" {where.where} {name(where.one)}"


def check_free(network: Network, name: str) -> None:
    """Refuses a name that an agent has already, and asks for one when it is empty."""
    if not name:
        raise UnclearError("What should the new agent be called, and what should it do?")
    if any(words(agent.name) == words(name) for agent in network.agents):
        raise BreaksNetworkError(
            f"There is an agent called {name} already.", "Give the new agent another name."
        )


def _free_name(network: Network, *names: str) -> str:
    """The first of the names that no agent has, else the last one with a number."""
    taken = {words(agent.name) for agent in network.agents}
    numbered = (f"{names[-1]} {n}" for n in range(2, len(taken) + 3))
    return next(name for name in (*names, *numbered) if words(name) not in taken)


def remove(network: Network, command: Remove, last: str | None) -> Step:
    """Takes out an agent, or a tool from everybody who holds it.

    Raises:
        BreaksNetworkError: it is the only way in or out, or the only owner of a tool that changes something.
    """
    tool = _tool_meant(network, command.what)
    if tool is not None:
        return toolbox.take_from_all(network, tool)
    gone = find_agent(network, command.what, last=last)
    _check_port(network, gone)
    _check_approval(network, gone)
    orphans = [tool for tool in network.tools if tool.used_by == (gone.id,)]
    acting = [tool.name for tool in orphans if tool.side_effect in {"write", "irreversible"}]
    if acting and not command.with_tools:
        raise BreaksNetworkError(
            f"Without {gone.name} nobody would own {', '.join(acting)}, so that work would stay undone.",
            f"Say “remove {gone.name} and its tools”, or give {acting[0]} to another agent first.",
        )
    agents = tuple(agent for agent in network.agents if agent.id != gone.id)
    left = network.model_copy(
        update={
            "agents": agents,
            "connections": flow.bypass(network, gone),
            "entry": tuple(name for name in network.entry if name != gone.id),
            "exit": tuple(name for name in network.exit if name != gone.id),
        }
    )
    lost = f" Its tools went with it: {', '.join(t.name for t in orphans)}." if orphans else ""
    return Step(left, (f"Removed {gone.name}.{lost}",))


def _tool_meant(network: Network, phrase: str) -> str | None:
    """The name of the tool that the phrase means, if it speaks of a tool or fits one exactly and no agent."""
    speaks = phrase.lower().rstrip().endswith((" tool", " tools", " access", " api"))
    names = {words(agent.name) for agent in network.agents}
    exact = next((t.name for t in network.tools if words(t.name) == words(phrase)), None)
    if exact and words(phrase) not in names:
        return exact
    if not speaks:
        return None
    tool = find_tool(network, phrase)
    if tool is None:
        options = tuple(tool.name for tool in network.tools)
        raise UnclearError(f"There is no tool like “{phrase.strip()}”. Which one?", options)
    return tool.name


def _check_port(network: Network, gone: AgentSpec) -> None:
    for word, ids in (("exit", network.exit), ("entry", network.entry)):
        if ids == (gone.id,):
            raise BreaksNetworkError(
                f"{gone.name} is the only {word} of the network.",
                f"Merge it with its neighbour, or add an agent {'after' if word == 'exit' else 'before'} it first.",
            )


def _check_approval(network: Network, gone: AgentSpec) -> None:
    """The last person before an action that cannot be undone stays, even where a verifier is left."""
    if gone.kind != "human":
        return
    ahead = successors((e.source, e.target) for e in forward_edges(network))
    people = [a.id for a in network.agents if a.kind == "human" and a.id != gone.id]
    for owner, tool in irreversible_owners(network):
        if owner in reached([gone.id], ahead) and owner not in reached(people, ahead):
            raise BreaksNetworkError(
                f"Without {gone.name} nobody approves before {network.agent(owner).name} uses {tool}, "
                "which cannot be undone.",
                f"Add another approval before {network.agent(owner).name} first, or take {tool} away.",
            )


def rename(network: Network, command: Rename, last: str | None) -> Step:
    """Another name; the id stays, so that connections, history and figures still fit."""
    agent = find_agent(network, command.what, last=last)
    name = clean_name(command.name)
    if words(name) != words(agent.name):
        check_free(network, name)
    role = name if agent.role == agent.name else agent.role
    renamed = agent.model_copy(update={"name": name, "role": role})
    return Step(replaced(network, renamed), (f"Renamed {agent.name} to {name}.",), agent.id)
