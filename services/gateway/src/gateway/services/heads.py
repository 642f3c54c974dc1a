"""Tells the hub how far the followed streams are, for frames that no message brought to this process."""

from gateway.conversations.fanout import LIVE_KIND as CONVERSATIONS
from gateway.database import Database
from gateway.fanout import LIVE_KIND as SIMULATIONS
from gateway.hub import Hub
from gateway.repositories.conversations import ConversationRepository
from gateway.repositories.simulations import SimulationRepository


class Heads:
    """One look for all readers of the process. A reader of another tenant's id is told too, and finds no record."""

    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub

    async def notice(self) -> None:
        """Raises TransientError; the next look sees the same."""
        simulations = self._hub.watched(SIMULATIONS)
        conversations = self._hub.watched(CONVERSATIONS)
        if not simulations and not conversations:
            return
        async with self._database.statements() as connection:
            heads = await SimulationRepository(connection).heads([c.id for c in simulations])
            for channel in simulations:
                self._hub.notice(channel, heads.get(channel.id, 0))
            heads = await ConversationRepository(connection).heads([c.id for c in conversations])
            for channel in conversations:
                self._hub.notice(channel, heads.get(channel.id, 0))
