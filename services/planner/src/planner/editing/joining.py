"""Makes one agent of several, and several of one."""

from collections.abc import Sequence
from itertools import pairwise

from rapidfuzz import fuzz

from common.contracts.network import AgentSpec, Connection, ModelClass, Network
from planner.editing import flow
from planner.editing.agents import check_free
from planner.editing.commands import Merge, Split
from planner.editing.naming import clean_name, find_agent, new_id, words
from planner.editing.outcome import BreaksNetworkError, UnclearError
from planner.editing.step import Step

_ORDER: tuple[ModelClass, ...] = ("small", "medium", "large", "reasoning")


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
    names = " and ".join((", ".join(a.name for a in parts[:-1]), parts[-1].name))
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
            check_free(network, name)
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
