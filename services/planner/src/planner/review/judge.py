"""Judges a graph: collects the findings, weighs them, and says what to do."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

from common.contracts.editing import Finding, ReviewAnswered, Severity
from common.contracts.network import Network, network_json
from planner.review import practice, structure
from planner.review.finding import Found
from planner.review.graph import Graph, parse

_CHECKS = (
    structure.boundaries,
    structure.reach,
    structure.dangling,
    structure.loops,
    practice.gates,
    practice.verification,
    structure.failures,
    practice.load,
    practice.memory,
    practice.zones,
    practice.tools,
    structure.repeats,
    practice.observability,
)
_SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor", "info")


@cache
def _tables() -> dict[str, Any]:
    file = resources.files("planner.review").joinpath("principles.toml")
    return tomllib.loads(file.read_text("utf-8"))


def review(nodes: Sequence[object], edges: Sequence[object]) -> ReviewAnswered:
    """Judges a graph as a frontend draws it.

    Returns:
        Findings, worst first; `score` is 100 less their penalties, never below 0.

    Raises:
        UnreadableGraphError: a field is missing or of a wrong type; the message names it.
    """
    graph = parse(nodes, edges)
    found = [finding for check in _CHECKS for finding in check(graph)]
    findings = tuple(_weighed(found))
    score = max(0, round(100 - sum(finding.penalty for finding in findings)))
    return ReviewAnswered(
        score=score,
        findings=findings,
        violated_principles=_unique(f.principle for f in findings),
        missing_components=_unique(_missing(f.code) for f in findings),
        suggested_improvements=_unique(f.suggestion for f in findings),
        summary=_summary(graph, findings, score),
    )


def review_network(network: Network) -> ReviewAnswered:
    """Judges a planned network by the same checks; input and output are drawn at its entry and exit."""
    return review(*drawn(network))


def drawn(network: Network) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The network as nodes and edges. Its edges count as observed: the simulator traces every one of them."""
    shown = network_json(network)
    agents = [{**a, "type": "human" if a["kind"] == "human" else "agent"} for a in shown["agents"]]
    tools = [
        {
            "id": t["name"],
            "name": t["name"],
            "side_effect": t["side_effect"],
            "irreversible": t["side_effect"] == "irreversible",
            "type": "db" if t["capability"] == "shared_memory" else "tool",
        }
        for t in shown["tools"]
    ]
    for agent in agents:
        agent["irreversible"] = False  # what an agent can do for good is what its tools can
    ends = [{"id": "input", "type": "input"}, {"id": "output", "type": "output"}]
    edges = [{**edge, "observed": True} for edge in shown["connections"]]
    ports = [{"source": "input", "target": name, "observed": True} for name in network.entry]
    ports += [{"source": name, "target": "output", "observed": True} for name in network.exit]
    return [*ends, *agents, *tools], [*edges, *ports]


def _weighed(found: Sequence[Found]) -> Iterator[Finding]:
    """Findings worst first, each with what it costs."""
    tables, times = _tables(), Counter[str]()
    order = sorted(found, key=lambda f: _SEVERITIES.index(_severity(f)))
    for one in order:
        row, severity = tables["finding"][one.code], _severity(one)
        times[one.code] += 1
        full = float(tables["penalty"][severity])
        penalty = full if times[one.code] == 1 else full / 2 if times[one.code] <= 3 else 0.0
        yield Finding.model_validate(
            {
                "code": one.code,
                "severity": severity,
                "nodes": one.nodes,
                "message": one.message,
                "principle": tables["principle"][row["principle"]],
                "suggestion": one.suggestion,
                "penalty": penalty,
            }
        )


def _severity(found: Found) -> Severity:
    usual: Severity = _tables()["finding"][found.code]["severity"]
    return found.severity or usual


def _missing(code: str) -> str:
    return str(_tables()["finding"][code].get("missing", ""))


def _unique(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _summary(graph: Graph, findings: Sequence[Finding], score: int) -> str:
    agents, people = len(graph.of("agent")), len(graph.of("human"))
    tools = len(graph.of("tool", "db"))
    parts = [f"{agents} agent{'s' * (agents != 1)}"]
    parts += [f"{people} {'person' if people == 1 else 'people'}"] if people else []
    parts += [f"{tools} tool{'s' * (tools != 1)} or store{'s' * (tools != 1)}"] if tools else []
    opening = f"{score} of 100 for {', '.join(parts)} and {len(graph.edges)} edges."
    if not findings:
        return f"{opening} No defect was found."
    counts = Counter(finding.severity for finding in findings)
    said = ", ".join(f"{counts[name]} {name}" for name in _SEVERITIES if counts[name])
    worst = " ".join(finding.message for finding in findings[:2])
    return f"{opening} Findings: {said}. {worst} First: {findings[0].suggestion}"
