"""The catalogue of failure modes and mitigations, read once from the YAML files beside this package."""

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field

from common.contracts.failures import LikelihoodBasis
from common.contracts.values import Share, Value

Harm = Literal["wrong", "failed", "degraded", "cost"]
Parameters = dict[str, float | int | str | bool]
"""`auto` as a value means: filled in for the network by `rules.mitigations`."""

_TAXONOMIES = {
    "mast": ("MAST", "arXiv:2503.13657 (v3)"),
    "agent_errors": ("AgentErrorTaxonomy", "arXiv:2509.25370; ulab-uiuc/AgentDebug@909e104"),
    "distributed": ("distributed systems", "failure notes, section 5"),
    "human": ("people", "failure notes, section 5; cost notes, section 4"),
    "owasp_agentic_2026": (
        "OWASP agentic 2026",
        "OWASP Top 10 for Agentic Applications 2026, v1.0 (2025-12-09)",
    ),
}


class EntryLikelihood(Value):
    """`value` is the published figure, `simulated` the probability per opportunity that the engine draws with."""

    value: float | None = None
    basis: LikelihoodBasis
    simulated: Share
    source: str
    assumed: bool | None = None

    @property
    def is_assumed(self) -> bool:
        """Without a published per-call, per-task or per-hour figure the simulated one is an assumption."""
        if self.assumed is not None:
            return self.assumed
        return self.value is None or self.basis == "share_of_failures"


class Entry(Value):
    """One catalogued mode, before it is tied to a network. `reason` is a template over the strike's facts."""

    id: str
    name: str
    description: str
    taxonomy: str
    source: str
    strikes: str
    effect: Literal[
        "error",
        "delay",
        "silent_error",
        "loop",
        "stall",
        "outage",
        "drop",
        "duplicate",
        "degrade",
        "compromise",
    ]
    harm: Harm
    likelihood: EntryLikelihood
    noticed: Share
    """Share of occurrences that the run's own signals show, without a verifier downstream."""
    noticed_source: str
    trigger: str
    signal: str
    reason: str
    mitigations: tuple[str, ...] = Field(min_length=1)
    always: bool = False
    """Rehearsed wherever it can strike: without it a rehearsal says nothing about the commonest outage."""
    parameters: Parameters = Field(default_factory=dict)


class MitigationEntry(Value):
    name: str
    parameters: Parameters
    effect_source: str


def _read(name: str) -> Any:
    """A file of the catalogue; libyaml's loader, because the pure one costs a third of a second."""
    text = files("failure").joinpath("catalogue", f"{name}.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)  # noqa: S506 -- both are safe loaders


@cache
def entries() -> tuple[Entry, ...]:
    """All modes, in the order of the files."""
    return tuple(
        Entry(**({"taxonomy": taxonomy, "source": source} | item))
        for name, (taxonomy, source) in _TAXONOMIES.items()
        for item in _read(name)
    )


@cache
def mitigations() -> dict[str, MitigationEntry]:
    return {key: MitigationEntry(**item) for key, item in _read("mitigations").items()}
