"""Four networks that differ in what can go wrong, built from short lines."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from common.contracts.events import ToolsMapped
from common.contracts.network import AgentSpec, Connection, Network, Payload, ToolSpec
from common.contracts.scenario import (
    Actor,
    Found,
    Interpretation,
    Quantity,
    Question,
    ScenarioRequest,
    SimulationOptions,
    Step,
)
from common.contracts.values import Evidence

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Heard = Callable[..., ToolsMapped]


def _agent(ref: str, **more: Any) -> AgentSpec:
    return AgentSpec(**({"id": ref, "name": ref.replace("_", " ").title(), "role": ref} | more))


def _edges(*lines: tuple[Any, ...]) -> tuple[Connection, ...]:
    return tuple(
        Connection(source=source, target=target, kind=kind, **(rest[0] if rest else {}))
        for source, target, kind, *rest in lines
    )


def claims() -> tuple[Network, Interpretation]:
    """Text from strangers, a choice, a payout that cannot be undone, a person for the large ones."""
    network = Network(
        agents=(
            _agent("intake", tools=("claims_mailbox",), model_class="small", zone="perception"),
            _agent("assessor", tools=("policy_search", "claims_db"), model_class="large"),
            _agent("adjuster", kind="human", model_class=None),
            _agent("payer", tools=("bank_transfer",), zone="action", model_class="small"),
        ),
        tools=(
            ToolSpec(
                name="claims_mailbox", capability="email.read", latency_p50_s=0.3, latency_p95_s=1.8
            ),
            ToolSpec(
                name="policy_search",
                capability="document.search",
                latency_p50_s=0.5,
                latency_p95_s=2.5,
            ),
            ToolSpec(
                name="claims_db",
                capability="record.write",
                side_effect="write",
                credentials=("db",),
            ),
            ToolSpec(
                name="bank_transfer",
                capability="payment",
                side_effect="irreversible",
                credentials=("bank",),
            ),
        ),
        connections=_edges(
            ("intake", "claims_mailbox", "tool"),
            ("assessor", "policy_search", "tool"),
            ("assessor", "claims_db", "tool"),
            ("payer", "bank_transfer", "tool"),
            (
                "intake",
                "assessor",
                "handoff",
                {
                    "payload": Payload(
                        name="claim", fields={"policy_id": "string", "amount": "number"}
                    )
                },
            ),
            ("assessor", "adjuster", "approve", {"share": 0.2, "when": "amount over 2000 EUR"}),
            ("assessor", "payer", "handoff", {"share": 0.8, "when": "amount up to 2000 EUR"}),
            ("adjuster", "payer", "handoff"),
        ),
        pattern="router",
        pattern_reason="Small claims are paid at once.",
        human_in_loop=True,
        entry=("intake",),
        exit=("payer",),
    )
    text = "Claims arrive by post and must be settled within two days."
    interpretation = Interpretation(
        is_scenario=True,
        title="Claims",
        goal=Found(name="settle claims"),
        industry=Found(name="insurance"),
        actors=(Actor(name="policyholder", kind="customer"),),
        steps=(
            Step(id="s1", order=1, name="read the claim", verb="read"),
            Step(id="s2", order=2, name="pay the claim", verb="pay"),
        ),
        quantities=(
            Quantity(
                name="deadline",
                kind="deadline",
                value=2,
                unit="days",
                evidence=(Evidence(text=text[33:57], start=33, end=57),),
            ),
        ),
        constraints=(Found(name="never pay a lapsed policy"),),
        questions=(
            Question(
                id="q1",
                text="What counts as settled?",
                why="unclear",
                evidence=(Evidence(text="settled", start=42, end=49),),
            ),
        ),
    )
    return network, interpretation


def research() -> tuple[Network, Interpretation]:
    """A coordinator, three parallel workers on one model class, shared memory; nothing is changed outside."""
    workers = ("scout_prices", "scout_press", "scout_patents")
    network = Network(
        agents=(
            _agent("lead", model_class="large"),
            *(_agent(w, tools=("web_search", "notebook"), concurrency=2) for w in workers),
            _agent("writer", join="all"),
        ),
        tools=(
            ToolSpec(
                name="web_search",
                capability="web.search",
                latency_p50_s=0.8,
                latency_p95_s=4.0,
                error_rate=0.03,
            ),
            ToolSpec(name="notebook", capability="memory"),
        ),
        connections=_edges(
            *(("lead", w, "call") for w in workers),
            *((w, "web_search", "tool") for w in workers),
            *((w, "notebook", "memory") for w in workers),
            ("lead", "writer", "publish"),
        ),
        pattern="supervisor",
        pattern_reason="Sub-tasks are not known in advance.",
        entry=("lead",),
        exit=("writer",),
    )
    return network, _plain("Market study")


def drafting() -> tuple[Network, Interpretation]:
    """A writer, a verifier that may reject twice, and publishing."""
    network = Network(
        agents=(
            _agent("writer", responsibilities=("write the leaflet", "keep the tone")),
            _agent("checker", is_verifier=True),
            _agent("publisher", tools=("cms",), zone="action"),
        ),
        tools=(
            ToolSpec(name="cms", capability="publish", side_effect="write", mcp_server="cms-mcp"),
        ),
        connections=_edges(
            ("writer", "checker", "verify"),
            ("checker", "writer", "handoff", {"max_iterations": 2}),
            ("checker", "publisher", "handoff"),
            ("publisher", "cms", "tool"),
        ),
        pattern="evaluator_loop",
        pattern_reason="The text must comply.",
        entry=("writer",),
        exit=("publisher",),
    )
    return network, _plain("Leaflets")


def alone() -> tuple[Network, Interpretation]:
    """One agent without a tool."""
    network = Network(
        agents=(_agent("summariser"),),
        pattern="single",
        pattern_reason="One skill.",
        entry=("summariser",),
        exit=("summariser",),
    )
    return network, _plain("Minutes")


def _plain(title: str) -> Interpretation:
    return Interpretation(
        is_scenario=True, title=title, goal=Found(name=title), industry=Found(name="other")
    )


NETWORKS = {"claims": claims, "research": research, "drafting": drafting, "alone": alone}


@pytest.fixture(params=sorted(NETWORKS))
def any_network(request: pytest.FixtureRequest) -> tuple[Network, Interpretation]:
    return NETWORKS[request.param]()


@pytest.fixture
def built() -> Callable[[str], tuple[Network, Interpretation]]:
    return lambda name: NETWORKS[name]()


@pytest.fixture
def heard() -> Heard:
    def make(name: str, failures: tuple[str, ...] | None = None) -> ToolsMapped:
        network, interpretation = NETWORKS[name]()
        return ToolsMapped(
            event_id=UUID(int=7),
            simulation_id="sim-1",
            occurred_at=T0,
            request=ScenarioRequest(
                scenario_id="s-1", text="a scenario", options=SimulationOptions(failures=failures)
            ),
            interpretation=interpretation,
            network=network,
        )

    return make
