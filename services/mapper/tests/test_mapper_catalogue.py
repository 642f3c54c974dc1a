"""The catalogue is complete, consistent and says where its figures come from."""

import re

import pytest

from mapper.rules.catalogue import CatalogueTool, capabilities, find, profiles, tool_named

TOOLS = [tool for capability in capabilities().values() for tool in capability.tools]
KNOWN_WORDS = """web_search web_scrape browser_automation news_api academic_search social_media vector_search
sql_database crm account_system order_management inventory_system purchase_order payment_api booking_system
travel_search maps_geo weather_api market_data company_filings trading_execution property_data clinical_data
hr_system identity_access ticketing source_control monitoring deployment_ops threat_intel email_read email_send
messaging calendar file_read file_write document_generation code_execution calculator ml_model chart_generation
image_generation image_analysis audio_processing video_processing shared_memory policy_rules"""


def test_every_capability_of_the_vocabulary_is_there() -> None:
    assert set(KNOWN_WORDS.split()) <= set(capabilities())


def test_tool_names_are_unique_snake_case() -> None:
    names = [tool.name for tool in TOOLS]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_is_described_and_has_a_sourced_profile(tool: CatalogueTool) -> None:
    profile = profiles()[tool.profile]

    assert tool.description.endswith(".")
    assert 0 < profile.p50_s < profile.p95_s
    assert "assumed" in profile.source or "Digital Applied" in profile.source


@pytest.mark.parametrize("name", sorted(capabilities()))
def test_the_first_tool_is_the_least_and_every_other_one_must_be_asked_for(name: str) -> None:
    first, *others = capabilities()[name].tools

    assert not first.cues
    assert first.effect != "irreversible"
    assert all(tool.cues for tool in others)


@pytest.mark.parametrize(
    "tool", [tool for tool in TOOLS if tool.effect == "irreversible"], ids=lambda tool: tool.name
)
def test_what_cannot_be_undone_needs_credentials_of_its_own(tool: CatalogueTool) -> None:
    siblings = {
        c
        for other in capabilities()[tool.capability].tools
        if other != tool
        for c in other.credentials
    }

    assert tool.credentials
    assert not set(tool.credentials) & siblings


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("RAG", "vector_search"),
        ("Knowledge Base", "vector_search"),
        ("stripe", "payment_api"),
        ("issue_refund", "payment_api"),
        ("data-warehouse", "sql_database"),
    ],
)
def test_a_capability_is_found_by_alias_and_by_tool(said: str, name: str) -> None:
    found = find(said)

    assert found is not None
    assert found.name == name


def test_the_unknown_is_not_found() -> None:
    assert find("crystal ball") is None
    assert tool_named("crystal_ball") is None
