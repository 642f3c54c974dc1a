"""A completed run, prepared for telling: names, worst failures, best mitigations."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from common.contracts.events import RunCompleted
from common.contracts.failures import FailureMode
from common.contracts.network import AgentSpec
from common.contracts.run import FailureOutcome, MitigationOutcome, RunResult
from common.contracts.values import Band

_FEW_TASKS = 5
"""Below this many struck tasks a difference is chance (assumed, as in the rule of five for shares)."""


def plain(name: str) -> str:
    """A name as part of a sentence; one with digits is quoted, so that it is not taken for a figure."""
    line = " ".join(name.split())
    return f"“{line}”" if re.search(r"\d", line) else line


def plain_quote(text: str) -> str:
    """Somebody's own words, in quotation marks."""
    return f"“{' '.join(text.split()).strip('“”')}”"


def listed(words: Iterable[str], limit: int = 4) -> str:
    """`a`, `a and b`, `a, b and c`; beyond `limit` the rest is `others`."""
    items = list(dict.fromkeys(words))
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and others"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


@dataclass(frozen=True)
class RunView:
    """Read-only questions about a run and the network it ran on."""

    heard: RunCompleted

    @property
    def run(self) -> RunResult:
        return self.heard.run

    @cached_property
    def agents(self) -> dict[str, AgentSpec]:
        return {agent.id: agent for agent in self.heard.network.agents}

    @cached_property
    def modes(self) -> dict[str, FailureMode]:
        return {mode.id: mode for mode in self.heard.failures.modes}

    def name(self, ref: str) -> str:
        """An agent's name, a tool's name, `A → B` of an edge, or the ref itself."""
        if "->" in ref:
            source, _, target = ref.partition("->")
            return f"the way from {self.name(source)} to {self.name(target)}"
        agent = self.agents.get(ref)
        return plain(agent.name if agent else ref)

    def mode_name(self, failure_id: str) -> str:
        mode = self.modes.get(failure_id)
        return f"“{mode.name if mode else failure_id}”"

    def where(self, failure_id: str) -> str:
        """Where a mode strikes, with its preposition."""
        places = self.places(failure_id)
        return f"on {places}" if places.startswith("the way ") else f"at {places}"

    def is_staged(self, failure_id: str) -> bool:
        """Whether the engine puts one occurrence into every run, because few runs would see one."""
        mode = self.modes.get(failure_id)
        return mode is not None and mode.effect == "outage"

    def places(self, failure_id: str) -> str:
        """Where a mode strikes, in words."""
        mode = self.modes.get(failure_id)
        if mode is None:
            return "the network"
        words = []
        for target in mode.targets:
            if target.kind == "provider":
                words.append(f"every agent on the model class {plain(target.ref)}")
            else:
                words.append(self.name(target.ref))
        return listed(words, 2)

    @cached_property
    def by_harm(self) -> tuple[tuple[int, FailureOutcome], ...]:
        """Outcomes with their index, the one that costs most success first; staged ones after all others."""

        def harm(pair: tuple[int, FailureOutcome]) -> tuple[bool, float, float, int]:
            outcome = pair[1]
            success = outcome.delta_success.value if outcome.delta_success else 0.0
            slower = outcome.delta_latency_p95_s.value if outcome.delta_latency_p95_s else 0.0
            return (self.is_staged(outcome.failure_id), success, -slower, pair[0])

        return tuple(sorted(enumerate(self.run.failures), key=harm))

    @cached_property
    def by_gain(self) -> tuple[tuple[int, MitigationOutcome], ...]:
        """Mitigation runs with their index, the largest gain in success first."""
        return tuple(
            sorted(enumerate(self.run.mitigated), key=lambda p: (-p[1].gain_success.value, p[0]))
        )

    def mitigation_names(self, outcome: MitigationOutcome, limit: int = 3) -> str:
        """What is done, in words; an id that no mode offers is told as it is."""
        known = {m.id: m.name for mode in self.heard.failures.modes for m in mode.mitigations}
        return listed(
            (plain(midsentence(known.get(key, key))) for key in outcome.mitigations), limit
        )

    def saver(self, step: str) -> str:
        """A step of a recovery path (`retry at <agent>`, `rejected by <agent>`) with the agent's name."""
        for word in (" at ", " by "):
            label, found, ref = step.rpartition(word)
            if found and ref in self.agents:
                return f"{plain(label)}{word}{self.name(ref)}"
        return self.name(step) if step in self.agents else plain(step)

    def agent_index(self, agent_id: str) -> int | None:
        """Where the agent stands in the baseline's figures."""
        for index, figures in enumerate(self.run.baseline.agents):
            if figures.agent_id == agent_id:
                return index
        return None

    @cached_property
    def people(self) -> tuple[AgentSpec, ...]:
        return tuple(agent for agent in self.heard.network.agents if agent.kind == "human")


def midsentence(text: str) -> str:
    """`Keep a provider` → `keep a provider`; an abbreviation keeps its capitals."""
    return text[0].lower() + text[1:] if len(text) > 1 and not text[1].isupper() else text


def is_rare(outcome: FailureOutcome) -> bool:
    """Whether it struck too few tasks for this run to say what it does."""
    return outcome.tasks_hit * outcome.figures.tasks < _FEW_TASKS


def is_sure(band: Band | None) -> bool:
    """Whether the whole band lies on one side of nought."""
    return band is not None and (band.low > 0 or band.high < 0)


def hurts_success(outcome: FailureOutcome) -> bool:
    """Whether the whole band of the change lies below nought."""
    return outcome.delta_success is not None and outcome.delta_success.high < 0


def slows(outcome: FailureOutcome) -> bool:
    return outcome.delta_latency_p95_s is not None and outcome.delta_latency_p95_s.low > 0


def helps(outcome: MitigationOutcome) -> bool:
    return outcome.gain_success.low > 0
