"""Deleting everything the acting tenant has, behind a guard."""

import secrets
from typing import Any, Literal

from sqlalchemy import delete

from gateway.conversation_models import (
    conversations,
    interaction_logs,
    persona_versions,
)
from gateway.database import Database
from gateway.errors import Forbidden
from gateway.models import idempotency, scenarios
from gateway.settings import GatewaySettings
from gateway.tenancy import owned

Scope = Literal["all", "conversations", "simulations", "agents", "logs"]

_TABLES = {
    "conversations": (conversations,),
    "simulations": (scenarios, idempotency),
    "agents": (persona_versions,),
    "logs": (interaction_logs,),
}


class ResetService:
    def __init__(self, database: Database, settings: GatewaySettings) -> None:
        self._database = database
        self._settings = settings

    def check(self, token: str | None) -> None:
        """Raises Forbidden: the token is not the one set; or none is set, and anybody may come from elsewhere.

        Where keys are required, the scope `admin` has been asked for already.
        """
        wanted = self._settings.reset_token
        if wanted is None:
            if self._settings.is_open and not self._settings.is_local:
                raise Forbidden("A reset needs GATEWAY_RESET_TOKEN to be set on this server.")
            return
        if token is None or not secrets.compare_digest(token, wanted.get_secret_value()):
            raise Forbidden("The header X-Reset-Token is missing or wrong.")

    async def reset(self, scope: Scope) -> dict[str, Any]:
        """What workers still say about them is dropped. Returns rows deleted by table."""
        chosen = [t for name, tables in _TABLES.items() if scope in {"all", name} for t in tables]
        removed: dict[str, int] = {}
        async with self._database.transaction() as connection:
            for table in chosen:
                done = await connection.execute(delete(table).where(owned(table.c.tenant)))
                removed[str(table.name)] = done.rowcount or 0
        return {"scope": scope, "deleted": removed}
