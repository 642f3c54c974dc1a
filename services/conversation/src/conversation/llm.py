"""What the chat assistant asks of a model: its answer in better words. Content and figures are the record's."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from common.contracts.chat import ChatAsked, ChatCitation
from common.llm.asking import About, Asking, Proposed
from common.llm.context import shorten
from common.llm.marks import filled, marked, wrong
from common.llm.port import ModelPort
from common.llm.prompts import UserText
from conversation.rules.assistant.respond import Reply

NAME = "ChatAssistant"
ANSWER_WITHIN_S = 12.0
"""A person waits for it; the asker is told every half second that the worker lives."""
_HISTORY_TURNS, _HISTORY_SHARE = 6, 0.3


class AnswerFields(BaseModel):
    """Fields of `prompts/answer`."""

    history: UserText
    question: UserText
    answer: UserText


class ProposedAnswer(BaseModel):
    text: str = Field(max_length=6_000)


@dataclass(frozen=True, slots=True)
class ChatModel:
    """Says an answer with a model; one that lost or made a figure is not said."""

    asking: Asking

    async def say(self, asked: ChatAsked, reply: Reply) -> Proposed[Reply]:
        """The reply in the model's words, its citations in the new order.

        Raises:
            ModelError: no model said it so that every figure is there.
        """
        source = marked(reply.content, figures(reply.citations)) or ""
        found = await self.asking.structured(
            "answer",
            fields(asked, source, self.asking.port.prompt_tokens),
            ProposedAnswer,
            lambda said: wrong(source, said.text),
            about=About(simulation_id=asked.simulation_id or "", job=asked.request_id),
            task="chat",
            max_tokens=1_000,
        )
        content, order = filled(found.value.text, figures(reply.citations))
        citations = tuple(reply.citations[place] for place in order)
        said = Reply(content, reply.topic, citations, reply.suggestions)
        return Proposed(said, found.provenance)


def can_be_said_anew(reply: Reply) -> bool:
    """Only what was read in a record, and only if each of its figures is found in the text."""
    return bool(reply.citations) and marked(reply.content, figures(reply.citations)) is not None


def figures(citations: Sequence[ChatCitation]) -> tuple[str, ...]:
    return tuple(citation.text for citation in citations)


def fields(asked: ChatAsked, source: str, room_tokens: int) -> AnswerFields:
    """The prompt's fields; of the talk the newest turns are told whole."""
    turns = tuple(f"{turn.role}: {turn.content}" for turn in asked.history[-_HISTORY_TURNS:])
    return AnswerFields(
        history=shorten(turns or ("(nothing)",), int(room_tokens * _HISTORY_SHARE)),
        question=asked.message,
        answer=source,
    )


def chat_model(port: ModelPort | None) -> ChatModel | None:
    """Null without a port: the rules answer alone."""
    if port is None:
        return None
    asking = Asking(
        port=port,
        package="conversation",
        agent="conversation",
        name=NAME,
        deadline_s=ANSWER_WITHIN_S,
    )
    return ChatModel(asking)
