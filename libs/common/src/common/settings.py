"""Settings every worker has. Each worker subclasses this with its own environment prefix."""

import os
import socket

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """Read from the environment once, in `__main__`; a bad value stops the start and names the variable."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    instance: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}".replace(".", "-"),
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
    )
    slots: int = Field(default=4, ge=1, le=64)
    """Jobs this process works on at the same time."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    stop_within_s: float = Field(default=12.0, gt=0)
    metrics_port: int | None = Field(default=None, ge=0, le=65_535)
    """Where `/metrics` and `/health/*` answer; unset: nowhere. See `common.exposition`."""
    metrics_host: str = "127.0.0.1"
