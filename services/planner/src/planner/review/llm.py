"""What the reviewer asks of a model: a summary in better words. Score and findings stay."""

from dataclasses import dataclass

from pydantic import BaseModel, Field

from common.contracts.editing import ReviewAnswered
from common.llm.asking import About, Asking, Proposed, strange_numbers
from common.llm.context import shorten
from common.llm.port import ModelPort
from common.llm.prompts import UserText

REVIEWER = "ReviewerAgent"
ANSWER_WITHIN_S = 4.0
"""The gateway waits 5 s for a review; the rules' summary stands when no model has given one."""


class ReviewFields(BaseModel):
    """Fields of `prompts/review`."""

    score: str
    findings: UserText


class ProposedSummary(BaseModel):
    summary: str = Field(max_length=900)


@dataclass(frozen=True, slots=True)
class ReviewerModel:
    """Says a judgement in better words; score and findings stay."""

    asking: Asking

    async def summarise(self, answered: ReviewAnswered) -> Proposed[ReviewAnswered]:
        """The judgement with the model's summary.

        Raises:
            ModelError: no model summed it up without figures of its own.
        """
        fields = review_fields(answered, self.asking.port.prompt_tokens)
        known = f"{fields.score} {fields.findings} {answered.summary}"
        found = await self.asking.structured(
            "review",
            fields,
            ProposedSummary,
            lambda said: _bad_summary(said, known),
            about=About(),
            task="prose",
            max_tokens=500,
        )
        told = answered.model_copy(update={"summary": found.value.summary.strip()})
        return Proposed(told, found.provenance)


def review_fields(answered: ReviewAnswered, room_tokens: int) -> ReviewFields:
    rows = tuple(
        f"{finding.severity}: {finding.message} {finding.suggestion}"
        for finding in reversed(
            answered.findings
        )  # the last is told whole, so the worst comes last
    )
    return ReviewFields(
        score="unknown" if answered.score is None else str(answered.score),
        findings=shorten(rows or ("none",), room_tokens // 2),
    )


def _bad_summary(said: ProposedSummary, known: str) -> tuple[str, ...]:
    if not said.summary.strip():
        return ("summary: it is missing",)
    strange = strange_numbers(said.summary, known)
    return (f"summary: leave out the figures {', '.join(strange)}",) if strange else ()


def reviewer_model(port: ModelPort | None) -> ReviewerModel | None:
    """Null without a port: the rules sum up alone."""
    if port is None:
        return None
    asking = Asking(
        port=port, package="planner", agent="reviewer", name=REVIEWER, deadline_s=ANSWER_WITHIN_S
    )
    return ReviewerModel(asking)
