"""What callers may send: every spelling that frontends use, checked and put in one form."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from common.contracts.editing import MAX_COMMAND_CHARS
from common.contracts.scenario import MAX_SCENARIO_CHARS, EngineChoice, SimulationOptions
from common.errors import DomainError
from common.visible import without_hidden
from engine.model import check_overrides
from gateway.services.submission import Submission

MAX_OVERRIDES = 100
_ALLOWED_CONTROLS = frozenset("\n\r\t")


def clean_text(value: str) -> str:
    """Without blanks around it and hidden characters in it.

    Raises:
        ValueError: nothing is left, or there are control characters.
    """
    if any(unicodedata.category(c) == "Cc" and c not in _ALLOWED_CONTROLS for c in value):
        raise ValueError(
            "must be plain text: control characters other than newline and tab are not allowed"
        )
    value = without_hidden(value).strip()
    if not value:
        raise ValueError("must not be empty or blank")
    return value


def written_date(value: object) -> object:
    """ISO 8601 only: a bare number would be read as seconds since 1970, which the API does not promise."""
    if isinstance(value, int | float) or (
        isinstance(value, str) and not re.match(r"\d{4}-", value)
    ):
        raise ValueError("must be a date with time and zone, as 2026-01-31T12:00:00Z")
    return value


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one that lies beyond the years 1 to 9999 there is the first or the last that exists."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        is_first = moment.year == 1
        return datetime.min.replace(tzinfo=UTC) if is_first else datetime.max.replace(tzinfo=UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(written_date), AfterValidator(in_utc)]


def _known_overrides(value: dict[str, Any]) -> dict[str, Any]:
    """What the engine would refuse later is refused here, with what is allowed."""
    try:
        check_overrides(value)
    except DomainError as error:
        raise ValueError(str(error)) from error
    return value


ScenarioText = Annotated[str, AfterValidator(clean_text), Field(max_length=MAX_SCENARIO_CHARS)]
Label = Annotated[str, AfterValidator(clean_text), Field(max_length=200)]


class OptionsBody(BaseModel):
    """How to rehearse; `snake_case` and `camelCase` are both understood."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    tasks: int = Field(default=200, ge=1, le=5_000)
    arrival_rate_per_min: float | None = Field(
        default=None,
        gt=0,
        le=60_000,
        allow_inf_nan=False,
        validation_alias=AliasChoices("arrival_rate_per_min", "arrivalRatePerMin"),
    )
    failures: list[Annotated[str, Field(max_length=200)]] | None = Field(
        default=None, max_length=200
    )
    """Ids of failure modes to inject; null lets the failure agent choose, an empty list injects none."""
    engine: EngineChoice = "auto"
    max_agents: int = Field(
        default=10, ge=1, le=30, validation_alias=AliasChoices("max_agents", "maxAgents")
    )
    overrides: Annotated[dict[str, Any], AfterValidator(_known_overrides)] = Field(
        default_factory=dict, max_length=MAX_OVERRIDES
    )

    def options(self) -> SimulationOptions:
        return SimulationOptions.model_validate(self.model_dump())

    def changes(self) -> dict[str, Any]:
        """Only what the caller named."""
        return self.model_dump(exclude_unset=True)


def clean_query(value: str | None) -> str | None:
    """A search text; null characters match nothing and PostgreSQL refuses them."""
    return value.replace("\x00", "\ufffd") if value else None


class EditBody(BaseModel):
    model_config = ConfigDict(
        strict=True,
        json_schema_extra={"examples": [{"command": "add a reviewer before the payment"}]},
    )

    command: Annotated[str, AfterValidator(clean_text), Field(max_length=MAX_COMMAND_CHARS)]


class ReviewBody(BaseModel):
    """Any graph; nodes and edges are taken as a frontend has them."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "nodes": [{"id": "a", "label": "Triage"}, {"id": "b", "label": "Refunds"}],
                    "edges": [{"source": "a", "target": "b"}],
                }
            ]
        },
    )

    nodes: list[dict[str, Any]] = Field(default_factory=list, max_length=500)
    edges: list[dict[str, Any]] = Field(default_factory=list, max_length=2_000)


class RerunBody(BaseModel):
    """Options that differ from the first run; the others stay."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"options": {"seed": 8, "tasks": 500}}]}
    )

    options: OptionsBody = Field(default_factory=OptionsBody)


class SimulateBody(BaseModel):
    """A scenario in plain words. `scenario`, `scenario_text` and `scenarioText` mean the same."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "scenario": "A hotel wants guest requests sorted, simple ones answered at once, and"
                    " anything about a refund over 200 EUR approved by the duty manager.",
                    "scenario_type": "customer_service",
                    "options": {"seed": 7, "tasks": 200},
                }
            ]
        },
    )

    scenario: ScenarioText = Field(
        validation_alias=AliasChoices("scenario", "scenario_text", "scenarioText")
    )
    scenario_type: Label | None = Field(
        default=None, validation_alias=AliasChoices("scenario_type", "scenarioType")
    )
    name: Label | None = None
    description: Annotated[str, AfterValidator(clean_text), Field(max_length=2_000)] | None = None
    options: OptionsBody = Field(default_factory=OptionsBody)

    def submission(self) -> Submission:
        return Submission(
            text=self.scenario,
            scenario_type=self.scenario_type,
            name=self.name,
            description=self.description,
            options=self.options.options(),
        )
