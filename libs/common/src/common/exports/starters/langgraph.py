"""A starter for LangGraph: a StateGraph with one node per agent."""

from common.contracts.report import Report
from common.exports.escaping import literal
from common.exports.readiness import network_of
from common.exports.starters.tables import heading, tables

_IMPORTS = """
import operator
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
"""

_NODES = '''
FORWARD = tuple(e for e in EDGES if e.max_iterations is None)
CALLS = {a: [e.target for e in FORWARD if e.source == a and e.kind == "call"] for a in CARDS}
CALLERS = {a: [c for c, called in CALLS.items() if a in called] for a in CARDS}


class State(TypedDict):
    """`results` by node, `rounds` by way back, `route` by node: where its last visit leads."""

    task: str
    results: Annotated[dict[str, str], operator.or_]
    rounds: Annotated[dict[str, int], operator.or_]
    route: Annotated[dict[str, list[str]], operator.or_]


@cache
def agent(agent_id: str) -> Any:
    card = CARDS[agent_id]
    provider = os.environ.get("MODEL_PROVIDER", "openai")
    model = init_chat_model(card.model or MODELS[min(MODELS)], model_provider=provider)
    return create_agent(model, tools=list(card.tools), system_prompt=card.instructions, name=agent_id)


def think(agent_id: str, prompt: str) -> str:
    """One run of an agent; its tools are called in between."""
    answer = agent(agent_id).invoke({"messages": [{"role": "user", "content": prompt}]})
    return str(answer["messages"][-1].text)


def inbox(agent_id: str, state: State) -> str:
    """What an agent works on: what came in on its edges, else the task."""
    senders = [e.source for e in EDGES if e.target == agent_id]
    found = [state["results"][s] for s in dict.fromkeys(senders) if s in state["results"]]
    return "\\n\\n".join(found) or state["task"]


def decide(agent_id: str, text: str, ways: list[Edge]) -> Edge:
    """Which one of exclusive ways a case takes. Put fixed rules (amounts, categories) here instead of a model."""
    options = "\\n".join(f"{n}. {edge.when}" for n, edge in enumerate(ways, 1))
    answer = think(agent_id, f"Which case is this? Answer with the number only.\\n{options}\\n\\n{text}")
    found = re.search(r"\\d+", answer)
    number = int(found[0]) if found else 0
    if not 1 <= number <= len(ways):
        raise ValueError(f"{agent_id} chose none of its ways: {answer!r}")
    return ways[number - 1]


def leave(agent_id: str, text: str) -> list[str]:
    """The nodes that follow: all unconditional ones, and one of the exclusive ones; who is called answers."""
    ways = [e for e in FORWARD if e.source == agent_id and e.kind != "call"]
    chosen = [e for e in ways if e.when]
    targets = [e.target for e in ways if not e.when]
    if chosen:
        targets.append(decide(agent_id, text, chosen).target)
    targets += [f"{caller}.merge" for caller in CALLERS[agent_id]]
    return targets or [END]


def review(agent_id: str, text: str) -> tuple[bool, str]:
    """The verdict of a verifier, or of a person: the graph stops at `interrupt` until it is resumed with an answer."""
    if CARDS[agent_id].is_person:
        answer = interrupt({"to": CARDS[agent_id].name, "decide": text})
        return bool(answer), "the person said no"
    verdict = think(agent_id, f"Check this work. Answer ACCEPT or REJECT, then the reason.\\n\\n{text}")
    return verdict.strip().upper().startswith("ACCEPT"), verdict


def make_review(agent_id: str) -> Callable[[State], dict[str, Any]]:
    back = [e for e in EDGES if e.source == agent_id and e.max_iterations is not None]

    def node(state: State) -> dict[str, Any]:
        text = inbox(agent_id, state)
        accepted, reason = review(agent_id, text)
        left = [e for e in back if state["rounds"].get(f"{e.source}->{e.target}", 0) < (e.max_iterations or 0)]
        if not accepted and left:
            rounds = {f"{e.source}->{e.target}": state["rounds"].get(f"{e.source}->{e.target}", 0) + 1 for e in left}
            note = {agent_id: f"{text}\\n\\nRejected: {reason}"}
            return {"results": note, "rounds": rounds, "route": {agent_id: [e.target for e in left]}}
        if not accepted and CARDS[agent_id].is_person:
            return {"results": {agent_id: f"Declined by {CARDS[agent_id].name}."}, "route": {agent_id: [END]}}
        result = text if accepted else f"{text}\\n\\nNot accepted after the last round: {reason}"
        return {"results": {agent_id: result}, "route": {agent_id: leave(agent_id, result)}}

    return node


def make_work(agent_id: str) -> Callable[[State], dict[str, Any]]:
    def node(state: State) -> dict[str, Any]:
        text = inbox(agent_id, state)
        if CARDS[agent_id].is_person:  # who gives no approval but does work is asked in the same way
            result = str(interrupt({"to": CARDS[agent_id].name, "do": text}))
        else:
            result = think(agent_id, text)
        targets = CALLS[agent_id] or leave(agent_id, result)
        return {"results": {agent_id: result}, "route": {agent_id: targets}}

    return node


def make_merge(agent_id: str) -> Callable[[State], dict[str, Any]]:
    """The caller's second turn: it merges what the agents it called have answered."""

    def node(state: State) -> dict[str, Any]:
        notes = "\\n\\n".join(f"{CARDS[h].name}: {state['results'].get(h, '')}" for h in CALLS[agent_id])
        result = think(agent_id, f"Task: {state['task']}\\n\\nMerge these answers:\\n{notes}")
        return {"results": {agent_id: result}, "route": {f"{agent_id}.merge": leave(agent_id, result)}}

    return node


def follow(node: str) -> Callable[[State], list[str]]:
    return lambda state: state["route"].get(node, [END])


def targets_of(agent_id: str) -> list[str]:
    """Every node that `leave` may name, so that the drawn graph shows them."""
    ways = [e.target for e in EDGES if e.source == agent_id and e.kind != "call"]
    found = [*dict.fromkeys([*ways, *(f"{c}.merge" for c in CALLERS[agent_id])])]
    goes_on = any(e.source == agent_id and e.kind != "call" for e in FORWARD) or CALLERS[agent_id]
    return found if goes_on and not CARDS[agent_id].is_person else [*found, END]


def build() -> StateGraph:
    """The graph. Nodes with several ways in wait (`defer`) until nothing under way can still reach them."""
    graph = StateGraph(State)
    for agent_id, card in CARDS.items():
        is_gate = any(e.target == agent_id and e.kind == "approve" for e in EDGES)
        make = make_review if card.is_verifier or (card.is_person and is_gate) else make_work
        joins = sum(e.target == agent_id and e.kind != "call" for e in FORWARD) > 1 and card.quorum is None
        graph.add_node(agent_id, make(agent_id), defer=joins)
        if CALLS[agent_id]:
            graph.add_node(f"{agent_id}.merge", make_merge(agent_id), defer=True)
            graph.add_conditional_edges(agent_id, follow(agent_id), CALLS[agent_id])
            graph.add_conditional_edges(f"{agent_id}.merge", follow(f"{agent_id}.merge"), targets_of(agent_id))
        else:
            graph.add_conditional_edges(agent_id, follow(agent_id), targets_of(agent_id))
    for agent_id in ENTRY:
        graph.add_edge(START, agent_id)
    return graph


graph = build().compile(checkpointer=InMemorySaver())


def run_network(task: str) -> State:
    """Run one task on the terminal; people are asked there."""
    bounds = sum(e.max_iterations or 0 for e in EDGES)
    config = {"configurable": {"thread_id": "1"}, "recursion_limit": 4 * len(CARDS) * (1 + bounds) + 10}
    state = graph.invoke({"task": task, "results": {}, "rounds": {}, "route": {}}, config)
    while "__interrupt__" in state:
        question = state["__interrupt__"][0].value
        print(question)
        answer = input("Approve? [y/N] ").strip().lower().startswith("y") if "decide" in question else input("> ")
        state = graph.invoke(Command(resume=answer), config)
    return state


if __name__ == "__main__":
    print(run_network(" ".join(sys.argv[1:]) or TASK)["results"])
'''


def export_langgraph(report: Report) -> str:
    """One Python file. Needs `langgraph`, `langchain` and a model's package and key to run; it loads without a key.

    Raises:
        ExportNotReady: the network is not planned yet.
    """
    network = network_of(report)
    install = "LangGraph (pip install langgraph langchain langchain-openai)"
    parts = [
        heading(report, network, install) + _IMPORTS,
        f"TASK = {literal(report.scenario_text)}",
        tables(network, _IMPORTS + _NODES),
        _NODES.strip("\n"),
    ]
    return "\n\n".join(parts) + "\n"
