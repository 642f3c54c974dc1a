"""A story told anew by somebody else: its figures stay where they are, as marks that must all come back.

A chapter that lost a mark, repeated one or brought a figure of its own is refused, and the story with it.
"""

from collections.abc import Sequence

from pydantic import Field

from common.contracts.narrative import Chapter, Narrative
from common.contracts.values import Value
from common.llm import marks
from common.llm.asking import strange_numbers


class ToldChapter(Value):
    """One chapter in other words; the marks of its figures are in it."""

    kind: str
    text: str = Field(max_length=6_000)


class ToldStory(Value):
    """A headline without figures, and chapters."""

    headline: str = Field(max_length=240)
    chapters: tuple[ToldChapter, ...]


def marked(chapter: Chapter) -> str | None:
    """The chapter's text with a mark for each citation, in their order; null if one is not found in it."""
    return marks.marked(chapter.text, _figures(chapter))


def _figures(chapter: Chapter) -> tuple[str, ...]:
    return tuple(citation.text for citation in chapter.citations)


def problems(narrative: Narrative, story: ToldStory) -> tuple[str, ...]:
    """Why the story cannot be told like this; empty if it can."""
    told = {chapter.kind: chapter.text for chapter in story.chapters}
    found = [
        f"chapter {chapter.kind}: {problem}"
        for chapter in narrative.chapters
        if chapter.text
        for problem in _wrong(chapter, told.get(chapter.kind, ""))
    ]
    strange = strange_numbers(story.headline, narrative.headline)
    if strange:
        found.append(f"headline: leave out the figures {', '.join(strange)}")
    if not story.headline.strip():
        found.append("headline: it is missing")
    return tuple(found)


def _wrong(chapter: Chapter, text: str) -> Sequence[str]:
    source = marked(chapter)
    if source is None:
        return () if text.strip() in ("", chapter.text) else ("must stay as it is",)
    return marks.wrong(source, text)


def retold(narrative: Narrative, story: ToldStory) -> Narrative:
    """The narrative in the story's words; everything that is counted stays ours."""
    told = {chapter.kind: chapter.text for chapter in story.chapters}
    chapters = tuple(_retold(chapter, told.get(chapter.kind, "")) for chapter in narrative.chapters)
    headline = " ".join(story.headline.split())
    return narrative.model_copy(update={"headline": headline, "chapters": chapters})


def _retold(chapter: Chapter, text: str) -> Chapter:
    """Marks become figures again; citations follow the order in which they now stand."""
    if not text.strip() or marked(chapter) is None:
        return chapter
    full, order = marks.filled(text, _figures(chapter))
    citations = tuple(chapter.citations[place] for place in order)
    return chapter.model_copy(update={"text": full, "citations": citations})
