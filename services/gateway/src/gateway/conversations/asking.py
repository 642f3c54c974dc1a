"""One question on core NATS and its several replies: deltas, then the answer. Silence means the worker is gone."""

import asyncio
from collections.abc import AsyncIterator

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from common import telemetry
from common.codec import decode, encode
from common.contracts.chat import (
    ANSWER,
    CHAT_REPLY_HEADER,
    CHAT_SILENCE_S,
    ChatAnswered,
    ChatAsked,
    ChatDelta,
)
from common.errors import MalformedMessage
from common.streams import CHAT_ASK
from gateway.bus import Bus, BusAway
from gateway.errors import ChatFailed, ChatLost, ChatTimeout

NO_RESPONDERS = "503"


async def converse(
    bus: Bus, asked: ChatAsked, *, timeout_s: float, silence_s: float = CHAT_SILENCE_S
) -> AsyncIterator[ChatDelta | ChatAnswered]:
    """Deltas with content as they come, and the answer last.

    Raises:
        BusAway: the bus is away, or no assistant is running.
        ChatLost: nothing was heard for `silence_s` seconds, or pieces are missing.
        ChatTimeout: the whole took longer than `timeout_s` seconds.
        ChatFailed: what came is no answer.
    """
    if not bus.is_connected:
        raise BusAway("not connected to NATS")
    client = bus.client
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    loop = asyncio.get_running_loop()
    end, heard = loop.time() + timeout_s, 0
    try:
        body, headers = encode(asked)
        telemetry.inject(headers)
        await client.publish(CHAT_ASK, body, reply=inbox, headers=headers)
        while True:
            message = await _next(subscription, min(silence_s, end - loop.time()), end)
            said = _read(message)
            if isinstance(said, ChatAnswered):
                yield said
                return
            heard += 1
            if said.seq != heard:
                raise ChatLost("A piece of the answer is missing.")
            if said.content:
                yield said
    except nats.errors.Error as error:
        raise BusAway("the bus did not take the question") from error
    finally:
        if not client.is_closed:
            await subscription.unsubscribe()


async def _next(subscription: Subscription, wait_s: float, end: float) -> Msg:
    try:
        return await subscription.next_msg(timeout=max(0.001, wait_s))
    except (TimeoutError, nats.errors.TimeoutError) as error:
        if asyncio.get_running_loop().time() >= end:
            raise ChatTimeout("The answer was not complete in time.") from error
        raise ChatLost("The assistant fell silent.") from error


def _read(message: Msg) -> ChatDelta | ChatAnswered:
    headers = message.headers or {}
    if headers.get("Status") == NO_RESPONDERS:
        raise BusAway("no assistant is running")
    try:
        if headers.get(CHAT_REPLY_HEADER) == ANSWER:
            return decode(ChatAnswered, message.data, headers)
        return decode(ChatDelta, message.data, headers)
    except MalformedMessage as error:
        raise ChatFailed("The assistant's answer could not be read.") from error
