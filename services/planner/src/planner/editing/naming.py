"""Finds the agent or the tool that a phrase means; asks when it could be several, or none."""

import re
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz

from common.contracts.network import AgentSpec, Network, ToolSpec
from planner.editing.outcome import UnclearError

_SURE = 84.0  # one wrong letter in a six-letter word still scores 83–92 in rapidfuzz's ratio
_NEAR = 60.0  # below this a name has nothing to do with the phrase and is no candidate
_MARGIN = 6.0
_NOISE = frozenset(
    [
        "the",
        "a",
        "an",
        "our",
        "my",
        "agent",
        "agents",
        "bot",
        "named",
        "called",
        "existing",
        "role",
        "node",
        "current",
        "all",
        "every",
        "tool",
        "tools",
        "api",
        "access",
    ]
)
_PRONOUNS = frozenset(["it", "that", "this", "him", "her", "them", "this agent", "that agent"])
_PEOPLE = frozenset(["human", "person", "approval", "approver", "sign-off", "signoff", "gate"])
_CHECKS = frozenset(
    ["verifier", "reviewer", "critic", "checker", "evaluator", "verification", "validator"]
)


_ENDS = frozenset(["exit", "last", "final", "end"])
_STARTS = frozenset(["entry", "first", "start"])


def words(phrase: str) -> tuple[str, ...]:
    """The telling words of a phrase in lower case: articles, "agent" and possessives left out."""
    plain = re.sub(r"['’]s\b", "", phrase.lower()).replace("_", " ").replace("-", " ")
    quoted = re.search(r"[\"“](.+?)[\"”]", plain)
    found = re.findall(r"[\w']+", quoted[1] if quoted else plain)
    return tuple(word for word in found if not _is_noise(word)) or tuple(found)


def _is_noise(word: str) -> bool:
    return word in _NOISE or (len(word) > 3 and fuzz.ratio(word, "agent") >= _SURE)


def clean_name(phrase: str) -> str:
    """A phrase as the name of something new: quotes, article and a closing "agent" left out, as written otherwise."""
    quoted = re.search(r"[\"“](.+?)[\"”]", phrase)
    text = (quoted[1] if quoted else phrase).strip().strip("\"'“”‘’.,:!? ")
    text = re.sub(
        r"^(?:(?:a|an|the|new|another|one|extra|second|dedicated)\s+)+", "", text, flags=re.I
    )
    text = re.sub(r"^(?:agent\s+)?(?:called|named)\s+", "", text, flags=re.I).strip("\"'“”‘’ ")
    bare = re.sub(r"\s+agent$", "", text, flags=re.I)
    text = bare if text.islower() else text
    return text[:1].upper() + text[1:] if text.islower() else text


def find_agent(network: Network, phrase: str, *, last: str | None = None) -> AgentSpec:
    """The agent that the phrase means. `last` is what "it" refers to: the agent touched before.

    Raises:
        UnclearError: several agents fit, or none does.
    """
    if last is not None and phrase.strip().lower() in _PRONOUNS:
        return network.agent(last)
    scored = _scored(phrase, [(agent.name, agent.id, agent.role) for agent in network.agents])
    if (best := _one(scored)) is not None:
        return network.agents[best]
    if not any(score >= _SURE for score in scored):
        described = _described(network, phrase)
        if len(described) == 1:
            return described[0]
        near = described or [a for a, s in zip(network.agents, scored, strict=True) if s >= _NEAR]
        raise UnclearError(_which(phrase, near), _names(near or network.agents))
    fitting = [a for a, s in zip(network.agents, scored, strict=True) if s >= max(scored) - _MARGIN]
    raise UnclearError(_which(phrase, fitting), _names(fitting))


def means_all(phrase: str) -> bool:
    """Whether the phrase means every agent."""
    return bool(
        re.fullmatch(
            r"(?:for )?(?:all|every|each)(?: (?:of )?(?:the )?agents?)?|every(?:one|body|thing)",
            phrase.strip(),
            re.I,
        )
    )


def find_tool(network: Network, phrase: str) -> ToolSpec | None:
    """The tool that the phrase means, or None when the network has none like it.

    Raises:
        UnclearError: several tools fit.
    """
    scored = _scored(phrase, [(tool.name, tool.capability) for tool in network.tools])
    if (best := _one(scored)) is not None:
        return network.tools[best]
    fitting = [t for t, s in zip(network.tools, scored, strict=True) if s >= _SURE]
    if fitting:
        names = tuple(tool.name for tool in fitting)
        raise UnclearError(f"Which tool do you mean by “{phrase.strip()}”?", names)
    return None


def _one(scored: Sequence[float]) -> int | None:
    """The index of the only one that fits: an exact name, or a sure one with a margin to the next."""
    if not scored:
        return None
    order = sorted(range(len(scored)), key=lambda n: -scored[n])
    best, rest = order[0], order[1:]
    is_alone = not rest or scored[rest[0]] < scored[best] - _MARGIN
    return best if scored[best] >= _SURE and is_alone else None


def _scored(phrase: str, names: Iterable[tuple[str, ...]]) -> list[float]:
    asked = words(phrase)
    return [max(_similar(asked, words(name)) for name in known) for known in names]


def _similar(asked: tuple[str, ...], name: tuple[str, ...]) -> float:
    """0…100: how well each asked word is found in the name. 110 for the whole name, so that it beats a part of one."""
    if not asked or not name:
        return 0.0
    if asked == name:
        return 110.0
    best = [max(_word(word, other) for other in name) for word in asked]
    covered = min(len(asked), len(name)) / max(len(asked), len(name))
    return sum(best) / len(best) * (0.94 + 0.06 * covered)


def _word(asked: str, known: str) -> float:
    """Likeness of two words; a common beginning of five letters counts ("research", "researcher")."""
    if len(asked) >= 5 and len(known) >= 5 and asked[:5] == known[:5]:
        return max(96.0, fuzz.ratio(asked, known))
    return float(fuzz.ratio(asked, known))


def _described(network: Network, phrase: str) -> list[AgentSpec]:
    """Agents that the phrase describes by what they are: the first, the last, a person, a verifier."""
    said = set(words(phrase))
    for port, ids in ((_ENDS, network.exit), (_STARTS, network.entry)):
        if said <= port:
            return [network.agent(agent_id) for agent_id in ids]
    if said & _PEOPLE:
        return [agent for agent in network.agents if agent.kind == "human"]
    if said & _CHECKS:
        return [agent for agent in network.agents if agent.is_verifier]
    return []


def _which(phrase: str, fitting: Sequence[AgentSpec]) -> str:
    said = phrase.strip().strip("\"'“”")
    if not fitting:
        return f"There is no agent called “{said}”. Which one do you mean?"
    return f"Which agent do you mean by “{said}”?"


def _names(agents: Iterable[AgentSpec]) -> tuple[str, ...]:
    return tuple(agent.name for agent in agents)


def new_id(network: Network, name: str) -> str:
    """An id for something new: the name in the style of the network's ids, unique among agents and tools."""
    glue = "-" if any("-" in agent.id for agent in network.agents) else "_"
    slug = re.sub(r"[^a-z0-9]+", glue, name.lower()).strip(glue)[:48] or "agent"
    taken = {agent.id for agent in network.agents} | {tool.name for tool in network.tools}
    numbered = (f"{slug}{glue}{n}" for n in range(2, len(taken) + 3))
    return slug if slug not in taken else next(name for name in numbered if name not in taken)
