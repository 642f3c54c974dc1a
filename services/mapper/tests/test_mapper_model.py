"""A model may name skills and unknown capabilities; it gives no agent more power than the rules did."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from common.contracts.events import ArchitecturePlanned
from common.contracts.network import AgentSpec, Connection, Network
from common.contracts.scenario import Found, Interpretation, ScenarioRequest
from common.llm.prompts import choose
from common.llm.snapshots import same_as_kept
from common.llm.testing import ScriptedModel, silent
from mapper.agent import MapperAgent
from mapper.llm import fields, mapper_model
from mapper.rules.catalogue import capabilities
from mapper.rules.mapping import map_network
from mapper.rules.proposal import ProposedFit

NOW = datetime(2026, 1, 2, tzinfo=UTC)
READ = Interpretation(is_scenario=True, title="t", goal=Found(name="g"), industry=Found(name="x"))
PLANNED = Network(
    agents=(
        AgentSpec(
            id="scout",
            name="Scout",
            role="Scout",
            responsibilities=("looks up parcel positions",),
            capabilities=("parcel_radar",),
        ),
        AgentSpec(id="writer", name="Writer", role="Writer", responsibilities=("writes a note",)),
    ),
    connections=(Connection(source="scout", target="writer"),),
    pattern="sequential",
    pattern_reason="in order",
    entry=("scout",),
    exit=("writer",),
)
HEARD = ArchitecturePlanned(
    event_id=UUID(int=3),
    simulation_id="s",
    occurred_at=NOW,
    request=ScenarioRequest(scenario_id="c", text="Parcels are looked up."),
    interpretation=READ,
    network=PLANNED,
)

ACTING = next(
    name for name, c in capabilities().items() if c.tools[0].effect in ("write", "irreversible")
)


def fit(skills: dict[str, tuple[str, ...]] | None = None, **names: str) -> ProposedFit:
    return ProposedFit.model_validate(
        {
            "skills": [{"agent_id": a, "skills": s} for a, s in (skills or {}).items()],
            "capabilities": [{"unknown": u, "known": k} for u, k in names.items()],
        }
    )


async def mapped(port: ScriptedModel) -> tuple[Network, str, str | None]:
    said = await MapperAgent(now=lambda: NOW, model=mapper_model(port, 5.0)).map(HEARD)
    return said.network, said.provenance.engine, said.provenance.fallback_reason


async def test_skills_and_a_catalogued_name_are_taken_and_flow_and_agents_stay() -> None:
    port = ScriptedModel((fit({"scout": ("Locate  parcels",)}, parcel_radar="web_search"),))

    network, engine, _ = await mapped(port)

    assert engine == "llm"
    assert network.agent("scout").skills == ("locate parcels",)
    assert {tool.capability for tool in network.tools} == {"web_search"}
    flow = [c for c in network.connections if c.kind == "handoff"]
    assert flow == list(PLANNED.connections)
    assert [a.id for a in network.agents] == ["scout", "writer"]


@pytest.mark.parametrize(
    "proposal",
    [
        fit(),
        fit(parcel_radar=ACTING),
        fit(parcel_radar="no_such_thing"),
        fit(web_search="payment_api"),
        fit({"ghost": ("haunt",)}),
        fit({"scout": ("locate 99 parcels",)}),
    ],
    ids=[
        "nothing said",
        "more power",
        "not in the catalogue",
        "not asked for",
        "no such agent",
        "own figure",
    ],
)
async def test_more_than_the_rules_allow_is_refused(proposal: ProposedFit) -> None:
    network, engine, because = await mapped(ScriptedModel((proposal,)))

    assert network == map_network(PLANNED, READ)
    assert (engine, because) == ("rules", "model_answer_invalid")


async def test_a_silent_model_leaves_the_rules_mapping() -> None:
    assert await mapped(silent()) == (map_network(PLANNED, READ), "rules", "model_unavailable")


def test_the_prompt_is_the_one_that_was_reviewed() -> None:
    messages = choose("mapper", "fit", "s").render(fields(PLANNED, 3_000))
    system, user = messages

    assert "web_search" in user.content  # the catalogue is told, and may grow
    told = user.content.split("The catalogue's capabilities:")[0]
    assert same_as_kept(
        (system, type(user)(user.role, told)), Path(__file__).parent / "snapshots" / "fit.v1.txt"
    )
