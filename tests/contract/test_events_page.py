import itertools
from pathlib import Path

from common.contracts.events import SIMULATION_EVENTS, STAGES
from common.contracts.stream import CATEGORY, EventType
from common.reference import events_page
from common.streams import PROJECTED, WORKER_EARS, WORKER_SAYS

ROOT = Path(__file__).parents[2]


def test_the_page_of_events_is_what_the_contracts_say():
    page = (ROOT / "docs" / "events.md").read_text()

    assert page == events_page(), "run: python -m common.reference > docs/events.md"


def test_every_subject_is_written_once():
    subjects = [event.subject for event in SIMULATION_EVENTS]

    assert len(subjects) == len(set(subjects))
    assert all(subject.startswith("sim.v1.") and subject.count(".") == 3 for subject in subjects)


def test_every_stage_has_one_worker_that_says_it_and_the_projector_hears_it():
    stages = [event.stage for says in WORKER_SAYS.values() for event in says]

    assert sorted(stages) == sorted(STAGES)
    assert all(event in PROJECTED for says in WORKER_SAYS.values() for event in says)


def test_the_pipeline_is_a_chain_each_worker_hears_what_the_one_before_it_says():
    order = ["interpreter", "planner", "mapper", "failure", "simulation", "narrator"]

    for before, after in itertools.pairwise(order):
        assert WORKER_SAYS[before][0] in WORKER_EARS[after]


def test_every_client_event_has_a_category():
    assert set(CATEGORY) == set(EventType.__args__)
