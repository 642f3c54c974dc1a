"""What is chosen for a network, and why."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.failures import FailurePlan
from common.contracts.network import Network
from common.errors import DomainError
from failure.rules import risk
from failure.rules.selection import MAX_MODES, MIN_MODES, candidates, plan


def wish(built: Any, name: str, wanted: tuple[str, ...]) -> FailurePlan:
    network, interpretation = built(name)
    return plan(network, interpretation, wanted)


def ids_of(network: Any) -> set[str]:
    return {c.mode.mode_id for c in candidates(*network)}


def test_the_plan_has_six_to_twelve_modes_worst_first(any_network: Any) -> None:
    modes = plan(*any_network).modes

    assert MIN_MODES <= len(modes) <= MAX_MODES
    assert [m.risk_priority for m in modes] == sorted(
        (m.risk_priority for m in modes), reverse=True
    )


def test_a_mode_is_chosen_once(any_network: Any) -> None:
    ids = [m.mode_id for m in plan(*any_network).modes]

    assert len(ids) == len(set(ids))


def test_every_target_exists_in_the_network(any_network: Any) -> None:
    network: Network = any_network[0]
    refs = (
        {a.id for a in network.agents}
        | {t.name for t in network.tools}
        | {f"{c.source}->{c.target}" for c in network.connections}
        | {a.model_class for a in network.agents}
    )

    for candidate in candidates(*any_network):
        assert {t.ref for t in candidate.mode.targets} <= refs


def test_every_reason_names_a_part_of_the_network(any_network: Any) -> None:
    network: Network = any_network[0]
    names = [a.name for a in network.agents] + [t.name for t in network.tools]

    for candidate in candidates(*any_network):
        assert any(name in candidate.mode.reason for name in names), candidate.mode.reason
        assert "{" not in candidate.mode.reason


def test_risk_priority_is_the_product_of_its_three_factors(any_network: Any) -> None:
    for candidate in candidates(*any_network):
        m = candidate.mode
        assert m.risk_priority == m.severity * m.occurrence * m.detection


def test_human_failures_need_a_human(built: Any) -> None:
    human = {"D14", "D15", "H01", "H02", "ASI09:2026"}

    assert human <= ids_of(built("claims"))
    assert not human & ids_of(built("drafting"))


def test_a_verifier_can_approve_wrongly_only_where_there_is_one(built: Any) -> None:
    assert "3.3" in ids_of(built("drafting"))
    assert "3.3" not in ids_of(built("claims"))


def test_missing_verification_strikes_only_without_a_verifier(built: Any) -> None:
    assert "3.2" in ids_of(built("claims"))
    assert "3.2" not in ids_of(built("drafting"))


def test_rate_limits_need_parallel_branches_on_one_model_class(built: Any) -> None:
    assert "D01" in ids_of(built("research"))
    assert "D01" not in ids_of(built("claims"))


def test_loops_need_a_way_back(built: Any) -> None:
    assert {"D11", "S1"} <= ids_of(built("drafting"))
    assert not {"D11", "S1"} & ids_of(built("research"))


def test_memory_failures_need_memory(built: Any) -> None:
    assert {"M1", "D12", "ASI06:2026"} <= ids_of(built("research"))
    assert not {"M1", "M3", "D12", "ASI06:2026"} & ids_of(built("claims"))


def test_injection_needs_text_from_outside(built: Any) -> None:
    assert "ASI01:2026" in ids_of(built("claims"))
    assert "ASI01:2026" not in ids_of(built("drafting"))


def test_the_plan_covers_every_kind_of_target_that_can_be_struck(any_network: Any) -> None:
    possible = {c.kind for c in candidates(*any_network)}

    assert {m.targets[0].kind for m in plan(*any_network).modes} == possible


def test_not_all_chosen_modes_are_silent(any_network: Any) -> None:
    effects = {m.effect for m in plan(*any_network).modes}

    assert len(effects) >= 3


def test_different_networks_get_plainly_different_plans(built: Any) -> None:
    names = ["claims", "research", "drafting", "alone"]
    plans = {name: {m.mode_id for m in plan(*built(name)).modes} for name in names}

    for one in names:
        for other in names:
            if one < other:
                both = plans[one] & plans[other]
                assert len(both) <= len(plans[one] | plans[other]) / 2, (one, other, both)


def test_what_follows_an_irreversible_tool_unapproved_is_rated_ten(built: Any) -> None:
    network, interpretation = built("claims")
    by_id = {c.mode.id: c.mode for c in candidates(network, interpretation)}

    assert by_id["A4@bank_transfer"].severity == 10
    assert by_id["ASI01:2026@intake"].severity == 8  # a person approves what goes that way


def test_a_verifier_downstream_lowers_the_detection_number(built: Any) -> None:
    with_verifier = {c.mode.id: c.mode for c in candidates(*built("drafting"))}["1.1@writer"]
    without = {c.mode.id: c.mode for c in candidates(*built("alone"))}["1.1@summariser"]

    assert with_verifier.detection < without.detection


def test_no_mitigation_adds_what_is_there_already(built: Any) -> None:
    modes = {c.mode.id: c.mode for c in candidates(*built("drafting"))}

    assert "verifier" not in {m.id for m in modes["1.1@writer"].mitigations}


def test_every_automatic_parameter_is_filled_in(any_network: Any) -> None:
    for candidate in candidates(*any_network):
        assert candidate.mode.mitigations
        for mitigation in candidate.mode.mitigations:
            assert "auto" not in mitigation.parameters.values()


def test_an_empty_wish_injects_nothing(built: Any) -> None:
    assert wish(built, "claims", ()).modes == ()


def test_wishes_are_met_by_mode_and_by_id(built: Any) -> None:
    chosen = wish(built, "claims", ("d15", "A4@bank_transfer")).modes

    assert {m.id for m in chosen} == {"D15@adjuster", "A4@bank_transfer"}


def test_an_unknown_wish_is_refused_with_the_known_ones(built: Any) -> None:
    with pytest.raises(DomainError, match=r"“D99”.*D01, D02"):
        wish(built, "claims", ("D99",))


def test_a_wish_that_cannot_strike_is_left_out_and_said_so(built: Any) -> None:
    chosen = wish(built, "alone", ("D15",))

    assert chosen.modes == ()
    assert "a human approval" in chosen.left_out[0]


def test_what_cannot_strike_is_said_with_what_is_lacking(built: Any) -> None:
    left_out = plan(*built("alone")).left_out

    assert any("M1" in line and "shared memory" in line for line in left_out)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 20))
def test_occurrence_grows_with_the_rate(one: float, other: float, chances: float) -> None:
    low, high = sorted((one, other))

    assert 1 <= risk.occurrence(low, chances) <= risk.occurrence(high, chances) <= 10


@pytest.mark.parametrize(
    ("per_thousand", "expected"),
    [(150, 10), (60, 9), (25, 8), (12, 7), (3, 6), (0.6, 5), (0.0001, 1)],
)
def test_occurrence_follows_the_published_thresholds(per_thousand: float, expected: int) -> None:
    assert risk.occurrence(per_thousand / 1_000, 1) == expected


def test_a_gate_for_few_cases_lacks_context_and_one_for_all_lacks_attention(built: Any) -> None:
    network, interpretation = built("claims")
    everyone = tuple(
        c.model_copy(update={"share": 1.0 if c.target == "adjuster" else 0.0})
        if c.share is not None
        else c
        for c in network.connections
    )

    few = {m.mode_id for m in plan(network, interpretation).modes}
    all_of_them = network.model_copy(update={"connections": everyone})
    many = {m.mode_id for m in plan(all_of_them, interpretation).modes}

    assert "H02" in few - many
    assert "D15" in many - few


def test_only_what_is_unclear_in_the_text_is_guessed_by_an_agent(built: Any) -> None:
    network, interpretation = built("claims")
    vague = interpretation.questions[0].model_copy(update={"evidence": ()})

    asked = ids_of((network, interpretation))
    not_asked = ids_of((network, interpretation.model_copy(update={"questions": (vague,)})))

    assert "2.2" in asked
    assert "2.2" not in not_asked


def test_a_search_of_ones_own_records_is_no_text_from_outside(built: Any) -> None:
    network, interpretation = built("claims")
    tools = tuple(t for t in network.tools if t.name != "claims_mailbox")
    inside = network.model_copy(update={"tools": tools})

    assert "ASI01:2026" not in ids_of((inside, interpretation))


def test_the_reason_does_not_deny_a_check_that_is_there(built: Any) -> None:
    network, interpretation = built("claims")
    agents = tuple(a.model_copy(update={"is_verifier": a.id == "payer"}) for a in network.agents)
    checked = network.model_copy(update={"agents": agents})

    def reason(of: Network) -> str:
        modes = [c.mode for c in candidates(of, interpretation)]
        return next(m.reason for m in modes if m.id == "ASI08:2026@intake->assessor")

    assert "nobody on the way asks again" in reason(network)
    assert "only Payer asks again" in reason(checked)
