"""Reads and plans every scenario of a corpus without the bus and writes one prediction per line.

Usage: evaluate_corpus.py INPUTS.jsonl PREDICTIONS.jsonl   (input lines: {"id", "scenario"})
"""

import json
import sys
from pathlib import Path
from typing import Any

from common.contracts.network import Network
from interpreter.rules.reading import interpret
from planner.rules.planning import plan

_TO_TOOL = ("tool", "memory")


def prediction(case_id: str, network: Network) -> dict[str, Any]:
    """A network in the scorer's form: people are the `human_in_loop` flag, not agents; tools are capabilities."""
    agents = {agent.id: agent for agent in network.agents if agent.kind == "agent"}
    return {
        "id": case_id,
        "agents": [
            {
                "role": agent.role,
                "responsibility": " ".join(agent.responsibilities),
                "tools": list(agent.capabilities),
            }
            for agent in agents.values()
        ],
        "pattern": network.pattern,
        "edges": [
            [agents[edge.source].role, agents[edge.target].role]
            for edge in network.connections
            if edge.kind not in _TO_TOOL and edge.source in agents and edge.target in agents
        ],
        "human_in_loop": network.human_in_loop,
    }


def main(source: str, target: str) -> None:
    lines = []
    for line in Path(source).read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        lines.append(
            json.dumps(
                prediction(case["id"], plan(interpret(case["scenario"]))), ensure_ascii=False
            )
        )
    Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
