"""The generated code that walks the network in plain asyncio, for frameworks without a graph of their own."""

WALK = '''
FORWARD = tuple(e for e in EDGES if e.max_iterations is None)


def reach(start: str) -> set[str]:
    """Agents that work can still get to from here (ways back not counted)."""
    seen, queue = {start}, [start]
    for here in queue:
        fresh = [e.target for e in FORWARD if e.source == here and e.kind != "call" and e.target not in seen]
        seen |= set(fresh)
        queue += fresh
    return seen - {start}


async def judge(agent_id: str, text: str) -> tuple[bool, str]:
    """A verifier's verdict, with its reason."""
    verdict = await think(agent_id, f"Check this work. Answer ACCEPT or REJECT, then the reason.\\n\\n{text}")
    return verdict.strip().upper().startswith("ACCEPT"), verdict


async def ask_person(agent_id: str, text: str) -> tuple[bool, str]:
    """A person's decision. Replace the terminal by your approval channel."""
    print(f"\\n--- {CARDS[agent_id].name}, please decide ---\\n{text}")
    answer = await asyncio.to_thread(input, "Approve? [y/N] ")
    return answer.strip().lower().startswith("y"), text


async def decide(agent_id: str, text: str, ways: list[Edge]) -> Edge:
    """Which one of exclusive ways a case takes. Put fixed rules (amounts, categories) here instead of a model."""
    options = "\\n".join(f"{n}. {edge.when}" for n, edge in enumerate(ways, 1))
    answer = await think(agent_id, f"Which case is this? Answer with the number only.\\n{options}\\n\\n{text}")
    found = re.search(r"\\d+", answer)
    number = int(found[0]) if found else 0
    if not 1 <= number <= len(ways):
        raise ValueError(f"{agent_id} chose none of its ways: {answer!r}")
    return ways[number - 1]


async def work(agent_id: str, text: str) -> str:
    """One agent's work; the agents it calls work at the same time, and it merges their answers."""
    helpers = [e.target for e in FORWARD if e.source == agent_id and e.kind == "call"]
    if CARDS[agent_id].is_person:
        return (await ask_person(agent_id, text))[1]
    result = await think(agent_id, text)
    if not helpers:
        return result
    answers = await asyncio.gather(*(work(helper, result) for helper in helpers))
    notes = "\\n\\n".join(f"{CARDS[h].name}: {a}" for h, a in zip(helpers, answers, strict=True))
    return await think(agent_id, f"Task: {text}\\n\\nMerge these answers:\\n{notes}")


async def visit(agent_id: str, text: str, rounds: Counter[Edge]) -> tuple[str, list[Edge]]:
    """The result of an agent and the ways it leaves by; no way at all ends the task here."""
    card = CARDS[agent_id]
    ways = [e for e in FORWARD if e.source == agent_id and e.kind != "call"]
    back = [e for e in EDGES if e.source == agent_id and e.max_iterations is not None]
    if card.is_verifier or (card.is_person and any(e.target == agent_id and e.kind == "approve" for e in EDGES)):
        accepted, reason = await (ask_person if card.is_person else judge)(agent_id, text)
        left = [e for e in back if rounds[e] < (e.max_iterations or 0)]
        if not accepted and left:
            rounds.update(left)
            return f"{text}\\n\\nRejected: {reason}", left
        if not accepted and card.is_person:
            return f"Declined by {card.name}.", []
        result = text if accepted else f"{text}\\n\\nNot accepted after the last round: {reason}"
    else:
        result = await work(agent_id, text)
    chosen = [e for e in ways if e.when]
    always = [e for e in ways if not e.when]
    if chosen:
        always.append(await decide(agent_id, result, chosen))
    return result, always


async def run_network(task: str) -> str:
    """Walk the network with one task. An agent starts when nothing under way can still reach it, or at its quorum."""
    waiting: dict[str, list[str]] = {agent: [task] for agent in ENTRY}
    rounds: Counter[Edge] = Counter()
    results: list[str] = []
    while waiting:
        def is_ready(agent: str) -> bool:
            quorum = CARDS[agent].quorum
            if quorum is not None and len(waiting[agent]) >= quorum:
                return True
            return not any(agent in reach(other) for other in waiting if other != agent)

        ready = [agent for agent in waiting if is_ready(agent)] or list(waiting)[:1]
        inputs = {agent: "\\n\\n".join(waiting.pop(agent)) for agent in ready}
        done = await asyncio.gather(*(visit(agent, text, rounds) for agent, text in inputs.items()))
        for result, ways in done:
            for edge in ways:
                waiting.setdefault(edge.target, []).append(result)
            if not ways:
                results.append(result)
    return "\\n\\n".join(results)


if __name__ == "__main__":
    print(asyncio.run(run_network(" ".join(sys.argv[1:]) or TASK)))
'''
