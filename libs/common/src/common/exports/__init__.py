"""Exports of a simulation: pure functions from a report to text, by format."""

from collections.abc import Callable
from dataclasses import dataclass

from common.contracts.report import Report
from common.exports.as_json import export_json
from common.exports.dot import export_dot
from common.exports.markdown import export_markdown
from common.exports.mermaid import export_mermaid
from common.exports.otlp import export_otlp
from common.exports.readiness import ExportNotReady
from common.exports.starters.crewai import export_crewai
from common.exports.starters.langgraph import export_langgraph
from common.exports.starters.openai_agents import export_openai_agents

__all__ = [
    "EXPORTS",
    "ExportNotReady",
    "Exporter",
    "export_crewai",
    "export_dot",
    "export_json",
    "export_langgraph",
    "export_markdown",
    "export_mermaid",
    "export_openai_agents",
    "export_otlp",
]


@dataclass(frozen=True, slots=True)
class Exporter:
    """One format: what it is, how its file ends, how it is made."""

    media_type: str
    suffix: str
    export: Callable[[Report], str]


EXPORTS: dict[str, Exporter] = {
    "json": Exporter("application/json", ".json", export_json),
    "markdown": Exporter("text/markdown; charset=utf-8", ".md", export_markdown),
    "mermaid": Exporter("text/vnd.mermaid; charset=utf-8", ".mmd", export_mermaid),
    "dot": Exporter("text/vnd.graphviz; charset=utf-8", ".dot", export_dot),
    "otlp": Exporter("application/json", ".otlp.json", export_otlp),
    "crewai": Exporter("text/x-python; charset=utf-8", "_crewai.py", export_crewai),
    "langgraph": Exporter("text/x-python; charset=utf-8", "_langgraph.py", export_langgraph),
    "openai-agents": Exporter(
        "text/x-python; charset=utf-8", "_openai_agents.py", export_openai_agents
    ),
}
"""By the name that `GET /simulations/{id}/export?format=` takes."""
