"""Sentences with their origin: a number is looked up in the record and cited, never typed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.contracts.chat import ChatCitation
from conversation.rules.assistant.figures import Form, lowered, sentence, written
from conversation.rules.assistant.record import Part, Record


@dataclass(frozen=True, slots=True)
class Fact:
    """A value at `keys` inside a part of the record, and how it is written."""

    part: Part
    keys: tuple[str | int, ...]
    form: Form
    is_inner: bool = False
    """Stands inside a sentence: small first letter, no full stop."""

    @property
    def pointer(self) -> str:
        """JSON Pointer (RFC 6901) into the payload of the event that showed the part."""
        keys = self.keys if self.part == "narrative" else (self.part, *self.keys)
        escaped = (str(key).replace("~", "~0").replace("/", "~1") for key in keys)
        return "/" + "/".join(escaped)


def run_fact(form: Form, *keys: str | int) -> Fact:
    """A figure of the run."""
    return Fact("run", keys, form)


def look_up(value: Any, keys: tuple[str | int, ...]) -> Any:
    """The value at `keys`, or null where the way ends early."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(str(key))
        elif isinstance(value, list | tuple) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


@dataclass(slots=True)
class Telling:
    """Collects what is said about a record. A sentence with an unknown figure is not said."""

    record: Record
    lines: list[str] = field(default_factory=list)
    citations: list[ChatCitation] = field(default_factory=list)

    def value(self, fact: Fact) -> Any:
        return look_up(self.record.report.get(fact.part), fact.keys)

    def say(self, template: str, /, **parts: Fact | str) -> bool:
        """Add a sentence to the paragraph; returns whether everything in it is known."""
        told = self._told(template, parts)
        if told is None:
            return False
        if self.lines and self.lines[-1] and not self.lines[-1].startswith("- "):
            self.lines[-1] = f"{self.lines[-1]} {told}"
        else:
            self.lines.append(told)
        return True

    def more(self, template: str, /, **parts: Fact | str) -> bool:
        """Add a sentence to what was said last, also to a list item."""
        told = self._told(template, parts)
        if told is not None and self.lines:
            self.lines[-1] = f"{self.lines[-1]} {told}"
        return told is not None

    def point(self, template: str, /, **parts: Fact | str) -> bool:
        """Add an item to a list; returns whether everything in it is known."""
        told = self._told(template, parts)
        if told is not None:
            self.lines.append(f"- {told}")
        return told is not None

    def paragraph(self) -> None:
        """What follows stands apart."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def _told(self, template: str, parts: Mapping[str, Fact | str]) -> str | None:
        words: dict[str, str] = {}
        cited: list[ChatCitation] = []
        for name, part in parts.items():
            if isinstance(part, str):
                words[name] = part
                continue
            value = self.value(part)
            if value is None:
                return None
            words[name] = written(value, part.form)
            if part.is_inner:
                words[name] = lowered(words[name]).rstrip(".")
            cited.append(self._cite(part, words[name], value))
        self.citations += cited
        return sentence(template.format(**words))

    def _cite(self, fact: Fact, text: str, value: Any) -> ChatCitation:
        plain = value if isinstance(value, int | float | str | bool) else None
        event_id = self.record.event_id(fact.part)
        return ChatCitation(text=text, value=plain, event_id=event_id, path=fact.pointer)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()
