"""Answers from the planned network."""

from common.contracts.network import Network
from conversation.rules.assistant.figures import counted, listed
from conversation.rules.assistant.of_run import BASE, agent_index
from conversation.rules.assistant.telling import Fact, Telling, run_fact


def pattern(t: Telling) -> None:
    """Why this shape, and what else was considered."""
    network = t.record.network
    if network is None:
        return
    t.say(
        "The planner chose the {name} pattern: {why}",
        name=network.pattern.replace("_", " "),
        why=Fact("network", ("pattern_reason",), "text", is_inner=True),
    )
    signals = t.record.interpretation.signals if t.record.interpretation else {}
    strong = [
        name
        for name, _ in sorted(signals.items(), key=lambda s: (-s[1], s[0]))
        if signals[name] > 0
    ][:3]
    if strong:
        t.say(
            "The text signals {signals}", signals=listed(name.replace("_", " ") for name in strong)
        )
    alternatives(t)


def alternatives(t: Telling) -> None:
    """The other designs with their forecasts."""
    network = t.record.network
    if network is None or not network.alternatives:
        t.say("The plan keeps no alternatives")
        return
    t.paragraph()
    t.say("Also considered:")
    for index, other in enumerate(network.alternatives[:4]):
        trade = f" Trade-off: {other.trade_off}" if other.trade_off else ""
        if not t.point(
            "{name} ({pattern}): {reason}{trade} Forecast: success {success}, 95 % latency {latency}",
            name=other.name,
            pattern=other.pattern.replace("_", " "),
            trade=trade,
            reason=Fact("network", ("alternatives", index, "reason"), "text"),
            success=Fact(
                "network", ("alternatives", index, "forecast", "success", "value"), "share"
            ),
            latency=Fact(
                "network", ("alternatives", index, "forecast", "latency_p95_s", "value"), "seconds"
            ),
        ):
            t.point(
                "{name} ({pattern}): {reason}{trade}",
                name=other.name,
                pattern=other.pattern.replace("_", " "),
                trade=trade,
                reason=Fact("network", ("alternatives", index, "reason"), "text"),
            )


def agents(t: Telling) -> None:
    """Everyone in the network with role and tools."""
    network = t.record.network
    if network is None:
        return
    people = sum(agent.kind == "human" for agent in network.agents)
    t.say(
        "The network has {all}, of which {people} human",
        all=counted(len(network.agents), "member"),
        people=f"{people} {'is' if people == 1 else 'are'}",
    )
    for index, agent in enumerate(network.agents):
        tools = f"; uses {listed(agent.tools, 4)}" if agent.tools else ""
        duty = agent.responsibilities[0] if agent.responsibilities else agent.role
        t.point(
            "{name} ({kind}): {duty}{tools}",
            name=Fact("network", ("agents", index, "name"), "text"),
            kind="person" if agent.kind == "human" else agent.zone,
            duty=duty.rstrip("."),
            tools=tools,
        )


def agent(t: Telling, agent_id: str) -> None:
    """One agent: duty, place in the network, tools, why it is there, how it did."""
    network = t.record.network
    if network is None:
        return
    index = next(i for i, spec in enumerate(network.agents) if spec.id == agent_id)
    spec = network.agents[index]
    who = "a person" if spec.kind == "human" else f"an agent in the {spec.zone} zone"
    t.say(
        "{name} is {who}; role: {role}",
        name=spec.name,
        who=who,
        role=Fact("network", ("agents", index, "role"), "text"),
    )
    quoted = " ".join(evidence.text for evidence in spec.evidence).lower()
    told = [
        i for i, duty in enumerate(spec.responsibilities) if duty.rstrip(".").lower() not in quoted
    ]
    for duty in told[:4]:
        t.point("{duty}", duty=Fact("network", ("agents", index, "responsibilities", duty), "text"))
    t.paragraph()
    if spec.model_class:
        reason = f", because {spec.model_reason}" if spec.model_reason else ""
        t.say(
            "It runs on a {model} model{reason}",
            model=Fact("network", ("agents", index, "model_class"), "text"),
            reason=reason,
        )
    if spec.tools:
        t.say("Tools: {tools}", tools=listed(spec.tools))
    _neighbours(t, network, agent_id)
    if spec.evidence:
        t.say(
            "It is there because the scenario says “{text}”",
            text=Fact("network", ("agents", index, "evidence", 0, "text"), "text"),
        )
    agent_figures(t, agent_id)


def _neighbours(t: Telling, network: Network, agent_id: str) -> None:
    names = t.record.name
    before = [
        names(c.source)
        for c in network.connections
        if c.target == agent_id and c.max_iterations is None
    ]
    after = [
        names(c.target)
        for c in network.connections
        if c.source == agent_id and c.kind not in {"tool", "memory"} and c.max_iterations is None
    ]
    if before:
        t.say("It gets its work from {names}", names=listed(before))
    elif agent_id in network.entry:
        t.say("Tasks enter the network here")
    if after:
        t.say("It passes its work to {names}", names=listed(after))
    elif agent_id in network.exit:
        t.say("It delivers the result")


def agent_tools(t: Telling, agent_id: str) -> None:
    """What one agent works with."""
    spec = t.record.agents[agent_id]
    if not spec.tools:
        t.say("{name} uses no tools", name=spec.name)
        return
    t.say("{name} uses {tools}:", name=spec.name, tools=counted(len(spec.tools), "tool"))
    names = list(t.record.tools)
    for name in spec.tools:
        if name in names:
            place = names.index(name)
            t.point(
                "{name} ({effect}): {what}",
                name=name,
                effect=Fact("network", ("tools", place, "side_effect"), "text"),
                what=t.record.tools[name].description.rstrip(".")
                or t.record.tools[name].capability,
            )


def agent_figures(t: Telling, agent_id: str) -> None:
    """How one agent did in the run."""
    index = agent_index(t, agent_id)
    if index is None:
        return
    t.say(
        (
            "In the run {name} was busy {share} of the time, took {service} per visit and let a task "
            "wait {wait} on average"
        ),
        name=t.record.name(agent_id),
        share=run_fact("share", BASE, "agents", index, "utilisation", "value"),
        service=run_fact("seconds", BASE, "agents", index, "service_s_mean"),
        wait=run_fact("seconds", BASE, "agents", index, "wait_s_mean"),
    )
    t.say(
        "It costs {cost} per task", cost=run_fact("usd", BASE, "agents", index, "cost_usd_per_task")
    )


def tools(t: Telling) -> None:
    """The tools by what they can do to the world."""
    network = t.record.network
    if network is None:
        return
    if not network.tools:
        t.say("The network uses no tools yet")
        return
    t.say("The network uses {n}:", n=counted(len(network.tools), "tool"))
    for index, spec in enumerate(network.tools):
        users = listed((t.record.name(user) for user in spec.used_by), 3)
        t.point(
            "{name} ({effect}): {what}{users}",
            name=spec.name,
            effect=Fact("network", ("tools", index, "side_effect"), "text"),
            what=(spec.description or spec.capability).rstrip("."),
            users=f"; used by {users}" if users else "",
        )
    final = [spec.name for spec in network.tools if spec.side_effect == "irreversible"]
    t.paragraph()
    if final:
        t.say(
            "Not to be undone: {names}. These are the ones to keep behind a person",
            names=listed(final),
        )
    else:
        t.say("None of them does anything that cannot be undone")


def tool(t: Telling, name: str) -> None:
    """One tool: what it does, who uses it, how fast and how reliable."""
    network = t.record.network
    if network is None:
        return
    index = next(i for i, spec in enumerate(network.tools) if spec.name == name)
    spec = network.tools[index]
    t.say(
        "{name}: {capability}. Side effect: {effect}",
        name=name,
        capability=spec.description.rstrip(".") or spec.capability,
        effect=Fact("network", ("tools", index, "side_effect"), "text"),
    )
    if spec.used_by:
        t.say("Used by {users}", users=listed(t.record.name(user) for user in spec.used_by))
    if spec.mcp_server:
        t.say(
            "There is an MCP server for it: {server}",
            server=Fact("network", ("tools", index, "mcp_server"), "text"),
        )
    t.say(
        "It answers in {p50} (median) to {p95} (95 %)",
        p50=Fact("network", ("tools", index, "latency_p50_s"), "seconds"),
        p95=Fact("network", ("tools", index, "latency_p95_s"), "seconds"),
    )
    t.say(
        "It fails in {rate} of calls (source: {source})",
        rate=Fact("network", ("tools", index, "error_rate"), "share"),
        source=spec.source,
    )


def humans(t: Telling) -> None:
    """Where a person decides, on what, and how long that takes."""
    network = t.record.network
    if network is None:
        return
    people = [spec for spec in network.agents if spec.kind == "human"]
    if not people:
        t.say("No person stands in the flow: the network decides everything by itself")
    for spec in people:
        asked = [c for c in network.connections if c.target == spec.id]
        by = listed(t.record.name(c.source) for c in asked)
        when = listed(c.when or c.label for c in asked)
        t.point(
            "{name} is asked{by}{when}",
            name=spec.name,
            by=f" by {by}" if by else "",
            when=f" ({when})" if when else "",
        )
        index = agent_index(t, spec.id)
        if index is not None:
            t.point(
                "{name} takes {service} per decision and is busy {share} of the time",
                name=spec.name,
                service=run_fact("seconds", BASE, "agents", index, "service_s_mean"),
                share=run_fact("share", BASE, "agents", index, "utilisation", "value"),
            )
    t.paragraph()
    approvals = t.record.interpretation.approvals if t.record.interpretation else ()
    for index, _ in enumerate(approvals[:3]):
        t.say(
            "The scenario asks for it: “{text}”",
            text=Fact("interpretation", ("approvals", index, "name"), "text"),
        )
    final = [spec.name for spec in network.tools if spec.side_effect == "irreversible"]
    if final and not people:
        t.say(
            (
                "Yet {tools} cannot be undone; a gate before it is worth a rehearsal (edit: “add a "
                "human approval before …”)"
            ),
            tools=listed(final),
        )


def flow(t: Telling) -> None:
    """From the entry to the exit, connection by connection."""
    network = t.record.network
    if network is None:
        return
    names = t.record.name
    t.say(
        "A task enters at {entry} and is delivered by {exit}",
        entry=listed(map(names, network.entry)) or "no named agent",
        exit=listed(map(names, network.exit)) or "no named agent",
    )
    for index, edge in enumerate(network.connections):
        if edge.kind in {"tool", "memory"}:
            continue
        label = f" ({edge.label})" if edge.label else ""
        extra = f", if {edge.when}" if edge.when else ""
        back = (
            f", back for rework at most {edge.max_iterations} times" if edge.max_iterations else ""
        )
        t.point(
            "{source} → {target}: {kind}{label}{extra}{back}",
            source=names(edge.source),
            target=names(edge.target),
            kind=Fact("network", ("connections", index, "kind"), "text"),
            label=label,
            extra=extra,
            back=back,
        )


def models(t: Telling) -> None:
    """Model class per agent and why."""
    network = t.record.network
    if network is None:
        return
    t.say("Model class per agent, as the mapper chose it:")
    for index, spec in enumerate(network.agents):
        if spec.model_class:
            reason = f": {spec.model_reason}" if spec.model_reason else ""
            t.point(
                "{name}: {model}{reason}",
                name=spec.name,
                model=Fact("network", ("agents", index, "model_class"), "text"),
                reason=reason,
            )
