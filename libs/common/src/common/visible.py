"""Text as a person sees it: without characters that hide, reorder or steer what is shown.

Unicode tags, zero-width characters and bidirectional overrides can carry text that a reader does not see and a model
does; control characters steer a terminal. (OWASP Top 10 for LLM applications 2026, LLM01: strip at ingest and render.)
"""

import unicodedata
from typing import Any

_LINES = frozenset("\n\t\r")
_JOINERS = frozenset("\u200c\u200d")
"""Part of the spelling in Persian, Hindi and other scripts, and of joined emoji."""


def is_hidden(character: str) -> bool:
    """Format characters (tags, zero-width, bidi) and variation selectors; joiners and line ends are not."""
    if character in _JOINERS or character in _LINES:
        return False
    if unicodedata.category(character) == "Cf":
        return True
    code = ord(character)
    return 0xE0100 <= code <= 0xE01EF or 0xFE00 <= code <= 0xFE0E


def without_hidden(text: str) -> str:
    return text if text.isascii() else "".join(c for c in text if not is_hidden(c))


def visible(text: str) -> str:
    """The text for a terminal: nothing hidden, and control characters by their code instead of in effect."""
    shown = without_hidden(text)
    if shown.isprintable():
        return shown
    return "".join(
        c if c in _LINES or unicodedata.category(c) != "Cc" else f"\\x{ord(c):02x}" for c in shown
    )


def all_visible(value: Any) -> Any:
    """A JSON value whose texts are all `visible`."""
    match value:
        case str():
            return visible(value)
        case dict():
            return {visible(str(key)): all_visible(item) for key, item in value.items()}
        case list():
            return [all_visible(item) for item in value]
        case _:
            return value
