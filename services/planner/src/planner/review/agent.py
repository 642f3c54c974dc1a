"""ReviewerAgent: judges a graph over the bus's request and reply."""

import asyncio
from dataclasses import dataclass

from common.contracts.editing import ReviewAnswered, ReviewAsked
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from planner.review.graph import UnreadableGraphError
from planner.review.judge import review
from planner.review.llm import REVIEWER, ReviewerModel


@dataclass(frozen=True, slots=True)
class ReviewerAgent:
    """Judges any graph; keeps nothing and needs no clock."""

    model: ReviewerModel | None = None

    async def review(self, asked: ReviewAsked) -> ReviewAnswered:
        """The judgement; an unreadable graph is answered with the field that could not be read."""
        try:
            # a drawing of hundreds of nodes takes about a second; the event loop stays free meanwhile
            judged = await asyncio.to_thread(review, asked.nodes, asked.edges)
        except UnreadableGraphError as unreadable:
            return ReviewAnswered(problem=str(unreadable))
        model = self.model
        if model is None:
            return judged
        by_rules = Proposed(judged, Provenance(agent=REVIEWER))
        found = await proposed_or_rules("auto", by_rules, lambda: model.summarise(judged))
        return found.value.model_copy(update={"provenance": found.provenance})
