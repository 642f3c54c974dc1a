"""One command that speaks of several things, as several commands: "remove A and B", "give X the p and the q"."""

import re
from collections.abc import Iterable
from dataclasses import replace

from common.contracts.network import Network
from planner.editing.commands import (
    Command,
    Connect,
    Disconnect,
    GiveTool,
    Remove,
    Rename,
    SetConcurrency,
    SetModel,
    TakeTool,
)
from planner.editing.naming import words

_AND = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_SECOND_NAME = re.compile(r"(.+?),?\s+and\s+(.+?)\s+(?:to|as|into)\s+(.+)", re.IGNORECASE)


def expanded(network: Network, command: Command) -> tuple[Command, ...]:
    """The single commands, in their order. A name that holds an "and" itself is one thing."""
    match command:
        case Remove():
            return tuple(replace(command, what=one) for one in _each(network, command.what))
        case GiveTool() | TakeTool():
            return tuple(
                replace(command, agent=agent, tool=tool)
                for agent in _each(network, command.agent)
                for tool in _each(network, command.tool)
            )
        case Connect() | Disconnect():
            return tuple(
                replace(command, source=source, target=target)
                for source in _each(network, command.source)
                for target in _each(network, command.target)
            )
        case SetModel() | SetConcurrency():
            return tuple(replace(command, agent=one) for one in _each(network, command.agent))
        case Rename():
            return _renames(command)
    return (command,)


def _each(network: Network, phrase: str) -> Iterable[str]:
    known = {words(agent.name) for agent in network.agents}
    known |= {words(tool.name) for tool in network.tools}
    parts = [part for part in _AND.split(phrase) if part.strip()]
    return [phrase] if words(phrase) in known or not parts else parts


def _renames(command: Rename) -> tuple[Command, ...]:
    """Two renamings in one: what was read as A to "B and C to D"."""
    found = _SECOND_NAME.fullmatch(command.name)
    if found is None:
        return (command,)
    return (Rename(command.what, found[1]), *_renames(Rename(found[2], found[3])))
