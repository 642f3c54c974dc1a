"""Numbers with their origin: every figure the story uses is looked up in a stream event and cited."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from common.contracts.narrative import Citation
from common.contracts.stream import StreamEvent
from common.exports.numbers import Form, written


@dataclass(frozen=True, slots=True)
class Fact:
    """A number to be told: where it stands (JSON Pointer, RFC 6901, into an event's payload) and how it is written.

    `step` names the journey event it stands in; null means the event with the figures.
    """

    pointer: str
    form: Form
    is_size: bool = False
    """Told without its sign, because the sentence says the direction (`costs … more`)."""
    step: int | None = None


def at(form: Form, *keys: str | int, size: bool = False) -> Fact:
    """The fact at `keys` below `run`."""
    parts = (str(key).replace("~", "~0").replace("/", "~1") for key in ("run", *keys))
    return Fact("/" + "/".join(parts), form, size)


def resolve(payload: Any, pointer: str) -> Any:
    """The value a JSON Pointer leads to, or null."""
    here = payload
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict):
            here = here.get(key)
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            return None
    return here


@dataclass(frozen=True, slots=True)
class Source:
    """The events of the run, where every number of the story has to stand."""

    figures: tuple[StreamEvent, ...]
    steps: tuple[StreamEvent, ...] = ()

    @classmethod
    def of(cls, stream: Sequence[StreamEvent]) -> "Source":
        return cls(
            tuple(e for e in stream if e.event_type == "observability" and "run" in e.payload),
            tuple(e for e in stream if "step" in e.payload),
        )

    def find(self, fact: Fact) -> tuple[float, str] | None:
        """The number and the id of the event it stands in; null when no event has it."""
        events = self.figures
        if fact.step is not None:
            events = tuple(e for e in self.steps if e.payload["step"] == fact.step)
        for event in events:
            value = resolve(event.payload, fact.pointer)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value), event.event_id
        return None

    def value(self, fact: Fact) -> float | None:
        found = self.find(fact)
        return found[0] if found else None


@dataclass(slots=True)
class Teller:
    """Writes sentences. A sentence with an unknown number is not told, so the story never invents one."""

    source: Source
    sentences: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)

    def say(self, template: str, /, **parts: Fact | str) -> bool:
        """Add a sentence; returns whether it could be told."""
        words: dict[str, str] = {}
        cited: list[Citation] = []
        for name, part in parts.items():
            if isinstance(part, str):
                words[name] = part
                continue
            found = self.source.find(part)
            if found is None:
                return False
            value, event_id = found
            text = written(abs(value) if part.is_size else value, part.form)
            words[name] = text
            cited.append(Citation(text=text, value=value, event_id=event_id, path=part.pointer))
        self.sentences.append(template.format(**words))
        self.citations += cited
        return True

    @property
    def text(self) -> str:
        return " ".join(self.sentences)
