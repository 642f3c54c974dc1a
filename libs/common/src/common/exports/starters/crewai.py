"""A starter for CrewAI."""

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

from crewai import Agent, Crew, Process, Task
from crewai.tools import tool
"""

_THINK = '''
MAX_ITER = 12  # bounds each agent's own loop of model and tool calls


@cache
def agent(agent_id: str) -> Agent:
    card = CARDS[agent_id]
    return Agent(
        role=card.name,
        goal=card.role,
        backstory=card.instructions,
        llm=card.model,
        tools=[tool(stub.__name__)(stub) for stub in card.tools],
        allow_delegation=False,  # the edges below say who hands over to whom
        max_iter=MAX_ITER,
    )


async def think(agent_id: str, prompt: str) -> str:
    """One task for one agent; its tools are called in between."""
    # CrewAI fills in {names} of a description, so braces of the case's own text become parentheses.
    text = prompt.replace("{", "(").replace("}", ")")
    task = Task(description=text, expected_output="The result, ready for the next agent.", agent=agent(agent_id))
    crew = Crew(agents=[agent(agent_id)], tasks=[task], process=Process.sequential)
    return str(await crew.kickoff_async())
'''


def export_crewai(report: Report) -> str:
    """One Python file. Needs `crewai` and a model's key to run; it loads without a key.

    Raises:
        ExportNotReady: the network is not planned yet.
    """
    network = network_of(report)
    parts = [
        heading(report, network, "CrewAI (pip install crewai)") + _IMPORTS,
        f"TASK = {literal(report.scenario_text)}",
        tables(network, _IMPORTS + _THINK + WALK),
        _THINK.strip("\n"),
        WALK.strip("\n"),
    ]
    return "\n\n".join(parts) + "\n"
