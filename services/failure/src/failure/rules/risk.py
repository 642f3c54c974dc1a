"""Severity, occurrence and detection of a mode at a place, each 1-10; their product ranks, and all three are shown.

Source: thresholds of occurrence from AIAG FMEA, 4th ed.; severity by class of outcome and
`D = 1 + round(9 x (1 - detected share))` as proposed in section 7 of the failure notes.
"""

from bisect import bisect_right
from dataclasses import dataclass

from failure.rules.catalogue import Entry
from failure.rules.strike import Strike
from failure.rules.view import View

_SEVERITY = {"wrong": 8, "failed": 6, "degraded": 4, "cost": 2}
_SEVERITY_IRREVERSIBLE = 10

_PER_THOUSAND = (0.001, 0.01, 0.1, 0.5, 2.0, 10.0, 20.0, 50.0, 100.0)
"""Lower bounds of occurrence 2…10 in tasks struck per 1,000 (1 means eliminated by design)."""

_SILENT = frozenset({"silent_error", "compromise", "degrade", "duplicate"})
_VERIFIER_SEES = 0.45
"""Share of silent faults that an outcome-only judge catches (arXiv:2609.00038)."""
_APPROVER_SEES = 0.07
"""Share of requests that people refuse: 93 % are approved (Claude Code telemetry)."""


@dataclass(frozen=True, slots=True)
class Risk:
    severity: int
    occurrence: int
    detection: int

    @property
    def priority(self) -> int:
        return self.severity * self.occurrence * self.detection


def rate_of(entry: Entry, strike: Strike) -> float:
    """Probability per opportunity at this place."""
    return strike.rate[0] if strike.rate else entry.likelihood.simulated


def occurrence(rate: float, opportunities: float) -> int:
    """1…10 for the share of tasks struck; `opportunities` are independent chances per task."""
    struck = 1.0 - (1.0 - rate) ** opportunities
    return max(1, 1 + bisect_right(_PER_THOUSAND, struck * 1_000))


def severity(entry: Entry, strike: Strike, view: View) -> int:
    """A wrong result weighs most where something irreversible follows and nobody approves it first."""
    if entry.harm != "wrong":
        return _SEVERITY[entry.harm]
    if view.irreversible_after(strike.at) is None:
        return _SEVERITY["wrong"]
    struck_gate = view.agents[strike.at].kind == "human"
    if view.is_approved_after(strike.at) and not struck_gate:
        return _SEVERITY["wrong"]
    return _SEVERITY_IRREVERSIBLE


def detection(entry: Entry, strike: Strike, view: View) -> int:
    """10 when nothing in the network shows it, 1 when everything does."""
    missed = 1.0 - entry.noticed
    if entry.effect in _SILENT:
        if view.is_checked_after(strike.at):
            missed *= 1.0 - _VERIFIER_SEES
        if view.is_approved_after(strike.at):
            missed *= 1.0 - _APPROVER_SEES
    return min(10, 1 + round(9 * missed))


def assess(entry: Entry, strike: Strike, view: View) -> Risk:
    # Time in an incident is a property of the provider, not of how often a task calls it.
    chances = 1.0 if entry.likelihood.basis == "per_hour" else strike.opportunities
    return Risk(
        severity=severity(entry, strike, view),
        occurrence=occurrence(rate_of(entry, strike), chances),
        detection=detection(entry, strike, view),
    )
