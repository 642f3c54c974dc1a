"""A story told anew by somebody else: its figures stay where they are, as marks that must all come back.

`marked` turns every cited figure into `[1]`, `[2]`, …; `retold` puts them back. A text that lost a mark, repeated one
or brought a figure of its own is refused, chapter by chapter.
"""

import re
from collections.abc import Sequence

from pydantic import Field

from common.contracts.narrative import Chapter, Narrative
from common.contracts.values import Value
from common.llm.asking import strange_numbers

_MARK = re.compile(r"\[(\d+)\]")
_LONGER, _SHORTER = 2.0, 0.25
"""A telling may be at most twice as long as ours and must say at least a quarter of it."""


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
    parts, at = [], 0
    for number, citation in enumerate(chapter.citations, 1):
        place = chapter.text.find(citation.text, at)
        if place < 0:
            return None
        parts += [chapter.text[at:place], f"[{number}]"]
        at = place + len(citation.text)
    return "".join((*parts, chapter.text[at:]))


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
    if not text.strip():
        return ("it is missing",)
    found = []
    wanted, given = sorted(_MARK.findall(source)), sorted(_MARK.findall(text))
    if wanted != given:
        found.append(
            f"each of the marks {_listed(wanted)} must be there once, not {_listed(given)}"
        )
    strange = strange_numbers(_MARK.sub("", text), _MARK.sub("", source))
    if strange:
        found.append(f"figures of your own: {', '.join(strange[:5])}")
    if not _SHORTER * len(source) <= len(text) <= _LONGER * len(source) + 200:
        found.append("it is much too short or too long")
    return found


def _listed(marks: Sequence[str]) -> str:
    return " ".join(f"[{mark}]" for mark in marks) or "(none)"


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
    order = [int(mark) - 1 for mark in _MARK.findall(text)]
    filled = _MARK.sub(lambda mark: chapter.citations[int(mark[1]) - 1].text, text.strip())
    return chapter.model_copy(
        update={"text": filled, "citations": tuple(chapter.citations[n] for n in order)}
    )
