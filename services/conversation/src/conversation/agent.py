"""The chat assistant: hears a question and the record it is about, says an answer that shows where it stands."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from common.contracts.chat import ChatAnswered, ChatAsked
from common.contracts.values import Provenance
from conversation.rules.assistant.respond import respond

NAME = "ChatAssistant"
_PIECE = re.compile(r"\s*\S+(?:[ \t]+\S+){0,11}\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAgent:
    """Answers from the record; invents no figure and changes nothing."""

    now: Callable[[], datetime]

    async def answer(self, asked: ChatAsked) -> ChatAnswered:
        """The whole answer; every figure in it is cited."""
        reply = respond(asked)
        return ChatAnswered(
            request_id=asked.request_id,
            message_id=f"{asked.request_id}-answer",
            content=reply.content,
            topic=reply.topic,
            citations=reply.citations,
            suggestions=reply.suggestions,
            answered_at=self.now(),
            provenance=Provenance(engine="rules", agent=NAME),
        )


def pieces(content: str) -> Iterator[str]:
    """An answer in pieces of up to twelve words that join to it exactly, for askers that show it as it comes."""
    end = 0
    for found in _PIECE.finditer(content):
        end = found.end()
        yield found[0]
    if end < len(content):
        yield content[end:]
