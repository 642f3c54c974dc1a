"""How an answer leaves for the asker's inbox: signs of life, pieces, and the whole at the end."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from common import telemetry
from common.bus import Bus, error_code, public_reason
from common.codec import decode, encode
from common.contracts.chat import (
    ANSWER,
    CHAT_BEAT_S,
    CHAT_REPLY_HEADER,
    DELTA,
    ChatAnswered,
    ChatAsked,
    ChatDelta,
)
from common.contracts.conversations import PersonaAnswered, PersonaAsked, TurnDelta
from common.errors import MalformedMessage
from common.streams import LIVE_WORDS, live_subject
from conversation.agent import ChatAgent, pieces
from conversation.turns import DeliberationAgent

logger = logging.getLogger(__name__)


async def answer_to(bus: Bus, message: Msg, chat: ChatAgent) -> None:
    """Answer one question on its reply inbox; whatever goes wrong becomes an answer that says so."""
    if not message.reply:
        logger.warning("a question without a reply inbox was dropped")
        return
    counters = bus.counters
    counters.in_flight += 1
    began = asyncio.get_running_loop().time()
    try:
        await _answer(bus, message, chat)
    except NatsError:
        logger.warning("the answer could not be sent", exc_info=True)
    finally:
        counters.in_flight -= 1
        counters.handled += 1
        counters.busy_s += asyncio.get_running_loop().time() - began


async def _answer(bus: Bus, message: Msg, chat: ChatAgent) -> None:
    asker = _Asker(bus=bus, inbox=message.reply)
    try:
        asked = decode(ChatAsked, message.data, message.headers)
    except MalformedMessage as error:
        bus.counters.malformed += 1
        await asker.whole(_error(bus, "unknown", error))
        return
    asker.request_id = asked.request_id
    alive = asyncio.create_task(asker.beat())
    try:
        answered = await chat.answer(asked)
    except Exception as error:
        bus.counters.given_up += 1
        logger.error("the assistant failed", exc_info=error)
        answered = _error(bus, asked.request_id, error)
    finally:
        alive.cancel()
        with suppress(asyncio.CancelledError):
            await alive
    if asked.stream and answered.status == "complete":
        for piece in pieces(answered.content):
            await asker.delta(piece)
    await asker.whole(answered)


async def audition(bus: Bus, message: Msg, deliberation: DeliberationAgent) -> None:
    """Let a persona speak for once; an error is an answer too."""
    if not message.reply:
        return
    try:
        answered = await deliberation.audition(decode(PersonaAsked, message.data, message.headers))
    except Exception as error:
        logger.warning("an audition failed", exc_info=error)
        answered = PersonaAnswered(error=error_code(error), reason=public_reason(error))
    body, headers = encode(answered)
    with suppress(NatsError):
        await bus.broker.publish(body, message.reply, headers=headers)


async def tell(bus: Bus, delta: TurnDelta) -> None:
    """Show more of a message while it is written; no harm if it is lost."""
    body, headers = encode(delta)
    with suppress(NatsError):
        subject = live_subject(LIVE_WORDS, delta.conversation_id)
        await bus.broker.publish(body, subject, headers=headers)


def _error(bus: Bus, request_id: str, error: Exception) -> ChatAnswered:
    return ChatAnswered(
        request_id=request_id,
        message_id=f"{request_id}-answer",
        content=public_reason(error),
        status="error",
        error=error_code(error),
        answered_at=bus.now(),
    )


@dataclass(slots=True, kw_only=True)
class _Asker:
    """Who waits for the answer. `seq` counts what was sent."""

    bus: Bus
    inbox: str
    request_id: str = "unknown"
    seq: int = 0

    async def beat(self) -> None:
        while True:
            await self.delta("")
            await asyncio.sleep(CHAT_BEAT_S)

    async def delta(self, content: str) -> None:
        self.seq += 1
        delta = ChatDelta(request_id=self.request_id, seq=self.seq, content=content)
        await self._send(delta, DELTA)

    async def whole(self, answered: ChatAnswered) -> None:
        await self._send(answered, ANSWER)

    async def _send(self, value: ChatDelta | ChatAnswered, kind: str) -> None:
        body, headers = encode(value)
        headers[CHAT_REPLY_HEADER] = kind
        telemetry.inject(headers)
        await self.bus.broker.publish(body, self.inbox, headers=headers)
