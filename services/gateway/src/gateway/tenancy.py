"""Whose work this is: the tenant that the running code acts for. No SQL runs here, nothing is imported from the web.

The tenant comes from the API key alone, never from what a request says. It is set once, where the request comes in,
and read where records are: by the repositories (every statement names it) and by the tenants' connections
(PostgreSQL's row-level security, the second wall).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import ColumnElement, Table, exists, true

PUBLIC = "public"
"""The one tenant of an open installation."""
EVERYONE = "*"
"""The gateway's own roles (relay, projector, reaper): they work for all tenants, on connections of their own."""

_acting: ContextVar[str] = ContextVar("acting_tenant", default=PUBLIC)


def acting_tenant() -> str:
    """The tenant the running code acts for."""
    return _acting.get()


@contextmanager
def acting_for(tenant: str) -> Iterator[None]:
    """Act for `tenant` until the block ends, in this task and those begun in it."""
    token = _acting.set(tenant)
    try:
        yield
    finally:
        _acting.reset(token)


def owned(column: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that `column`, a table's tenant, is the acting one's; no condition for the gateway itself."""
    tenant = acting_tenant()
    return true() if tenant == EVERYONE else column == tenant


def reachable(parent: Table, parent_id: str) -> ColumnElement[bool]:
    """The condition that the row `parent_id` of `parent` is the acting tenant's: for the rows that belong to it."""
    if acting_tenant() == EVERYONE:
        return true()
    return exists().where(parent.c.id == parent_id, owned(parent.c.tenant))
