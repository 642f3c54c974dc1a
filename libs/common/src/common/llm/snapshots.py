"""Prompts as they are sent, kept as files beside the tests: a changed word is a changed file in the review."""

import os
from pathlib import Path

from common.llm.port import Message

UPDATE = "SIMULATOR_UPDATE_SNAPSHOTS"


def same_as_kept(messages: tuple[Message, ...], file: Path) -> bool:
    """Whether the messages are those in `file`; with the variable `SIMULATOR_UPDATE_SNAPSHOTS` it is written anew."""
    text = "\n".join(f"=== {message.role}\n{message.content}" for message in messages) + "\n"
    if os.environ.get(UPDATE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return file.exists() and file.read_text(encoding="utf-8") == text
