"""The agent network: agents, tools and the connections between them, as the public API shows it."""

from typing import Any, Literal

from pydantic import Field

from common.contracts.scenario import Assumption, Question
from common.contracts.values import Band, Evidence, Share, Value

AgentKind = Literal["agent", "human"]
Zone = Literal["perception", "reasoning", "action", "memory"]
ModelClass = Literal["small", "medium", "large", "reasoning"]
SideEffect = Literal["none", "read", "write", "irreversible"]
ConnectionKind = Literal["call", "publish", "handoff", "tool", "memory", "approve", "verify"]
Pattern = Literal[
    "single",
    "sequential",
    "parallel",
    "router",
    "supervisor",
    "hierarchical",
    "evaluator_loop",
    "group_chat",
    "handoff",
    "blackboard",
]


class AgentSpec(Value):
    """One agent, or one person, of the planned network.

    `dependencies` are the ids of agents whose output it needs; it follows from the connections (back edges excluded).
    """

    id: str
    name: str
    role: str
    responsibilities: tuple[str, ...] = ()
    kind: AgentKind = "agent"
    zone: Zone = "reasoning"
    model_class: ModelClass | None = "medium"
    """Null for people and for agents that need no model."""
    model_reason: str = ""
    concurrency: int = Field(default=1, ge=1, le=1_000)
    tools: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    capabilities: tuple[str, ...] = ()
    """Tool capabilities its duty needs, from the catalogue's vocabulary; the mapper turns them into tools."""
    steps: tuple[str, ...] = ()
    """Ids of the interpretation's steps it carries out."""
    is_verifier: bool = False
    join: Literal["all", "any", "quorum"] = "all"
    """When several forward connections lead here: wait for all, for the first, or for `quorum` of them."""
    quorum: int | None = Field(default=None, ge=1)


class ToolSpec(Value):
    """One tool; its name is unique in the network and is its id in connections."""

    name: str
    description: str = ""
    capability: str
    side_effect: SideEffect = "read"
    mcp_server: str | None = None
    used_by: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    error_rate: Share | None = None
    source: str = "assumed"
    """Where the latency and error figures come from."""


class Payload(Value):
    """What flows on a connection: a name, and its fields with their JSON types."""

    name: str
    fields: dict[str, str] = Field(
        default_factory=dict, serialization_alias="schema", validation_alias="schema"
    )


class Connection(Value):
    """A directed edge, agent → agent or agent → tool.

    - `call`: the source asks the target and waits for its answer (no return edge is drawn).
    - `handoff`, `publish`: the task moves on to the target. Several without `share` all fire (parallel branches).
    - `verify`: the source's work goes to a verifier. `approve`: it goes to a person.
    - `tool`, `memory`: the target is a tool's name.
    """

    source: str
    target: str
    label: str = ""
    kind: ConnectionKind = "handoff"
    payload: Payload | None = None
    max_iterations: int | None = Field(default=None, ge=1)
    """Set exactly on back edges (rework after a rejection): how often one task may take it."""
    share: Share | None = None
    """Exclusive choice: the share of tasks that leaves the source on this edge. Null: every task does."""
    when: str | None = None
    """The condition of an exclusive choice in words ("amount over 100 EUR")."""
    timeout_s: float | None = Field(default=None, gt=0)
    retries: int | None = Field(default=None, ge=0)


class Forecast(Value):
    """Figures of a short run; null where not known."""

    latency_p50_s: Band | None = None
    latency_p95_s: Band | None = None
    cost_usd_per_task: Band | None = None
    success: Band | None = None
    agents: int = 0


class Alternative(Value):
    """Another way to build it, with what it would gain and cost."""

    name: str
    pattern: Pattern
    reason: str
    trade_off: str = ""
    forecast: Forecast | None = None


class Network(Value):
    """A planned network. Entry agents receive the task from outside, exit agents deliver the result."""

    agents: tuple[AgentSpec, ...]
    tools: tuple[ToolSpec, ...] = ()
    connections: tuple[Connection, ...] = ()
    pattern: Pattern
    pattern_reason: str
    human_in_loop: bool = False
    entry: tuple[str, ...] = ()
    exit: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    forecast: Forecast | None = None
    questions: tuple[Question, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()

    def agent(self, agent_id: str) -> AgentSpec:
        """The agent with this id.

        Raises:
            KeyError: the network has none.
        """
        for agent in self.agents:
            if agent.id == agent_id:
                return agent
        raise KeyError(agent_id)


def network_json(network: Network) -> dict[str, Any]:
    """The network as the public API shows it (payload fields under `schema`)."""
    return network.model_dump(mode="json", by_alias=True)
