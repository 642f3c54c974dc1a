"""ReviewerAgent: judges a graph over the bus's request and reply."""

from dataclasses import dataclass

from common.contracts.editing import ReviewAnswered, ReviewAsked
from planner.review.graph import UnreadableGraphError
from planner.review.judge import review


@dataclass(frozen=True, slots=True)
class ReviewerAgent:
    """Judges any graph; keeps nothing and needs no clock."""

    async def review(self, asked: ReviewAsked) -> ReviewAnswered:
        """The judgement; an unreadable graph is answered with the field that could not be read."""
        try:
            return review(asked.nodes, asked.edges)
        except UnreadableGraphError as unreadable:
            return ReviewAnswered(problem=str(unreadable))
