"""The tool catalogue: capabilities, and the tools that carry them."""

import re
from functools import cache

from common.contracts.network import SideEffect
from common.contracts.values import Share, Value
from mapper.rules.data import table

FILES = (
    "knowledge",
    "records",
    "money",
    "operations",
    "communication",
    "content",
    "computing",
)


class Profile(Value):
    """Typical latency in seconds and the share of calls that fail, with where the figures come from."""

    p50_s: float
    p95_s: float
    error_rate: Share
    source: str


class CatalogueTool(Value):
    """One tool that carries a capability. `cues` are the words that ask for it; none means: the default."""

    name: str
    capability: str
    effect: SideEffect
    profile: str
    mcp: str | None = None
    credentials: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    description: str


class Capability(Value):
    """What an agent may need. The first tool is the least one: it reads, unless the capability only writes."""

    name: str
    aliases: tuple[str, ...] = ()
    tools: tuple[CatalogueTool, ...]


@cache
def profiles() -> dict[str, Profile]:
    """Profiles by name."""
    return {name: Profile.model_validate(row) for name, row in table("profiles").items()}


@cache
def capabilities() -> dict[str, Capability]:
    """Every capability by its name, in the order of the files."""
    rows = [row for file in FILES for row in table(file)]
    return {row["capability"]: _capability(row) for row in rows}


def _capability(row: dict[str, object]) -> Capability:
    tools = row["tools"]
    assert isinstance(tools, list)
    named = [{**tool, "capability": row["capability"]} for tool in tools]
    return Capability.model_validate(
        {"name": row["capability"], "aliases": row.get("aliases", ()), "tools": named}
    )


def canonical(name: str) -> str:
    """A name as the catalogue writes names: lower case, words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


@cache
def _index() -> dict[str, str]:
    known: dict[str, str] = {}
    for capability in capabilities().values():
        for name in (capability.name, *(tool.name for tool in capability.tools)):
            known.setdefault(name, capability.name)
    for capability in capabilities().values():
        for alias in capability.aliases:
            known.setdefault(canonical(alias), capability.name)
    return known


def find(name: str) -> Capability | None:
    """The capability of this name, alias or tool name; None when the catalogue knows no such thing."""
    found = _index().get(canonical(name))
    return capabilities()[found] if found else None


def tool_named(name: str) -> CatalogueTool | None:
    """The tool of exactly this name."""
    capability = find(name)
    tools = capability.tools if capability else ()
    return next((tool for tool in tools if tool.name == canonical(name)), None)
