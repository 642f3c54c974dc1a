"""`python -m engine.validation.whatif`: one scenario built five ways, side by side, with paired differences."""

import sys
from dataclasses import dataclass

import numpy as np

from common.contracts.network import AgentSpec, Connection, Network, ToolSpec
from common.contracts.values import Band
from engine.bands import quantile
from engine.compare import cost_gain_usd, latency_p95_gain_s, success_gain
from engine.measure import Sample, cost_band, sample
from engine.model import Parameters
from engine.policy import strengthened
from engine.validation.bench import edge
from engine.world import Plan, Variant, make_world, run

TASKS = Plan(seed=1, replications=10, warmup=40, measured=200, rate_per_s=300 / 86_400)
"""300 requests a day."""
ROUGH_DAY = {"model.large.error_rate": 0.22}
"""The provider of the deciding model in an incident (costs.md 5)."""


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """One way to build it: a network, and how its decider is protected."""

    name: str
    network: Network
    fallback_model: str = ""

    def rehearse(self, overrides: dict[str, float | None]) -> Sample:
        world = make_world(self.network, Parameters(overrides), TASKS)
        variant = Variant(world)
        if self.fallback_model:
            decider = world.graph.by_id["decide"]
            measures = {"fallback_model": self.fallback_model}
            policies = {decider: strengthened(variant.policy(decider), measures)}
            variant = Variant(world, policies=policies)
        return sample(run(variant))


def refunds(*, is_verified: bool, approved_share: float) -> Network:
    """Requests by mail, checked against policy and order history, decided, paid, answered."""
    agents = [
        _agent("intake", "small", "mailbox"),
        _agent("policy", "medium", "rules"),
        _agent("orders", "medium", "order_history"),
        _agent("decide", "large"),
        _agent("pay", "small", "payments"),
        _agent("answer", "small", "mailbox"),
    ]
    links = [edge("intake", "policy"), edge("intake", "orders"), edge("policy", "decide")]
    links += [edge("orders", "decide"), edge("pay", "answer")]
    last = "decide"
    if is_verified:
        agents.append(AgentSpec(id="verify", name="Verify", role="verifier", is_verifier=True))
        links += [edge("decide", "verify", kind="verify")]
        links += [edge("verify", "decide", max_iterations=2)]
        last = "verify"
    links += _approval(last, approved_share)
    if approved_share:
        agents.append(
            AgentSpec(id="manager", name="Manager", role="approver", kind="human", model_class=None)
        )
    return Network(
        agents=tuple(agents),
        tools=tuple(
            ToolSpec(name=n, capability=n)
            for n in ("mailbox", "rules", "order_history", "payments")
        ),
        connections=tuple(links),
        pattern="sequential",
        pattern_reason="fixed order",
        entry=("intake",),
        exit=("answer",),
    )


def _agent(ident: str, model_class: str, *tools: str) -> AgentSpec:
    return AgentSpec.model_validate(
        {"id": ident, "name": ident, "role": ident, "model_class": model_class, "tools": tools}
    )


def _approval(source: str, share: float) -> list[Connection]:
    if share == 0:
        return [edge(source, "pay")]
    asked = edge(source, "manager", kind="approve", share=share if share < 1 else None)
    direct = [] if share == 1 else [edge(source, "pay", share=1 - share)]
    return [asked, edge("manager", "pay"), *direct]


WAYS = (
    Built("no verifier, no person", refunds(is_verified=False, approved_share=0.0)),
    Built("verifier", refunds(is_verified=True, approved_share=0.0)),
    Built("fallback model", refunds(is_verified=False, approved_share=0.0), "medium"),
    Built("person for all", refunds(is_verified=False, approved_share=1.0)),
    Built("person for large ones (20 %)", refunds(is_verified=False, approved_share=0.2)),
    Built("verifier, person for large ones", refunds(is_verified=True, approved_share=0.2)),
)


def table(overrides: dict[str, float | None]) -> str:
    """Markdown: figures of each way, and its paired differences from the first."""
    first = WAYS[0].rehearse(overrides)
    lines = [
        "| built as | success | Δ success | p95 s | Δ p95 s | USD per task | Δ USD |",
        "|---|---|---|---|---|---|---|",
    ]
    for way in WAYS:
        data = way.rehearse(overrides)
        cost = cost_band(data)[0]
        cells = (
            f"{np.concatenate(data.success).mean():.3f}",
            _shown(success_gain(data, first), 3),
            f"{quantile(np.concatenate(data.latency_s), 0.95):.0f}",
            _shown(latency_p95_gain_s(data, first), 0),
            "not known" if cost is None else f"{cost.value:.4f}",
            _shown(cost_gain_usd(data, first), 4),
        )
        lines.append(f"| {way.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(band: Band | None, digits: int) -> str:
    if band is None:
        return "not known"
    return f"{band.value:+.{digits}f} [{band.low:+.{digits}f}, {band.high:+.{digits}f}]"


if __name__ == "__main__":
    sys.stdout.write(
        f"Ordinary day\n\n{table({})}\n\nProvider incident\n\n{table(dict(ROUGH_DAY))}\n"
    )
