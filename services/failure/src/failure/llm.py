"""What the failure agent asks of a model: hypotheses in the scenario's words. The figures are the catalogue's."""

from dataclasses import dataclass

from pydantic import BaseModel

from common.contracts.events import ToolsMapped
from common.contracts.failures import FailureMode, FailurePlan
from common.contracts.network import Network
from common.llm.asking import About, Asking, Proposed
from common.llm.context import Section, fit
from common.llm.port import ModelPort
from common.llm.prompts import UserText
from failure.rules.proposal import ProposedFailures, hypothesised, others, problems


class HypothesisFields(BaseModel):
    """Fields of `prompts/hypothesise`."""

    scenario: UserText
    network: UserText
    modes: UserText
    others: UserText


@dataclass(frozen=True, slots=True)
class FailureModel:
    """Words the chosen modes for this network, and may add a few of the catalogue."""

    asking: Asking

    async def hypothesise(self, heard: ToolsMapped, by_rules: FailurePlan) -> Proposed[FailurePlan]:
        """The plan in the model's words.

        Raises:
            ModelError: no model proposed what the rules take.
        """
        text = heard.request.text
        found = await self.asking.structured(
            "hypothesise",
            fields(text, heard.network, by_rules, self.asking.port.prompt_tokens),
            ProposedFailures,
            lambda proposal: problems(text, by_rules, proposal),
            about=About.of(heard, heard.request.options.seed),
            max_tokens=3_000,
        )
        plan = hypothesised(heard.network, heard.interpretation, by_rules, found.value)
        return Proposed(plan, found.provenance)


def fields(
    scenario: str, network: Network, plan: FailurePlan, room_tokens: int
) -> HypothesisFields:
    """The prompt's fields, each within its share of the room."""
    told = fit(
        (
            Section(name="modes", items=tuple(_mode(mode) for mode in plan.modes), share=0.4),
            Section(name="network", items=_network(network), share=0.2),
            Section(name="scenario", items=(scenario,), share=0.2),
            Section(name="others", items=others(plan), share=0.1),
        ),
        int(room_tokens * 0.9),
    )
    return HypothesisFields(**told)


def _mode(mode: FailureMode) -> str:
    where = ", ".join(target.ref for target in mode.targets)
    return (
        f"id {mode.id}: {mode.name} at {where}. {mode.description} Trigger: {mode.trigger} "
        f"Signal: {mode.detection_signal} Reason: {mode.reason}"
    )


def _network(network: Network) -> tuple[str, ...]:
    agents = tuple(
        f"{a.id}: {a.role}, tools {', '.join(a.tools) or 'none'}" for a in network.agents
    )
    return (f"pattern {network.pattern}", *agents)


def failure_model(port: ModelPort | None, deadline_s: float) -> FailureModel | None:
    """Null without a port: the rules choose and word alone."""
    if port is None:
        return None
    asking = Asking(
        port=port,
        package="failure",
        agent="failure",
        name="FailureSimulationAgent",
        deadline_s=deadline_s,
    )
    return FailureModel(asking)
