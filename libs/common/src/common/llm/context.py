"""A prompt's room: each section has its share, what one leaves others use, the oldest is summarised first."""

import re
from dataclasses import dataclass

from common.llm.tokens import BYTES_PER_TOKEN, estimate_tokens

_SUMMARY_CHARS = 100
_SUMMARY_SHARE = 0.25
"""Of a section's room, for the short forms of what does not fit whole."""
_FIRST_SENTENCE = re.compile(r"^.*?[.!?](?=\s|$)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Items from the oldest to the newest. `share` is this section's part of the room, 0…1."""

    name: str
    items: tuple[str, ...]
    share: float


def fit(sections: tuple[Section, ...], room_tokens: int) -> dict[str, str]:
    """Each section's text; together at most `room_tokens` by our (high) estimate. Order decides who gets spare room."""
    wanted = {s.name: estimate_tokens("\n".join(s.items)) for s in sections}
    rooms = {s.name: min(wanted[s.name], int(room_tokens * s.share)) for s in sections}
    spare = room_tokens - sum(rooms.values())
    for section in sections:
        more = min(spare, wanted[section.name] - rooms[section.name])
        rooms[section.name] += more
        spare -= more
    return {s.name: shorten(s.items, rooms[s.name]) for s in sections}


def shorten(items: tuple[str, ...], room_tokens: int) -> str:
    """The items, or the newest whole, the ones before in their first sentence, and how many were left out."""
    if estimate_tokens("\n".join(items)) <= room_tokens:
        return "\n".join(items)
    if len(items) <= 1:
        return cut("".join(items), room_tokens)
    short_room = int(room_tokens * _SUMMARY_SHARE)
    whole = _newest(items, room_tokens - short_room)
    older = items[: len(items) - len(whole)]
    if not whole:
        whole, older = (cut(items[-1], room_tokens - short_room),), items[:-1]
    short = _newest(
        tuple(summary(item) for item in older),
        short_room - estimate_tokens("(0000 earlier left out)"),
    )
    lost = len(older) - len(short)
    note = (f"({lost} earlier left out)",) if lost else ()
    return "\n".join((*note, *short, *whole))


def summary(item: str) -> str:
    """The first sentence, at most `_SUMMARY_CHARS` characters of it."""
    found = _FIRST_SENTENCE.match(item)
    first = (found.group() if found else item).strip()
    return first if len(first) <= _SUMMARY_CHARS else f"{first[: _SUMMARY_CHARS - 1]}…"


def cut(text: str, room_tokens: int) -> str:
    """The beginning and the end of a text that is too long, and how much is missing between."""
    raw = text.encode()
    if estimate_tokens(text) <= room_tokens:
        return text
    note_bytes = 48
    half = max(0, (room_tokens * BYTES_PER_TOKEN - note_bytes) // 2)
    head = raw[:half].decode(errors="ignore")
    tail = raw[len(raw) - half :].decode(errors="ignore") if half else ""
    return f"{head} […{len(text) - len(head) - len(tail)} characters left out…] {tail}"


def _newest(items: tuple[str, ...], room_tokens: int) -> tuple[str, ...]:
    kept: list[str] = []
    for item in reversed(items):
        room_tokens -= estimate_tokens(item) + 1
        if room_tokens < 0:
            break
        kept.append(item)
    return tuple(reversed(kept))
