"""The story with its citations: every number points at the event it came from."""

import re
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.contracts.narrative import Alert, Chapter, Citation, Narrative
from simulator_cli.render.tables import hanging

_STYLE = {"happened": "cyan", "broke": "red", "saved": "green", "change": "yellow"}


class Footnotes:
    """Numbers citations by what they point at, so that a source cited twice has one number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self.citations: list[Citation] = []

    def number(self, citation: Citation) -> int:
        key = (citation.event_id, citation.path)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
            self.citations.append(citation)
        return self._numbers[key]


def story_view(narrative: Narrative) -> RenderableType:
    """Headline, chapters with [n] behind each cited number, alerts, and the list of sources."""
    notes = Footnotes()
    parts: list[RenderableType] = [Text(narrative.headline, style="bold"), Text()]
    for chapter in narrative.chapters:
        parts += [Text(chapter.title, style=f"bold {_STYLE[chapter.kind]}")]
        parts += [cited(chapter, notes), Text()]
    if narrative.alerts:
        parts += [Text("Alerts worth having", style="bold"), _alerts(narrative.alerts), Text()]
    if notes.citations:
        parts.append(_sources(notes))
    return Group(*parts)


def cited(chapter: Chapter, notes: Footnotes) -> Text:
    """The chapter's text with a footnote number behind each cited figure, in the order of the text."""
    places = sorted(_places(chapter), key=lambda place: place[0])
    text, done = Text(), 0
    for end, citation in places:
        text.append(chapter.text[done:end])
        text.append(f"[{notes.number(citation)}]", style="dim")
        done = end
    text.append(chapter.text[done:])
    return text


def _places(chapter: Chapter) -> Iterable[tuple[int, Citation]]:
    """Where each citation's text ends; the same text cited twice takes its next occurrence."""
    searched: dict[str, int] = {}
    for citation in chapter.citations:
        # Whole numbers only: the "0 %" cited is not the end of "90 %".
        whole = re.compile(rf"(?<![\d.,]){re.escape(citation.text)}(?![.,]?\d)")
        found = whole.search(chapter.text, searched.get(citation.text, 0))
        if not citation.text or found is None:
            yield len(chapter.text), citation
            continue
        searched[citation.text] = found.end()
        yield found.end(), citation


def _alerts(alerts: tuple[Alert, ...]) -> Table:
    return hanging(
        (
            Text(alert.severity, style="red" if alert.severity == "page" else "yellow"),
            Text.assemble(
                (alert.name, "bold"),
                f" — {alert.condition}",
                (f" ({alert.reason})" if alert.reason else "", "dim"),
            ),
        )
        for alert in alerts
    )


def _sources(notes: Footnotes) -> Text:
    """Where each number stands, as one paragraph per event; a number and its place stay together."""
    places: dict[str, list[str]] = {}
    for n, citation in enumerate(notes.citations, 1):
        place = f"[{n}]:{citation.path.lstrip('/')}"
        places.setdefault(citation.event_id, []).append(place)
    paragraphs = [f"In event {event}: {'  '.join(told)}" for event, told in places.items()]
    return Text("\n".join(["Sources", *paragraphs]), style="dim")
