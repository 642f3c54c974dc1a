"""What the planner asks of a model: roles and a pattern. The rules wire them or refuse."""

from dataclasses import dataclass

from pydantic import BaseModel

from common.contracts.events import ScenarioInterpreted
from common.contracts.network import Network
from common.contracts.scenario import Interpretation
from common.llm.asking import About, Asking, Proposed
from common.llm.context import Section, fit
from common.llm.port import ModelPort
from common.llm.prompts import UserText
from planner.rules.planning import Forecaster
from planner.rules.proposal import ProposedPlan, built, problems
from planner.telling import told_agents


class PlanFields(BaseModel):
    """Fields of `prompts/plan`."""

    max_agents: int
    goal: UserText
    summary: UserText
    steps: UserText
    limits: UserText
    signals: tuple[str, ...]
    draft: UserText


@dataclass(frozen=True, slots=True)
class PlannerModel:
    """Plans with a model; the rules wire what it proposes and refuse what is not sound."""

    asking: Asking

    async def plan(
        self, heard: ScenarioInterpreted, by_rules: Network, forecast: Forecaster | None
    ) -> Proposed[Network]:
        """The proposed network, wired.

        Raises:
            ModelError: no model proposed one that holds.
        """
        options, read = heard.request.options, heard.interpretation
        found = await self.asking.structured(
            "plan",
            plan_fields(read, by_rules, options.max_agents, self.asking.port.prompt_tokens),
            ProposedPlan,
            lambda proposal: problems(read, proposal, options.max_agents),
            about=About.of(heard, options.seed),
            task="plan",
            max_tokens=3_000,
        )
        network = built(read, found.value, options.max_agents, forecast=forecast)
        return Proposed(network, found.provenance)


def plan_fields(
    read: Interpretation, draft: Network, max_agents: int, room_tokens: int
) -> PlanFields:
    """The prompt's fields, each within its share of the room."""
    limits = tuple(found.name for found in (*read.approvals, *read.constraints, *read.compliance))
    told = fit(
        (
            Section(
                name="steps", items=tuple(_step(read, n) for n in range(len(read.steps))), share=0.4
            ),
            Section(name="limits", items=limits or ("(none)",), share=0.15),
            Section(name="draft", items=told_agents(draft), share=0.25),
            Section(name="summary", items=(read.summary,), share=0.1),
        ),
        int(room_tokens * 0.85),
    )
    strengths = sorted(read.signals.items(), key=lambda pair: (-pair[1], pair[0]))
    return PlanFields(
        max_agents=max_agents,
        goal=read.goal.name,
        signals=tuple(f"{name} {strength:.2f}" for name, strength in strengths if strength > 0),
        **told,
    )


def _step(read: Interpretation, number: int) -> str:
    step = read.steps[number]
    quote = " ".join(span.text for span in step.evidence)
    by = f", by {step.actor}" if step.actor else ""
    return f"{step.id}: {step.name}{by} (“{' '.join(quote.split())[:160]}”)"


def planner_model(port: ModelPort | None, deadline_s: float) -> PlannerModel | None:
    """Null without a port: the rules plan alone."""
    if port is None:
        return None
    asking = Asking(
        port=port,
        package="planner",
        agent="planner",
        name="ArchitecturePlannerAgent",
        deadline_s=deadline_s,
    )
    return PlannerModel(asking)
