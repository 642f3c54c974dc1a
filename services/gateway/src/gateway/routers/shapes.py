"""Shapes of answers, for the OpenAPI document: what a client may rely on."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from common.contracts.network import AgentSpec, Connection, ToolSpec


class Problem(BaseModel):
    """RFC 9457, with the older fields beside it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:scenario-simulator:problem:validation_error",
                    "title": "Validation failed",
                    "status": 422,
                    "detail": "options.tasks: Input should be less than or equal to 5000",
                    "instance": "/simulate",
                    "error": "validation_error",
                    "message": "options.tasks: Input should be less than or equal to 5000",
                    "details": [
                        {
                            "field": "options.tasks",
                            "message": "Input should be less than or equal to 5000",
                            "code": "less_than_equal",
                            "allowed": {"le": 5000},
                        }
                    ],
                    "suggestion": "Correct options.tasks and send it again.",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str
    message: str
    details: list[dict[str, Any]]
    suggestion: str | None = None
    trace_id: str | None = None


class NetworkAnswer(BaseModel):
    """A simulation and its network; the lists are empty until the network is mapped."""

    simulation_id: str
    scenario_id: str
    status: str
    revision: int
    seq: int
    stage: str | None = None
    agents: list[AgentSpec]
    tools: list[ToolSpec]
    connections: list[Connection]
    pattern: str | None
    pattern_reason: str | None = None
    human_in_loop: bool = False
    entry: list[str] = []
    exit: list[str] = []
    alternatives: list[dict[str, Any]] = []
    questions: list[dict[str, Any]] = []
    assumptions: list[dict[str, Any]] = []
    notes: list[str] = []
    options: dict[str, Any] = {}
    provenance: dict[str, Any] = {}
    created_at: str
    updated_at: str
    finished_at: str | None = None
    rerun_of: str | None = None
    error: str | None = None
    reason: str | None = None
    links: dict[str, str]


class ScenarioShape(BaseModel):
    id: str
    created_at: str
    scenario_text: str
    scenario_type: str | None
    name: str | None
    description: str | None


class EditAnswer(BaseModel):
    """With `outcome: edited` or `restored` also everything `NetworkAnswer` has, of the new revision."""

    model_config = ConfigDict(extra="allow")

    simulation_id: str
    revision: int
    outcome: str
    summary: str = ""
    changes: list[str] = []
    question: str | None = None
    options: list[str] | dict[str, Any] = []


class ReviewAnswer(BaseModel):
    """`score` is 0…100; the lists are empty for a sound network."""

    score: int | None
    violatedPrinciples: list[str]  # noqa: N815 - the public name
    missingComponents: list[str]  # noqa: N815 - the public name
    suggestedImprovements: list[str]  # noqa: N815 - the public name
    summary: str
    findings: list[dict[str, Any]]


type Responses = dict[int | str, dict[str, Any]]


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }


PROBLEMS: Responses = {
    400: _problem("Malformed JSON"),
    409: _problem("Conflicts with what is stored"),
    413: _problem("Body too large"),
    415: _problem("Not JSON"),
    422: _problem("A field is not valid"),
    503: _problem("The database or the bus is away; see Retry-After"),
}
READ_PROBLEMS: Responses = {
    404: _problem("There is no such record"),
    422: _problem("A parameter is not valid"),
    503: _problem("The database is away; see Retry-After"),
}
DOOR_PROBLEMS: Responses = {
    401: _problem("No API key, or not a good one"),
    403: _problem("Not with this key, or not from that page"),
    429: _problem("Too often; see Retry-After"),
}
"""What any operation may answer before it is reached."""
NOT_READY: Responses = {409: _problem("The stage that gives this has not been accepted yet")}
ACCEPTED: Responses = {
    202: {"description": "Accepted; the network is not mapped yet", "model": NetworkAnswer}
}
