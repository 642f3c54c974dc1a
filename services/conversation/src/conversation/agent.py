"""The chat assistant: hears a question and the record it is about, says an answer that shows where it stands."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from common.contracts.chat import ChatAnswered, ChatAsked
from common.contracts.values import Provenance
from common.llm.asking import Proposed, proposed_or_rules
from conversation.llm import NAME, ChatModel, can_be_said_anew
from conversation.rules.assistant.respond import Reply, respond

_PIECE = re.compile(r"\s*\S+(?:[ \t]+\S+){0,11}\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAgent:
    """Answers from the record; invents no figure and changes nothing. A `model` may say it in better words."""

    now: Callable[[], datetime]
    model: ChatModel | None = None

    async def answer(self, asked: ChatAsked) -> ChatAnswered:
        """The whole answer; every figure in it is cited."""
        found = await self._said(asked)
        reply = found.value
        return ChatAnswered(
            request_id=asked.request_id,
            message_id=f"{asked.request_id}-answer",
            content=reply.content,
            topic=reply.topic,
            citations=reply.citations,
            suggestions=reply.suggestions,
            answered_at=self.now(),
            provenance=found.provenance,
        )

    async def _said(self, asked: ChatAsked) -> Proposed[Reply]:
        reply = respond(asked)
        by_rules = Proposed(reply, Provenance(engine="rules", agent=NAME))
        model = self.model
        if model is None or not can_be_said_anew(reply):
            return by_rules
        return await proposed_or_rules("auto", by_rules, lambda: model.say(asked, reply))


def pieces(content: str) -> Iterator[str]:
    """An answer in pieces of up to twelve words that join to it exactly, for askers that show it as it comes."""
    end = 0
    for found in _PIECE.finditer(content):
        end = found.end()
        yield found[0]
    if end < len(content):
        yield content[end:]
