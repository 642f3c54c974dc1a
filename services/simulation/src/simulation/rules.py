"""What the run needs from the interpretation, and how its result is shown."""

from typing import Any

from common.contracts.network import Network
from common.contracts.run import Figures, JourneyStep, RunResult
from common.contracts.scenario import Interpretation
from common.contracts.stream import EventType, StreamEvent

SOURCE = "SimulationEngine"
_PER_MINUTE = frozenset(
    {"per_min", "tasks per minute", "tasks_per_min", "tasks/min", "per_minute", "1/min"}
)

_SHOWN: dict[str, EventType] = {
    "agent_start": "agent_start",
    "agent_complete": "agent_complete",
    "data_flow": "data_flow",
    "tool_used": "tool_used",
    "failure_mode_triggered": "failure_mode_triggered",
    "failure_recovered": "failure_recovered",
}
"""Journey steps that have an event type of their own; model calls and people's waiting stay in the figures' journey."""


def volume_per_min(interpretation: Interpretation) -> float | None:
    """Tasks per minute read in the scenario; null when it names none. Of several, the one read most surely."""
    volumes = [
        quantity
        for quantity in interpretation.quantities
        if quantity.kind == "volume"
        and quantity.base_value is not None
        and quantity.base_value > 0
        and (quantity.base_unit or "").strip().lower() in _PER_MINUTE
    ]
    if not volumes:
        return None
    surest = max(volumes, key=lambda quantity: quantity.confidence)
    return surest.base_value


def stream(network: Network, run: RunResult) -> tuple[StreamEvent, ...]:
    """The sampled task's journey, then one `observability` event with every figure a story may cite."""
    shown = [_shown(network, step) for step in run.journey if step.kind in _SHOWN]
    figures = run.model_dump(mode="json", exclude={"journey"})
    return (
        *shown,
        StreamEvent(
            event_id="", event_type="observability", source=SOURCE, payload={"run": figures}
        ),
    )


def progress(done: float, phase: str, figures: Figures | None) -> StreamEvent:
    """A sign of progress: the share done, what was just run, and the baseline's figures where they are new."""
    payload: dict[str, Any] = {"progress": round(done, 3), "phase": phase}
    if figures is not None:
        payload["figures"] = figures.model_dump(mode="json")
    return StreamEvent(event_id="", event_type="observability", source=SOURCE, payload=payload)


def _shown(network: Network, step: JourneyStep) -> StreamEvent:
    payload: dict[str, Any] = {
        "ref": step.ref,
        "agent_id": step.agent_id,
        "step": step.index,
        "duration_s": step.duration_s,
        "attempt": step.attempt,
        "status": step.status,
        **step.detail,
    }
    if step.kind == "data_flow":
        payload["source"], _, payload["target"] = step.ref.partition("->")
    if step.kind == "tool_used":
        payload["tool"] = step.ref
    if step.kind.startswith("failure"):
        payload["failure_id"] = step.ref
    return StreamEvent(
        event_id="",
        event_type=_SHOWN[step.kind],
        source=_name(network, step.agent_id),
        payload=payload,
        sim_time_s=step.sim_time_s,
    )


def _name(network: Network, agent_id: str | None) -> str:
    """Who it happened to, by the simulated agent's id; the engine where it happened to nobody."""
    known = agent_id is not None and any(agent.id == agent_id for agent in network.agents)
    return agent_id if known and agent_id is not None else SOURCE
