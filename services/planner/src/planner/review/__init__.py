"""Judges networks. `planner.review.invariants` stands alone and loads no graph library."""

from planner.review.agent import ReviewerAgent
from planner.review.judge import review, review_network

__all__ = ["ReviewerAgent", "review", "review_network"]
