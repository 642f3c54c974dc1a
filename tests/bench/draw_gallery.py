"""Draws the networks of the gallery's scenarios as Mermaid and writes docs/gallery.md.

Usage: draw_gallery.py [TARGET]   (default docs/gallery.md)
"""

import sys
from pathlib import Path

from common.contracts.network import Connection, Network
from common.exports.escaping import mermaid
from interpreter.rules.reading import interpret
from planner.rules.planning import plan

SOURCE = Path(__file__).with_name("gallery.txt")
HEAD = """# Gallery

Twelve scenarios of our own from different industries, read and planned by the rules engine (no model), drawn before
tools are mapped. Each was read critically: would we sign it? Made by `tests/bench/draw_gallery.py`; the drawings are
what the code of this commit plans, the judgements are ours.
"""
_ARROWS = {"call": "<-->", "approve": "-.->", "verify": "==>"}


def scenes() -> list[tuple[str, str, str]]:
    """Title, judgement and text of each scenario."""
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    cells = (line.split(" | ", 2) for line in lines if line.strip() and not line.startswith("#"))
    return [(title, judgement, text) for title, judgement, text in cells]


def drawing(network: Network) -> str:
    """The agent graph as Mermaid: people as hexagons, verifiers as rhombs, back edges with their bound."""
    names = {agent.id: f"n{number}" for number, agent in enumerate(network.agents)}
    lines = ["flowchart LR"]
    for agent in network.agents:
        left, right = (
            ("{{", "}}")
            if agent.kind == "human"
            else ("{", "}")
            if agent.is_verifier
            else ("[", "]")
        )
        held = "<br/>" + ", ".join(agent.capabilities) if agent.capabilities else ""
        lines.append(f'  {names[agent.id]}{left}"{mermaid(agent.role)}{held}"{right}')
    lines += [f"  {names[e.source]} {_arrow(e)} {names[e.target]}" for e in network.connections]
    return "\n".join(lines)


def _arrow(edge: Connection) -> str:
    label = mermaid(edge.when or edge.label, 60)
    if edge.share is not None:
        label = f"{edge.share:.0%} {label}"
    if edge.max_iterations is not None:
        label = f"{label} (at most {edge.max_iterations})"
    return f'{_ARROWS.get(edge.kind, "-->")}|"{label}"|'


def page() -> str:
    """The whole gallery."""
    parts = [HEAD]
    for title, judgement, text in scenes():
        network = plan(interpret(text))
        others = "; ".join(f"{a.name}: {a.trade_off}" for a in network.alternatives)
        parts.append(
            f"## {title}\n\n> {text}\n\n**{network.pattern}**: {network.pattern_reason}\n\n"
            f"```mermaid\n{drawing(network)}\n```\n\nConsidered too: {others}\n\n{judgement}\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/gallery.md")
    target.write_text(page(), encoding="utf-8")
