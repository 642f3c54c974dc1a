"""The record a question is about: a simulation's report, read leniently, with the ids of the events behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import ValidationError

from common.contracts.chat import ChatAsked
from common.contracts.failures import FailureMode, FailurePlan
from common.contracts.narrative import Narrative
from common.contracts.network import AgentSpec, Network, ToolSpec
from common.contracts.run import RunResult
from common.contracts.scenario import Interpretation
from common.contracts.values import Value

Part = Literal["interpretation", "network", "failures", "run", "narrative"]
PARTS: tuple[Part, ...] = ("interpretation", "network", "failures", "run", "narrative")


@dataclass(frozen=True)
class Record:
    """A simulation as far as it has got. Parts that are missing or of another version are null."""

    report: Mapping[str, Any]
    sources: Mapping[str, str]
    simulation_id: str

    @property
    def status(self) -> str:
        return str(self.report.get("status") or "unknown")

    @cached_property
    def interpretation(self) -> Interpretation | None:
        return _read(Interpretation, self.report.get("interpretation"))

    @cached_property
    def network(self) -> Network | None:
        return _read(Network, self.report.get("network"))

    @cached_property
    def failures(self) -> FailurePlan | None:
        return _read(FailurePlan, self.report.get("failures"))

    @cached_property
    def run(self) -> RunResult | None:
        return _read(RunResult, self.report.get("run"))

    @cached_property
    def narrative(self) -> Narrative | None:
        return _read(Narrative, self.report.get("narrative"))

    @cached_property
    def agents(self) -> dict[str, AgentSpec]:
        return {agent.id: agent for agent in self.network.agents} if self.network else {}

    @cached_property
    def tools(self) -> dict[str, ToolSpec]:
        return {tool.name: tool for tool in self.network.tools} if self.network else {}

    @cached_property
    def modes(self) -> dict[str, FailureMode]:
        return {mode.id: mode for mode in self.failures.modes} if self.failures else {}

    def name(self, ref: str) -> str:
        """An agent's or a mode's name, both ends of an edge, or the ref itself."""
        source, arrow, target = ref.partition("->")
        if arrow:
            return f"the way from {self.name(source)} to {self.name(target)}"
        if ref in self.agents:
            return self.agents[ref].name
        return self.modes[ref].name if ref in self.modes else ref

    def event_id(self, part: Part) -> str | None:
        """The stream event that showed this part: as the asker said, else by the rule that a stage shows it first."""
        if part in self.sources:
            return self.sources[part]
        if part == "run":
            return self._run_event()
        revision = self.report.get("revision") or 1
        stage = {
            "interpretation": "interpretation.1",
            "network": "tools.1" if self.tools else "architecture.1",
            "failures": "failures.1",
            "narrative": "narrative.2",
        }[part]
        return f"r{revision}.{stage}"

    def _run_event(self) -> str | None:
        """The figures stand behind the journey, at no fixed place: the story's citations name it."""
        chapters = self.narrative.chapters if self.narrative else ()
        cited = (c.event_id for chapter in chapters for c in chapter.citations)
        return next(cited, None)


def record_of(asked: ChatAsked) -> Record | None:
    """The simulation the question is about, or None when the facts are not one."""
    facts = asked.facts
    if facts is None or not any(part in facts for part in (*PARTS, "simulation_id")):
        return None
    name = str(facts.get("simulation_id") or asked.simulation_id or "")
    return Record(report=facts, sources=asked.sources, simulation_id=name)


def _read[V: Value](shape: type[V], value: object) -> V | None:
    try:
        return shape.model_validate(value) if value else None
    except ValidationError:
        return None
