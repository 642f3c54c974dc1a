"""Small values that every contract shares: ids, evidence, provenance, bands."""

from typing import Annotated, Literal, NewType

from pydantic import BaseModel, ConfigDict, Field

SimulationId = NewType("SimulationId", str)
ConversationId = NewType("ConversationId", str)

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
"""Ids are subject tokens on the bus and path segments in URLs: no dot, star, arrow, slash or blank."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Value(BaseModel):
    """A frozen shape. Readers ignore fields they do not know; a changed meaning gets a new version."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
        # Values are ids and texts that hardly come twice: kept, they would fill 16,384 places in every process.
        cache_strings="keys",
    )


class Evidence(Value):
    """The span of the scenario text that a statement was read from.

    `text == scenario_text[start:end]` always holds; offsets count characters (code points), `end` exclusive.
    """

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Provenance(Value):
    """What answered: the rules engine, or a model with its provider and prompt version."""

    engine: Literal["rules", "llm"] = "rules"
    agent: str = ""
    version: str = "1"
    provider: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    fallback_reason: str | None = None
    """Why the rules engine answered although a model was asked for; null when none was asked."""


class Band(Value):
    """An estimate with its 95 % confidence interval; `low <= value <= high`."""

    value: float
    low: float
    high: float
