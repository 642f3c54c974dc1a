"""Hearing one agent on a problem without storing anything."""

from typing import Any

from common.codec import decode, encode
from common.contracts.conversations import PersonaAnswered, PersonaAsked
from common.errors import MalformedMessage
from common.streams import PERSONA_ASK
from gateway.bus import Bus
from gateway.errors import ChatFailed
from gateway.services.agents import AgentService


class TrialService:
    def __init__(self, bus: Bus, agents: AgentService, *, timeout_s: float) -> None:
        self._bus = bus
        self._agents = agents
        self._timeout_s = timeout_s

    async def hear(self, agent_id: str, goal: str) -> dict[str, Any]:
        """The agent's first own messages.

        Raises:
            AgentNotFound: there is no such agent.
            BusAway: no worker answered in time.
            ChatFailed: it answered with an error.
        """
        persona = (await self._agents.team((agent_id,)))[0]
        body, headers = encode(PersonaAsked(persona=persona, goal=goal))
        data, replied = await self._bus.ask(PERSONA_ASK, body, headers, timeout_s=self._timeout_s)
        try:
            answered = decode(PersonaAnswered, data, replied)
        except MalformedMessage as error:
            raise ChatFailed("The worker's answer could not be read.") from error
        if answered.error is not None:
            raise ChatFailed(answered.reason or "The agent could not speak.")
        said = [m.model_dump(mode="json") for m in answered.messages]
        return {
            "agent_id": agent_id,
            "version": persona.version,
            "response": said[0]["content"] if said else "",
            "messages": said,
            "provenance": answered.provenance.model_dump(mode="json"),
        }
