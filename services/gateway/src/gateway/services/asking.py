"""Questions to workers over request-reply: encoded, traced, bounded in time."""

from dataclasses import dataclass

from common import telemetry
from common.codec import decode, encode
from common.contracts.values import Value
from common.errors import MalformedMessage
from gateway.bus import Bus, BusAway
from gateway.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Asking:
    bus: Bus
    timeout_s: float

    async def ask[V: Value](self, subject: str, asked: Value, shape: type[V], *, whom: str) -> V:
        """The answer of one replica of the worker `whom`.

        Raises:
            Unavailable: none answered in time, or not so that it could be read.
        """
        payload, headers = encode(asked)
        telemetry.inject(headers)
        try:
            data, answered = await self.bus.ask(subject, payload, headers, timeout_s=self.timeout_s)
            return decode(shape, data, answered)
        except BusAway as error:
            raise Unavailable(f"No {whom} answered.") from error
        except MalformedMessage as error:
            raise Unavailable(f"The {whom}'s answer could not be read.") from error
