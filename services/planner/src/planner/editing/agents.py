"""Adds, removes, renames, merges and splits agents."""

from collections.abc import Sequence
from itertools import pairwise

from rapidfuzz import fuzz

from common.contracts.network import AgentSpec, Connection, ModelClass, Network
from planner.editing import flow, toolbox
from planner.editing.commands import (
    AddAgent,
    AddApproval,
    AddVerifier,
    Merge,
    Place,
    Remove,
    Rename,
    Split,
)
from planner.editing.naming import clean_name, find_agent, find_tool, new_id, words
from planner.editing.outcome import BreaksNetworkError, UnclearError
from planner.editing.step import Step, replaced
from planner.review.gates import irreversible_owners
from planner.review.paths import forward_edges, reached, successors

_ORDER: tuple[ModelClass, ...] = ("small", "medium", "large", "reasoning")


def add(network: Network, command: AddAgent, last: str | None) -> Step:
    """A new agent at its place, with its duty and the tool that was named for it."""
    name = clean_name(command.name)
    _check_free(network, name)
    where = _placed(network, command.place, name, "add")
    duty = (command.duty.strip().rstrip("."),) if command.duty.strip() else ()
    new = AgentSpec(id=new_id(network, name), name=name, role=name, responsibilities=duty)
    step = Step(
        flow.place(network, new, where, last), (f"Added {name}{_said(network, where)}.",), new.id
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
    return Step(drawn, (f"Added {name}{_said(network, where)} to check the work.{bound}",), new.id)


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
    return Step(drawn, (f"Added {name}{_said(network, where)} to approve.",), new.id)


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


def _said(network: Network, where: Place) -> str:
    def name(said: str) -> str:
        try:
            return find_agent(network, said).name
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


def _check_free(network: Network, name: str) -> None:
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
        _check_free(network, name)
    role = name if agent.role == agent.name else agent.role
    renamed = agent.model_copy(update={"name": name, "role": role})
    return Step(replaced(network, renamed), (f"Renamed {agent.name} to {name}.",), agent.id)


def merge(network: Network, command: Merge, last: str | None) -> Step:
    """One agent in the place of several, with all their duties and tools.

    Raises:
        BreaksNetworkError: a person would be merged with an agent, or a worker with its own check.
    """
    found = [find_agent(network, said, last=last) for said in command.agents]
    parts = list({agent.id: agent for agent in found}.values())
    if len(parts) < 2:
        raise UnclearError(
            "Which two agents should be merged?", tuple(a.name for a in network.agents)
        )
    _check_alike(parts)
    kept = find_agent(network, command.keep, last=last) if command.keep else parts[0]
    name = clean_name(command.name) if command.name else kept.name
    one = _merged(kept, parts, name)
    ids = {agent.id for agent in parts}
    agents = tuple(
        one if agent.id == kept.id else agent
        for agent in network.agents
        if agent.id == kept.id or agent.id not in ids
    )
    joined = network.model_copy(
        update={
            "agents": agents,
            "connections": tuple(_moved(edge, ids, kept.id) for edge in network.connections),
            "entry": tuple(kept.id if name in ids else name for name in network.entry),
            "exit": tuple(kept.id if name in ids else name for name in network.exit),
        }
    )
    names = " and ".join(agent.name for agent in parts)
    return Step(joined, (f"Merged {names} into {name}.",), kept.id)


def _check_alike(parts: Sequence[AgentSpec]) -> None:
    if len({agent.kind for agent in parts}) > 1:
        raise BreaksNetworkError(
            "A person and an agent cannot be one.", "Merge only agents, or remove the person."
        )
    if len({agent.is_verifier for agent in parts}) > 1:
        raise BreaksNetworkError(
            "A worker that is merged with its verifier would check itself.",
            "Remove the verifier instead, if the check is not wanted.",
        )


def _merged(kept: AgentSpec, parts: Sequence[AgentSpec], name: str) -> AgentSpec:
    """The kept agent with everything the parts had, in their order and without repeats."""
    union = {
        field: tuple(dict.fromkeys(x for agent in parts for x in getattr(agent, field)))
        for field in ("responsibilities", "capabilities", "tools", "skills", "steps")
    }
    evidence = tuple({(e.start, e.end): e for a in parts for e in a.evidence}.values())
    strongest = max(
        parts, key=lambda a: -1 if a.model_class is None else _ORDER.index(a.model_class)
    )
    return kept.model_copy(
        update={
            **union,
            "name": name,
            "role": name if kept.role == kept.name else kept.role,
            "evidence": evidence,
            "concurrency": max(agent.concurrency for agent in parts),
            "model_class": strongest.model_class,
            "model_reason": strongest.model_reason,
        }
    )


def _moved(edge: Connection, ids: set[str], to: str) -> Connection:
    source = to if edge.source in ids else edge.source
    return edge.model_copy(
        update={"source": source, "target": to if edge.target in ids else edge.target}
    )


def split(network: Network, command: Split, last: str | None) -> Step:
    """Several agents in a row in the place of one; duties and tools go to the part whose name is most like them.

    Raises:
        UnclearError: the parts are not named.
    """
    whole = find_agent(network, command.agent, last=last)
    names = [clean_name(part) for part in command.parts]
    if len(names) < 2:
        raise UnclearError(f"Into which agents should {whole.name} be split?", _proposals(whole))
    for name in names:
        if words(name) != words(whole.name):
            _check_free(network, name)
    parts = _parts(network, whole, names)
    spot = network.agents.index(whole)
    agents = (*network.agents[:spot], *parts, *network.agents[spot + 1 :])
    divided = network.model_copy(
        update={
            "agents": agents,
            "connections": _rewired(network, whole, parts),
            "entry": tuple(parts[0].id if n == whole.id else n for n in network.entry),
            "exit": tuple(parts[-1].id if n == whole.id else n for n in network.exit),
        }
    )
    return Step(divided, (f"Split {whole.name} into {' and '.join(names)}.",), parts[-1].id)


def _proposals(whole: AgentSpec) -> tuple[str, ...]:
    duties = whole.responsibilities
    if len(duties) < 2:
        return (f"split {whole.name} into … and …",)
    half = (len(duties) + 1) // 2
    return (
        f"split {whole.name} into “{'; '.join(duties[:half])}” and “{'; '.join(duties[half:])}”",
    )


def _parts(network: Network, whole: AgentSpec, names: Sequence[str]) -> list[AgentSpec]:
    """The first part keeps the whole's id, so that what points at it still points somewhere."""
    fields = ("responsibilities", "capabilities", "tools", "skills", "steps")
    shared = {field: _dealt(getattr(whole, field), names) for field in fields}
    grown, parts = network, []
    for n, name in enumerate(names):
        part = whole.model_copy(
            update={
                "id": whole.id if n == 0 else new_id(grown, name),
                "name": name,
                "role": name,
                **{field: shared[field][n] for field in fields},
            }
        )
        parts.append(part)
        grown = grown.model_copy(update={"agents": (*grown.agents, part)})
    return parts


def _dealt(things: Sequence[str], names: Sequence[str]) -> list[tuple[str, ...]]:
    piles: list[list[str]] = [[] for _ in names]
    for thing in things:
        likeness = [
            fuzz.partial_token_set_ratio(thing.replace("_", " "), name.lower()) for name in names
        ]
        likeness = [
            max(score, _stemlike(thing, name)) for score, name in zip(likeness, names, strict=True)
        ]
        piles[likeness.index(max(likeness))].append(thing)
    return [tuple(pile) for pile in piles]


def _stemlike(thing: str, name: str) -> float:
    """The best likeness between a word of the thing and a word of the name ("checks", "checker")."""
    return max(fuzz.ratio(a, b) for a in words(thing) or ("",) for b in words(name) or ("",))


def _rewired(
    network: Network, whole: AgentSpec, parts: Sequence[AgentSpec]
) -> tuple[Connection, ...]:
    """Into the first part, from part to part, out of the last; a helper's caller calls every part."""
    if flow.is_called(network, whole.id):
        extra = [
            edge.model_copy(update={"target": part.id})
            for edge in network.connections
            if edge.target == whole.id and edge.kind == "call"
            for part in parts[1:]
        ]
        return (*network.connections, *extra)
    moved = [
        edge.model_copy(update={"source": parts[-1].id}) if edge.source == whole.id else edge
        for edge in network.connections
    ]
    chain = [
        Connection(source=one.id, target=two.id, kind=flow.kind_to(two), label="hands over")
        for one, two in pairwise(parts)
    ]
    return (*moved, *chain)
