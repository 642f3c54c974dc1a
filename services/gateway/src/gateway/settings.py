"""The gateway's settings, read once from `GATEWAY_*` variables and never changed."""

from typing import Annotated, Literal, Self

from limits import parse
from pydantic import (
    AfterValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Role = Literal["http", "relay", "projector", "reaper"]
ROLES: tuple[Role, ...] = ("http", "relay", "projector", "reaper")

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _checked_rate(value: str) -> str:
    """Raises ValueError unless it is empty or like `60/minute`."""
    if value:
        parse(value)
    return value


Rate = Annotated[str, AfterValidator(_checked_rate)]
CommaSeparated = NoDecode
"""Lists are written `a,b` in the environment, not as JSON."""


class GatewaySettings(BaseSettings):
    """Times in seconds, sizes in bytes. A bad value stops the start."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="ignore")

    database_url: SecretStr
    """`postgresql+asyncpg://…`; `postgresql://` is read as the same."""
    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    nats_inbox_prefix: str = "_INBOX_gateway"
    """Own prefix, so that permissions keep other services from reading our replies."""
    bus_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream where they must be declared again; the same as the provisioning step's."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    roles: Annotated[frozenset[Role], CommaSeparated] = frozenset(ROLES)
    cors_origins: Annotated[tuple[str, ...], CommaSeparated] = ()
    """Origins a browser may call from; empty: none but our own."""
    auth: Literal["auto", "open", "required"] = "auto"
    """`required`: every caller needs an API key. `open`: none, all is one tenant's, for this machine only.
    `auto`: open on a loopback address, else required."""
    published_on: str | None = None
    """The address others reach the port by, where that is not `host`: in a container, the one it is published on."""
    allowed_hosts: Annotated[tuple[str, ...], CommaSeparated] = ()
    """Names beside localhost under which an open installation may be called; numeric addresses always may."""
    rate_reads: Rate = "1200/minute"
    rate_writes: Rate = "120/minute"
    rate_connects: Rate = "120/minute"
    """Per key and process, where keys are required; empty: no limit."""
    rate_address: Rate = "3000/minute"
    rate_failures: Rate = "20/minute"
    """Per address: all requests, and those with a wrong key."""
    trusted_proxies: Annotated[tuple[str, ...], CommaSeparated] = ()
    """Addresses whose X-Forwarded-For is believed, so that rates count the client and not the proxy."""
    max_streams_per_tenant: PositiveInt = 1_000
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    shutdown_grace_s: PositiveInt = 10

    pool_size: PositiveInt = 8
    """Of each of the two pools: the gateway's own, and the one for requests."""
    pool_overflow: int = Field(default=8, ge=0)
    pool_wait_s: PositiveFloat = 3.0
    statement_timeout_s: PositiveFloat = 5.0
    lock_timeout_s: PositiveFloat = 2.0

    max_body_bytes: PositiveInt = 256 * 1024
    max_outbox_rows: PositiveInt = 10_000
    """Above it new work is refused with 503: the bus does not keep up."""
    max_wait_s: PositiveFloat = 30.0
    default_wait_s: float = Field(default=5.0, ge=0)
    idempotency_hold_s: PositiveInt = 24 * 3600

    socket_send_timeout_s: PositiveFloat = 5.0
    socket_wait_s: PositiveFloat = 300.0
    """How long a socket may wait for a simulation that does not exist yet."""
    max_sockets: PositiveInt = 5_000
    sse_ping_s: PositiveFloat = 15.0
    feed_frames: PositiveInt = 256
    feed_bytes: PositiveInt = 1024 * 1024
    head_poll_s: PositiveFloat = 2.0
    """How often the record is asked whether watched simulations went on unheard."""

    relay_batch: PositiveInt = 200
    relay_poll_s: PositiveFloat = 0.25
    publish_timeout_s: PositiveFloat = 3.0
    projector_batch: PositiveInt = 64
    projector_concurrency: PositiveInt = 8

    reaper_every_s: PositiveFloat = 15.0
    stalled_after_s: PositiveFloat = 60.0
    """Silence after which the awaited work is sent out again."""
    busy_after_s: PositiveFloat = 180.0
    """The same when a worker has said that it began: longer than a step may take (150 s)."""
    max_reemissions: PositiveInt = 3
    deadline_s: PositiveFloat = 30 * 60.0

    ask_timeout_s: PositiveFloat = 5.0
    """For questions to a worker (edit, review)."""
    chat_timeout_s: PositiveFloat = 60.0
    """For a whole answer of the assistant; one that shows no sign of life is given up much sooner."""

    conversation_stalled_after_s: PositiveFloat = 30.0
    """Silence after which a turn of a conversation is asked for again."""
    conversation_max_reemissions: PositiveInt = 5
    archive_days: PositiveInt | None = None
    """Archived conversations are deleted after so many days; unset: they are kept."""
    reset_token: SecretStr | None = None
    """What `POST /api/system/reset` must bring as `X-Reset-Token`; unset: it works on a loopback address only."""

    @field_validator("roles", "cors_origins", "allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("cors_origins")
    @classmethod
    def _no_wildcard(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in value:
            raise ValueError(
                "name the origins; a wildcard lets every page on the web call this API"
            )
        return value

    @model_validator(mode="after")
    def _open_only_here(self) -> Self:
        if self.auth == "open" and not self.is_local:
            raise ValueError(
                f"GATEWAY_AUTH=open on {self.published_on or self.host}: anybody who reaches it could read and"
                " delete everything. Use keys (GATEWAY_AUTH=required) or a loopback address (of a container:"
                " GATEWAY_PUBLISHED_ON)"
            )
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the port."""
        return (self.published_on or self.host) in LOOPBACK

    @property
    def is_open(self) -> bool:
        """Whether callers need no key."""
        return self.auth == "open" or (self.auth == "auto" and self.is_local)

    @property
    def known_hosts(self) -> frozenset[str]:
        return frozenset({*LOOPBACK, self.host, *self.allowed_hosts})

    @property
    def dsn(self) -> str:
        """The URL with the driver named: a bare `postgresql://` would ask for psycopg."""
        url = self.database_url.get_secret_value()
        for bare in ("postgresql://", "postgres://"):
            if url.startswith(bare):
                return "postgresql+asyncpg://" + url.removeprefix(bare)
        return url
