"""A starter for the OpenAI Agents SDK."""

from common.contracts.report import Report
from common.exports.escaping import literal
from common.exports.readiness import network_of
from common.exports.starters.tables import heading, tables
from common.exports.starters.walk import WALK

_IMPORTS = """
import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from agents import Agent, Runner, function_tool
"""

_THINK = '''
MAX_TURNS = 12  # bounds each agent's own loop of model and tool calls


@cache
def agent(agent_id: str) -> Agent:
    card = CARDS[agent_id]
    tools = [function_tool(tool) for tool in card.tools]
    return Agent(name=card.name, instructions=card.instructions, model=card.model, tools=tools)


async def think(agent_id: str, prompt: str) -> str:
    """One run of an agent; its tools are called in between."""
    result = await Runner.run(agent(agent_id), prompt, max_turns=MAX_TURNS)
    return str(result.final_output)
'''


def export_openai_agents(report: Report) -> str:
    """One Python file. Needs `openai-agents` and OPENAI_API_KEY to run; it loads without a key.

    Raises:
        ExportNotReady: the network is not planned yet.
    """
    network = network_of(report)
    parts = [
        heading(report, network, "OpenAI Agents SDK (pip install openai-agents)") + _IMPORTS,
        f"TASK = {literal(report.scenario_text)}",
        tables(network, _IMPORTS + _THINK + WALK),
        _THINK.strip("\n"),
        WALK.strip("\n"),
    ]
    return "\n\n".join(parts) + "\n"
