"""docs/model.md says what the engine does; every default has a source."""

from pathlib import Path

from engine.defaults import (
    AGENT_DEFAULTS,
    GENERAL_DEFAULTS,
    HUMAN_DEFAULTS,
    MODEL_DEFAULTS,
    TOOL_DEFAULTS,
)
from engine.reference import defaults_table

MODEL_PAGE = Path(__file__).parents[3] / "docs" / "model.md"


def test_the_page_shows_the_defaults_as_they_are() -> None:
    assert defaults_table() in MODEL_PAGE.read_text(encoding="utf-8")


def test_every_default_names_a_source_or_says_that_it_is_assumed_or_unknown() -> None:
    families = [
        *MODEL_DEFAULTS.values(),
        AGENT_DEFAULTS,
        TOOL_DEFAULTS,
        HUMAN_DEFAULTS,
        GENERAL_DEFAULTS,
    ]
    words = (
        "costs.md",
        "limits.md",
        "assumed",
        "derived",
        "not known",
        "the ",
        "no cap",
        "no hidden",
    )

    for defaults in families:
        for name, default in defaults.items():
            assert any(word in default.source for word in words), name
            assert not default.is_assumed or "assumed" in default.source, name
