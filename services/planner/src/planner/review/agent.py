"""ReviewerAgent: judges a graph over the bus's request and reply."""

import asyncio
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
            # a drawing of hundreds of nodes takes about a second; the event loop stays free meanwhile
            return await asyncio.to_thread(review, asked.nodes, asked.edges)
        except UnreadableGraphError as unreadable:
            return ReviewAnswered(problem=str(unreadable))
