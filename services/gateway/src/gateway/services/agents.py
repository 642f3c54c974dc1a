"""The personas as they stand: the defaults with what people have changed, version by version."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError

from common.contracts.conversations import Persona
from common.personas import CRITERIA, PERSONAS, persona_by_id
from gateway.database import Database
from gateway.errors import AgentNotFound, Conflict, InvalidRequest
from gateway.frames import iso
from gateway.repositories.agents import AgentRepository


class AgentService:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Persona]:
        """In their fixed order."""
        async with self._database.transaction() as connection:
            changed = await AgentRepository(connection).current()
        return [_current(persona, changed.get(persona.id)) for persona in PERSONAS]

    async def team(self, chosen: Sequence[str] | None) -> list[Persona]:
        """All, or the ones named, in the order of all. Raises AgentNotFound."""
        known = await self.all()
        if chosen is None:
            return known
        for agent_id in chosen:
            if persona_by_id(agent_id) is None:
                raise AgentNotFound(agent_id)
        return [persona for persona in known if persona.id in chosen]

    async def one(self, agent_id: str) -> dict[str, Any]:
        """With its history. Raises AgentNotFound."""
        persona = (await self.team((agent_id,)))[0]
        async with self._database.transaction() as connection:
            versions = await AgentRepository(connection).versions(agent_id)
        history = [
            {
                "version": row["version"],
                "is_default": row["persona"] is None,
                "created_at": iso(row["created_at"]),
            }
            for row in versions
        ]
        return agent_body(persona) | {"versions": [{"version": 1, "is_default": True}, *history]}

    async def change(self, agent_id: str, changes: dict[str, Any] | None) -> dict[str, Any]:
        """A new version; None goes back to the default.

        Raises:
            AgentNotFound: there is no such agent.
            InvalidRequest: a criterion is not known, or none has a weight.
            Conflict: somebody else changed it at this moment.
        """
        default = persona_by_id(agent_id)
        if default is None:
            raise AgentNotFound(agent_id)
        persona: dict[str, Any] | None = None
        if changes is not None:
            current = (await self.team((agent_id,)))[0].model_dump(mode="json")
            persona = Persona.model_validate(current | changes).model_dump(mode="json")
            check_criteria(persona["criteria"])
        try:
            async with self._database.transaction() as connection:
                await AgentRepository(connection).add(agent_id, persona)
        except IntegrityError as error:
            raise Conflict(f"The agent {agent_id!r} was changed at the same moment.") from error
        return await self.one(agent_id)


def check_criteria(criteria: dict[str, float]) -> None:
    """Raises InvalidRequest."""
    unknown = sorted(set(criteria) - set(CRITERIA))
    if unknown:
        raise InvalidRequest(
            f"criteria: unknown {', '.join(unknown)}", suggestion=f"Known: {', '.join(CRITERIA)}."
        )
    if not any(weight > 0 for weight in criteria.values()) or any(w < 0 for w in criteria.values()):
        raise InvalidRequest("criteria: weights are not negative, and at least one is above 0")


def agent_body(persona: Persona) -> dict[str, Any]:
    default = persona_by_id(persona.id)
    is_default = default is not None and persona.model_copy(update={"version": 1}) == default
    return persona.model_dump(mode="json") | {"is_default": is_default}


def _current(default: Persona, changed: tuple[int, dict[str, Any] | None] | None) -> Persona:
    if changed is None:
        return default
    version, persona = changed
    base = Persona.model_validate(persona) if persona else default
    return base.model_copy(update={"version": version})
