"""The projector of conversations: hears the turns that were taken and has the floor judge them."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from nats.aio.msg import Msg

from common.codec import decode
from common.contracts.conversations import TurnFailed, TurnTaken
from common.errors import MalformedMessage
from common.streams import TURN_PROJECTOR, ConsumerSpec
from gateway.bus import Bus
from gateway.pipeline import Verdict
from gateway.projector import Projector
from gateway.services.floor import Floor
from gateway.services.ledger import Ledger


class TurnProjector(Projector):
    """As the projector of simulations, on the other stream."""

    consumer: ClassVar[ConsumerSpec] = TURN_PROJECTOR

    def __init__(
        self,
        bus: Bus,
        ledger: Ledger,
        floor: Floor,
        *,
        batch: int,
        concurrency: int,
        declare: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(bus, ledger, batch=batch, concurrency=concurrency, declare=declare)
        self._floor = floor

    async def _judge(self, template: str, message: Msg) -> Verdict:
        if template == TurnTaken.subject:
            taken = decode(TurnTaken, message.data, message.headers)
            self._check(taken.conversation_id, message)
            accepted = await self._floor.accept(taken)
        elif template == TurnFailed.subject:
            failed = decode(TurnFailed, message.data, message.headers)
            self._check(failed.conversation_id, message)
            accepted = await self._floor.fail(failed)
        else:
            raise MalformedMessage(f"nobody says {template}")
        return Verdict.ACCEPT if accepted else Verdict.STRANGER

    @staticmethod
    def _check(conversation_id: str, message: Msg) -> None:
        if conversation_id != message.subject.rpartition(".")[2]:
            raise MalformedMessage("the subject names another conversation than the body")
