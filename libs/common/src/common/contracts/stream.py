"""Events as clients see them on websocket and SSE."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from common.contracts.values import SimulationId, Value

EventType = Literal[
    "simulation_started",
    "scenario_interpreted",
    "architecture_planned",
    "tools_mapped",
    "failures_selected",
    "agent_start",
    "agent_complete",
    "data_flow",
    "tool_used",
    "failure_mode_triggered",
    "failure_recovered",
    "observability",
    "narrative",
    "architecture_edited",
    "simulation_completed",
    "simulation_failed",
    "simulation_cancelled",
]
Category = Literal[
    "lifecycle", "agent", "data_flow", "tool", "failure", "observability", "narrative"
]

CATEGORY: dict[EventType, Category] = {
    "simulation_started": "lifecycle",
    "scenario_interpreted": "lifecycle",
    "architecture_planned": "lifecycle",
    "tools_mapped": "lifecycle",
    "failures_selected": "failure",
    "agent_start": "agent",
    "agent_complete": "agent",
    "data_flow": "data_flow",
    "tool_used": "tool",
    "failure_mode_triggered": "failure",
    "failure_recovered": "failure",
    "observability": "observability",
    "narrative": "narrative",
    "architecture_edited": "lifecycle",
    "simulation_completed": "lifecycle",
    "simulation_failed": "lifecycle",
    "simulation_cancelled": "lifecycle",
}


class StreamEvent(Value):
    """What a stage wants shown. The gateway adds the sequence number when it accepts the stage.

    `event_id` is unique in the simulation (`r<revision>.<stage>.<n>`), so that a narrative can point at it.
    """

    event_id: str
    event_type: EventType
    source: str
    payload: dict[str, Any] = Field(default_factory=dict)
    sim_time_s: float | None = None

    @property
    def category(self) -> Category:
        return CATEGORY[self.event_type]


class Frame(Value):
    """One event on the wire: gapless `seq` from 1 per simulation, in the order of acceptance."""

    simulation_id: SimulationId
    seq: int
    timestamp: datetime
    sim_time_s: float | None
    event_type: EventType
    category: Category
    source: str
    event_id: str
    revision: int
    payload: dict[str, Any]
