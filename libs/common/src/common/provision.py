"""Make the bus agree with `common.streams`: create what is missing, update what differs.

Consumers that exist are updated too: a server keeps an old configuration silently otherwise.
`python -m common.provision` does it once, as a step of a deployment; see `ProvisionSettings`.
"""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from common import logs
from common.errors import SimulatorError
from common.permissions import inbox
from common.streams import CONSUMERS, STREAMS, ConsumerSpec, StreamSpec

logger = logging.getLogger(__name__)

MINIMUM_SERVER = (2, 14, 0)
"""Older servers have known authorisation bypasses (advisories 2026-16 and 2026-18)."""


class UnsafeServer(SimulatorError):
    """The NATS server is too old or has no JetStream; nothing is started on it."""

    code = "unsafe_server"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusAddress:
    """Where the bus is and who we are there."""

    url: str
    user: str | None = None
    password: str | None = None


async def provision(address: BusAddress, *, replicas: int = 1) -> None:
    """Connect, check the server, declare every stream and consumer, disconnect.

    Raises:
        UnsafeServer: the server may not be used.
    """
    client = await nats.connect(
        address.url,
        user=address.user,
        password=address.password,
        inbox_prefix=inbox(address.user or "admin"),
        max_reconnect_attempts=60,
        reconnect_time_wait=0.1,
        connect_timeout=2,
    )
    try:
        check_server(client)
        await declare(client.jetstream(timeout=10), replicas=replicas)
    finally:
        await client.close()


def check_server(client: Client) -> None:
    """Refuse a server that is older than `MINIMUM_SERVER`."""
    version = client.connected_server_version
    if (version.major, version.minor, version.patch) < MINIMUM_SERVER:
        wanted = ".".join(map(str, MINIMUM_SERVER))
        raise UnsafeServer(f"nats-server {version} is too old: {wanted} or newer is needed")


async def declare(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create or update every stream and consumer; safe to repeat and to run from several places at once."""
    for stream in STREAMS:
        await _declare_stream(js, stream, replicas)
    for consumer in CONSUMERS:
        await js.add_consumer(consumer.stream, consumer_config(consumer))


async def _declare_stream(js: JetStreamContext, spec: StreamSpec, replicas: int) -> None:
    config = stream_config(spec, replicas)
    try:
        await js.stream_info(spec.name)
    except NotFoundError:
        await js.add_stream(config)
        logger.info("stream created", extra={"stream": spec.name})
    else:
        await js.update_stream(config)


def stream_config(spec: StreamSpec, replicas: int) -> StreamConfig:
    """The server's form of a stream; nats-py takes ages and windows in seconds."""
    return StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW if spec.discard_new else DiscardPolicy.OLD,
        max_age=spec.max_age_s,
        max_bytes=spec.max_bytes,
        max_msg_size=spec.max_msg_bytes,
        duplicate_window=spec.duplicate_window_s,
        num_replicas=replicas,
        max_msgs_per_subject=1 if spec.is_bucket else -1,
        allow_direct=spec.is_bucket,
        allow_rollup_hdrs=spec.is_bucket,
        deny_delete=spec.is_bucket,
    )


def consumer_config(spec: ConsumerSpec) -> ConsumerConfig:
    """The server's form of a durable pull consumer with explicit acks and no server backoff."""
    return ConsumerConfig(
        durable_name=spec.durable,
        filter_subjects=list(spec.filters),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=spec.ack_wait_s,
        max_deliver=spec.max_deliver,
        max_ack_pending=spec.max_ack_pending,
    )


class ProvisionSettings(BaseSettings):
    """The step's environment: `PROVISION_NATS_URL`, `…_NATS_USER`, `…_NATS_PASSWORD[_FILE]`, `…_REPLICAS`."""

    model_config = SettingsConfigDict(env_prefix="PROVISION_", frozen=True, extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    nats_password_file: Path | None = None
    replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream in a cluster of NATS servers."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @property
    def address(self) -> BusAddress:
        password = self.nats_password.get_secret_value() if self.nats_password else None
        if self.nats_password_file is not None:
            password = self.nats_password_file.read_text().strip()
        return BusAddress(url=self.nats_url, user=self.nats_user, password=password)


def main() -> None:
    """Declare the streams and consumers of the bus that the environment names."""
    settings = ProvisionSettings()
    logs.setup("provision", settings.log_level)
    asyncio.run(provision(settings.address, replicas=settings.replicas))
    logger.info("provisioned", extra={"streams": len(STREAMS), "consumers": len(CONSUMERS)})


if __name__ == "__main__":
    main()
