"""A duty's wording chooses between reading, changing and acting for good."""

import pytest

from common.contracts.network import AgentSpec
from common.contracts.values import Evidence
from mapper.rules.catalogue import capabilities
from mapper.rules.choice import custom, tools_for
from mapper.rules.wording import asks_for, clauses, stem

CASES: tuple[tuple[str, str, set[str]], ...] = (
    ("payment_api", "check whether the payment arrived", {"look_up_payment"}),
    ("payment_api", "issue the agreed refund to the buyer", {"issue_refund"}),
    ("payment_api", "pay small refunds automatically", {"issue_refund"}),
    ("payment_api", "recommend a refund amount", {"look_up_payment"}),
    ("payment_api", "prepare the payment without releasing the payment", {"look_up_payment"}),
    ("payment_api", "never refund customers", {"look_up_payment"}),
    ("payment_api", "charge the customer's card", {"take_payment"}),
    ("payment_api", "issue a voucher; pay approved refunds", {"issue_voucher", "issue_refund"}),
    ("payment_api", "pay approved supplier invoices", {"transfer_funds"}),
    ("order_management", "track the delivery", {"look_up_order"}),
    ("order_management", "cancel the order", {"update_order"}),
    ("order_management", "look up the order, then cancel the order", {"look_up_order", "update_order"}),
    ("crm", "read the customer's history", {"look_up_customer"}),
    ("crm", "log the interaction", {"update_customer_record"}),
    ("trading_execution", "monitor open positions", {"look_up_positions"}),
    ("trading_execution", "execute trades within limits", {"place_trade"}),
    ("deployment_ops", "inspect the running version", {"inspect_deployment"}),
    ("deployment_ops", "roll back the failed release", {"change_live_system"}),
    ("deployment_ops", "propose to restart the service", {"inspect_deployment"}),
    ("email_send", "tell the applicant", {"send_email"}),
    ("calendar", "look for free slots", {"check_calendar"}),
    ("calendar", "schedule the interview", {"schedule_appointment"}),
    ("clinical_data", "summarise the patient's chart", {"read_patient_record"}),
    ("clinical_data", "prescribe the medication", {"place_clinical_order"}),
    ("source_control", "read the repository", {"read_repository"}),
    ("source_control", "open a pull request with the fix", {"change_repository"}),
    ("audio_processing", "transcribe the call", {"transcribe_speech"}),
    ("ml_model", "train a demand model", {"train_model"}),
    ("sql_database", "report the monthly sales", {"query_database"}),
    ("sql_database", "save the result in the database", {"update_database"}),
)  # fmt: skip


def an_agent(duty: str, *, is_verifier: bool = False) -> AgentSpec:
    return AgentSpec(
        id="a", name="A", role="worker", responsibilities=(duty,), is_verifier=is_verifier
    )


@pytest.mark.parametrize(("capability", "duty", "names"), CASES, ids=[case[1] for case in CASES])
def test_the_wording_chooses_the_least_tool(capability: str, duty: str, names: set[str]) -> None:
    chosen = tools_for(an_agent(duty), capabilities()[capability])

    assert {tool.name for tool in chosen} == names


SAID_AND_ROLE = (
    (
        "small refunds paid automatically",
        "executes payments, payouts and transfers",
        {"issue_refund"},
    ),
    ("propose a rollback", "deploys and configures systems", {"inspect_deployment"}),
    ("and a table booked for the guest", "handles reservations", {"make_booking"}),
    ("the guest is greeted", "books and cancels reservations", {"make_booking"}),
    ("read the guest's book", "looks after reservations", {"check_availability"}),
)


@pytest.mark.parametrize(
    ("said", "role", "names"), SAID_AND_ROLE, ids=[r[0] for r in SAID_AND_ROLE]
)
def test_what_the_scenario_says_goes_before_what_the_role_does(
    said: str, role: str, names: set[str]
) -> None:
    agent = an_agent(role).model_copy(
        update={"evidence": (Evidence(text=said, start=0, end=len(said)),)}
    )
    capability = next(c for c in capabilities().values() if names <= {t.name for t in c.tools})

    assert {tool.name for tool in tools_for(agent, capability)} == names


@pytest.mark.parametrize("name", sorted(capabilities()))
def test_a_verifier_changes_nothing_where_it_can_look(name: str) -> None:
    capability = capabilities()[name]
    duty = "; ".join(cue for tool in capability.tools for cue in tool.cues) or "do it"
    chosen = tools_for(an_agent(duty, is_verifier=True), capability)

    can_look = any(tool.effect in {"none", "read"} for tool in capability.tools)

    assert chosen
    assert not can_look or all(tool.effect in {"none", "read"} for tool in chosen)


def test_a_step_counts_as_a_duty() -> None:
    silent = AgentSpec(id="a", name="A", role="clerk")

    chosen = tools_for(silent, capabilities()["payment_api"], ("issue the refund",))

    assert [tool.name for tool in chosen] == ["issue_refund"]


@pytest.mark.parametrize(
    ("duty", "effect"),
    [
        ("read the beehive scale", "read"),
        ("update the beehive log", "write"),
        ("shut the beehive", "irreversible"),
    ],
)
def test_an_unknown_capability_becomes_a_custom_tool_with_the_effect_of_the_duty(
    duty: str, effect: str
) -> None:
    tool = custom("beehive scale", [duty])

    assert (tool.name, tool.capability, tool.side_effect) == (
        "beehive_scale",
        "beehive scale",
        effect,
    )
    assert tool.source.startswith("assumed")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("schedules", "scheduling"),
        ("paid", "pay"),
        ("policies", "policy"),
        ("cancelled", "cancelling"),
        ("refunds", "refund"),
        ("booked", "book"),
    ],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_a_cue_spans_a_few_words_and_not_a_sentence() -> None:
    near = clauses(["issue the agreed partial refund"])[0]
    far = clauses(["issue the invoice to the client who asked for it last week after a refund"])[0]

    assert asks_for(near, "issue refund")
    assert not asks_for(far, "issue refund")
