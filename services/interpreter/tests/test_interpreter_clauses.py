"""What each sentence contributes: situation, a person's consent, a named role, the work of one agent."""

import time

import pytest

from common.contracts.scenario import Step
from interpreter.rules.clauses import is_context
from interpreter.rules.duties import duties
from interpreter.rules.people import clauses
from interpreter.rules.reading import interpret
from interpreter.rules.text import Scan

WISH = " Sort the requests and draft an answer to each."


def steps_of(text: str) -> tuple[Step, ...]:
    return interpret(text).steps


@pytest.mark.parametrize(
    "situation",
    [
        "Our brewery bottles forty kinds of beer.",
        "We are a small port on the Baltic coast.",
        "The library gets 900 requests a month.",
        "Requests arrive through the counter form with the scan of an identity card.",
        "Today somebody spends two days a week on it.",
        "Every answer must be traceable and logged.",
    ],
)
def test_a_sentence_that_only_describes_adds_no_step(situation: str) -> None:
    told = [span.text for step in steps_of(situation + WISH) for span in step.evidence]

    assert told
    assert not any(situation.rstrip(".") in words or words in situation for words in told)


@pytest.mark.parametrize(
    "work",
    [
        "The brewery wants the bottles counted and the labels checked.",
        "Count the bottles, check the labels and write the delivery note.",
        "Requests should be sorted by subject.",
    ],
)
def test_a_sentence_that_asks_for_work_is_no_context(work: str) -> None:
    scan = Scan(work)

    assert not is_context(scan, scan.sentences[0], 2)


@pytest.mark.parametrize(
    ("text", "who", "condition"),
    [
        ("Plan the pour with the site foreman's consent.", "Site Foreman", None),
        ("Orders above 20,000 EUR must go to the purchasing committee.", "Purchasing Committee", "above 20,000 EUR"),
        ("No letter leaves before legal has looked at it.", "Legal", None),
        ("Draft the reply and ask the midwife when a value is unusual.", "Midwife", "when a value is unusual"),
        ("When a ship comes, papers are read, the cargo checked and the entry signed by an officer.", "Officer", None),
        ("If the draught is doubtful, ask the pilot.", "Pilot", "If the draught is doubtful"),
        ("The harbour pilot must sign the plan.", "Harbour Pilot", None),
        ("Draft it. The final decision remains with the dean.", "Dean", None),
        ("Publish only after the curator has confirmed it.", "Curator", None),
        ("Everything above 300 kg waits for my approval.", "Requester", "above 300 kg"),
    ],
)  # fmt: skip
def test_who_must_agree_is_named_with_the_condition(
    text: str, who: str, condition: str | None
) -> None:
    found = clauses(Scan(text))

    assert [(clause.who, clause.condition) for clause in found] == [(who, condition)]


@pytest.mark.parametrize(
    "text",
    [
        "Collect the figures and send the report to the manager every Monday.",
        "Doctors ask questions about guidelines.",
        "An editor agent reviews and improves the text.",
        "Tell the dispatcher when a lorry is late.",
    ],
)
def test_who_only_reads_or_asks_or_is_an_agent_is_no_gate(text: str) -> None:
    assert clauses(Scan(text)) == ()


def test_the_step_of_a_person_stands_between_the_work_before_and_the_work_after() -> None:
    found = steps_of(
        "Draft the permit, have an engineer check and sign it, and send it to the builder."
    )

    assert [(step.verb, step.actor) for step in found] == [
        ("write", None),
        ("approve", "Engineer"),
        ("notify", None),
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "We want a surveyor, a cost estimator and a plan checker who work together on each offer.",
            ["Surveyor", "Cost Estimator", "Plan Checker"],
        ),
        (
            "A visionary, a sceptic and someone from logistics discuss every new route.",
            ["Visionary", "Sceptic", "Logistics Representative"],
        ),
        (
            "A recipe researcher finds dishes, a menu writer words them and a price calculator adds the cost.",
            ["Recipe Researcher", "Menu Writer", "Price Calculator"],
        ),
        (
            "Simulate a debate between a farmer, a miller and a baker.",
            ["Farmer", "Miller", "Baker"],
        ),
        (
            "I need a hydraulic, a structural and a thermal assessment of each dam.",
            ["Hydraulic Analyst", "Structural Analyst", "Thermal Analyst"],
        ),
    ],
)
def test_roles_stated_outright_keep_their_names(text: str, names: list[str]) -> None:
    assert [duty.name for duty in duties(Scan(text), clauses(Scan(text)))] == names
    assert [step.actor for step in steps_of(text) if step.actor in names] == names


def test_who_works_under_a_lead_is_told_with_the_lead() -> None:
    scan = Scan(
        "A festival manager splits the job among a stage lead, who has a sound planner and a light planner, and a "
        "guest lead, who has a hotel finder."
    )

    found = {duty.name: duty.lead for duty in duties(scan, ())}

    assert found["Sound Planner"] == found["Light Planner"] == "Stage Lead"
    assert found["Hotel Finder"] == "Guest Lead"
    assert found["Festival Manager"] is None


@pytest.mark.parametrize(
    "text",
    [
        "Agent 1: read the logs and count the faults. Agent 2: find the cause. Agent 3: write the report.",
        "read the logs and count the faults -> find the cause -> write the report",
        "I want an agent that reads the logs, one that finds the cause and one that writes the report.",
    ],
)
def test_work_that_the_text_sets_apart_is_one_duty_each(text: str) -> None:
    groups = [step.parallel_group for step in steps_of(text)]

    assert len(dict.fromkeys(groups)) == 3
    assert all(group and group.startswith("duty") for group in groups)


def test_long_lists_of_persons_and_roles_are_read_in_time() -> None:
    text = "A planner, a coder and a tester work until the manager approves above 500 EUR. " * 250
    interpret("A planner drafts the roster and a manager signs it.")

    start = time.process_time()
    interpret(text[:20_000])

    assert time.process_time() - start < 0.3  # of one core: the suite shares two
