"""Ballots: blind, weighted, with quorum. Pure counting; how somebody votes is decided elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Literal

from common.contracts.conversations import VoteCast
from common.contracts.values import Value

Verdict = Literal["unanimous", "majority", "no_quorum", "no_majority", "tie"]
_EPSILON = 1e-9


class Count(Value):
    """The result of one ballot. `winner` is null unless the verdict is `unanimous` or `majority`.

    `turnout` is the share of the whole weight that was cast; `agreement` the winner's (or the leader's) share of it.
    """

    verdict: Verdict
    winner: str | None
    weights: dict[str, float]
    turnout: float
    agreement: float
    leaders: tuple[str, ...]


def count(votes: Sequence[VoteCast], *, quorum: float, majority: float) -> Count:
    """Count one ballot.

    An abstention counts for the whole weight and not for what was cast. An option wins with strictly more than
    `majority` of the weight cast, if at least `quorum` of the whole weight was cast.
    """
    whole = sum(vote.weight for vote in votes)
    weights: dict[str, float] = {}
    for vote in votes:
        if vote.choice is not None:
            weights[vote.choice] = weights.get(vote.choice, 0.0) + vote.weight
    cast = sum(weights.values())
    turnout = cast / whole if whole else 0.0
    has_quorum = cast > 0 and turnout >= quorum - _EPSILON
    best = max(weights.values(), default=0.0)
    leaders = tuple(sorted(option for option, w in weights.items() if w >= best - _EPSILON))
    agreement = best / cast if cast else 0.0
    verdict: Verdict = "no_quorum"
    if has_quorum:
        verdict = _verdict(len(weights), len(leaders), agreement, majority)
    is_won = verdict in {"unanimous", "majority"}
    return Count(
        verdict=verdict,
        winner=leaders[0] if is_won else None,
        weights=dict(sorted(weights.items())),
        turnout=min(1.0, turnout),
        agreement=min(1.0, agreement),
        leaders=leaders,
    )


def _verdict(chosen: int, leaders: int, agreement: float, majority: float) -> Verdict:
    if chosen == 1:
        return "unanimous"
    if leaders > 1:
        return "tie"
    return "majority" if agreement > majority + _EPSILON else "no_majority"


def deadlock_winner(totals: Mapping[str, float], safety: Mapping[str, float]) -> str:
    """The written rule when the last ballot brings no winner.

    The highest total score of the team; among equals (to three decimals) the safer one; then the first by id.

    Raises:
        ValueError: there is nothing to choose from.
    """
    if not totals:
        raise ValueError("no options")
    return min(
        totals, key=lambda option: (-round(totals[option], 3), -safety.get(option, 0.0), option)
    )
