"""A model may say it better; every figure stays the engine's, where it is cited."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.contracts.events import RunCompleted
from common.llm.prompts import choose
from common.llm.snapshots import same_as_kept
from common.llm.testing import ScriptedModel, silent
from narrator.agent import NarratorAgent
from narrator.llm import fields, narrator_model
from narrator.rules.narrate import narrate
from narrator.rules.retelling import ToldChapter, ToldStory, marked, problems, retold

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def full_run(make_run: Callable[..., RunCompleted]) -> RunCompleted:
    return make_run()


def told(heard: RunCompleted, change: Callable[[str], str] = lambda text: text) -> ToldStory:
    narrative = narrate(heard)
    chapters = tuple(
        ToldChapter(kind=c.kind, text=change(marked(c) or c.text)) for c in narrative.chapters
    )
    return ToldStory(headline="It bends at one place", chapters=chapters)


def agent(port: ScriptedModel) -> NarratorAgent:
    return NarratorAgent(now=lambda: NOW, model=narrator_model(port, 5.0))


async def test_the_story_is_told_in_other_words_with_the_same_figures(
    full_run: RunCompleted,
) -> None:
    before = narrate(full_run)
    port = ScriptedModel((told(full_run, lambda text: f"Plainly said: {text}"),))

    said = await agent(port).narrate(full_run)

    assert said.provenance.engine == "llm"
    assert said.narrative.headline == "It bends at one place"
    for old, new in zip(before.chapters, said.narrative.chapters, strict=True):
        assert new.text == f"Plainly said: {old.text}"
        assert new.citations == old.citations
    assert said.narrative.alerts == before.alerts


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("[1]", ""),
        lambda text: text.replace("[1]", "[1] and [1]"),
        lambda text: text + " About 73 percent of people agree.",
        lambda text: text + " [99]",
        lambda text: "Fine.",
    ],
    ids=["lost", "twice", "own figure", "unknown mark", "too short"],
)
async def test_a_story_that_loses_or_makes_a_figure_is_not_told(
    full_run: RunCompleted, change: Callable[[str], str]
) -> None:
    said = await agent(ScriptedModel((told(full_run, change),))).narrate(full_run)

    assert said.narrative == narrate(full_run)
    assert said.provenance.fallback_reason == "model_answer_invalid"


def test_citations_follow_their_figures_when_the_order_changes(full_run: RunCompleted) -> None:
    narrative = narrate(full_run)
    chapter = next(c for c in narrative.chapters if len(c.citations) >= 2 and marked(c))
    source = marked(chapter) or ""
    swapped = source.replace("[1]", "[x]").replace("[2]", "[1]").replace("[x]", "[2]")
    story = ToldStory(
        headline="It bends",
        chapters=tuple(
            ToldChapter(kind=c.kind, text=swapped if c is chapter else marked(c) or c.text)
            for c in narrative.chapters
        ),
    )

    assert problems(narrative, story) == ()
    again = next(c for c in retold(narrative, story).chapters if c.kind == chapter.kind)
    assert again.citations[:2] == (chapter.citations[1], chapter.citations[0])
    at = 0
    for citation in again.citations:
        at = again.text.index(citation.text, at) + len(citation.text)


async def test_a_silent_model_leaves_the_rules_story(full_run: RunCompleted) -> None:
    said = await agent(silent()).narrate(full_run)

    assert said.narrative == narrate(full_run)
    assert said.provenance.fallback_reason == "model_unavailable"


def test_the_prompt_is_the_one_that_was_reviewed(full_run: RunCompleted) -> None:
    given = fields("A short scenario.", narrate(full_run), 6_000)
    messages = choose("narrator", "tell", "s").render(given)

    assert same_as_kept(messages, Path(__file__).parent / "snapshots" / "tell.v1.txt")
